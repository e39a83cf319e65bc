/**
 * What no encoder asks for. A graph beyond these limits is refused as a whole: it is not run in another way
 * either, since ONNX Runtime would compute what is refused here.
 */
import { HeadlightError } from '../../base';

export const LIMITS = {
  /** Nodes that are imported, those of branches that are taken among them; the largest encoders have a tenth. */
  nodes: 40_000,
  /** Elements of one value at the few tokens that a graph is imported with. */
  elements: 2 ** 31,
  /** Elements of one value that is made of a shape alone. */
  made: 2 ** 24,
  /** Elements of all values together that are computed while a graph is imported; no more is folded. */
  computed: 2 ** 23,
  /** Elements of all constants that are read for that; those that are read again among them. */
  folded: 2 ** 28,
} as const;

/** Hostile or broken beyond doubt; other `bad-model`s may only mean that an operator is not known here. */
export class AbsurdGraph extends HeadlightError {
  constructor(what: string, cause?: unknown) {
    super('bad-model', what, {
      hint: 'The file is damaged, or no encoder of texts. Download or export it again.',
      ...(cause === undefined ? {} : { cause }),
    });
  }
}

/** @throws AbsurdGraph */
export function withinLimit(count: number, limit: keyof typeof LIMITS, what: string): number {
  if (count >= 0 && count <= LIMITS[limit]) return count;
  throw new AbsurdGraph(`${what} (${count}; at most ${LIMITS[limit]} ${limit} are taken).`);
}
