/** Entities in a sentence of words, as the page marks them. */

/** Words [from, to) are one entity. */
export interface EntitySpan {
  readonly from: number;
  readonly to: number;
  readonly type: string;
}

/**
 * Spans of BIO labels, as seqeval's default mode counts them: `B-` starts one, `I-` of another type or after
 * `O` does too.
 */
export function spansOf(tags: readonly string[]): readonly EntitySpan[] {
  const spans: EntitySpan[] = [];
  let open: { from: number; type: string } | null = null;
  const close = (to: number): void => {
    if (open !== null) spans.push({ from: open.from, to, type: open.type });
    open = null;
  };
  tags.forEach((tag, at) => {
    const [, prefix, type] = /^([BIES])-(.*)$/.exec(tag) ?? [];
    if (prefix === undefined || type === undefined) close(at);
    else if (prefix === 'B' || prefix === 'S' || open?.type !== type) {
      close(at);
      open = { from: at, type };
    }
  });
  close(tags.length);
  return spans;
}

export type Mark = 'plain' | 'right' | 'missed' | 'extra' | 'other';

/** A stretch of words that is shown alike. */
export interface Stretch {
  readonly text: string;
  readonly mark: Mark;
  /** What is written beside it; '' for plain text. */
  readonly label: string;
}

/**
 * The sentence cut into stretches. Without `actual` every predicted entity is shown as right.
 * @param actual the labels' entities; null where there are none to compare with.
 */
export function stretches(
  words: readonly string[],
  predicted: readonly EntitySpan[],
  actual: readonly EntitySpan[] | null,
): readonly Stretch[] {
  const covering = (spans: readonly EntitySpan[], at: number): EntitySpan | null =>
    spans.find(({ from, to }) => from <= at && at < to) ?? null;
  const found: Stretch[] = [];
  for (let at = 0; at < words.length;) {
    const given = covering(predicted, at);
    const truth = actual === null ? given : covering(actual, at);
    let to = at + 1;
    while (
      to < words.length &&
      covering(predicted, to) === given &&
      (actual === null || covering(actual, to) === truth)
    ) {
      to++;
    }
    found.push({ text: words.slice(at, to).join(' '), ...told(given, truth) });
    at = to;
  }
  return found;
}

function told(given: EntitySpan | null, truth: EntitySpan | null): Omit<Stretch, 'text'> {
  if (given === null && truth === null) return { mark: 'plain', label: '' };
  if (given === null) return { mark: 'missed', label: `${truth?.type ?? ''} missed` };
  if (truth === null) return { mark: 'extra', label: `${given.type}, is none` };
  const same = given.from === truth.from && given.to === truth.to && given.type === truth.type;
  if (same) return { mark: 'right', label: given.type };
  if (given.type === truth.type) return { mark: 'other', label: `${given.type}, other ends` };
  return { mark: 'other', label: `${given.type}, is ${truth.type}` };
}
