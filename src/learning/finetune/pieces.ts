/**
 * In which passes a batch is computed: whole on a GPU; on a processor a large one in pieces whose gradients add up,
 * which is the same sum. The rows are taken by their length, longest first, so that a long text pads few others; and
 * a piece is so small that its activations fit into the caches.
 */
import type { Device } from '../../platform';
import type { Example } from './types';

/** Tokens that a processor computes at once. */
const PIECE_TOKENS = 1024;

export interface PieceShape {
  readonly device: Device;
  /** Rows of a batch. */
  readonly batchRows: number;
  /** Rows that stay together: 2 for pairs. */
  readonly rowsPerUnit: number;
}

/** Rows of a graph for texts of so many tokens: of a whole batch on a GPU, of a piece of it on a processor. */
export function rowsOfPiece(
  { device, batchRows, rowsPerUnit }: PieceShape,
  tokens: number,
): number {
  if (isWhole(device)) return batchRows;
  const units = batchRows / rowsPerUnit;
  const most = Math.max(1, Math.floor(PIECE_TOKENS / (tokens * rowsPerUnit)));
  return Math.ceil(units / Math.ceil(units / most)) * rowsPerUnit;
}

/**
 * @param examples of one batch; the rows of a unit one after another.
 * @param padded to how many tokens texts of this length are padded.
 */
export function piecesOf(
  shape: PieceShape,
  examples: readonly Example[],
  padded: (length: number) => number,
): Example[][] {
  const { batchRows, rowsPerUnit } = shape;
  if (rowsOfPiece(shape, padded(longest(examples))) === batchRows) return [[...examples]];
  const units = Array.from({ length: examples.length / rowsPerUnit }, (_, i) =>
    examples.slice(i * rowsPerUnit, (i + 1) * rowsPerUnit),
  ).sort((a, b) => longest(b) - longest(a));
  const pieces: Example[][] = [];
  for (let start = 0; start < units.length;) {
    const count = rowsOfPiece(shape, padded(longest(units[start]!))) / rowsPerUnit;
    pieces.push(units.slice(start, start + count).flat());
    start += count;
  }
  return pieces;
}

/** Tokens of the longest of these texts; at least 1. */
export function longest(examples: readonly Pick<Example, 'ids'>[]): number {
  return examples.reduce((most, { ids }) => Math.max(most, ids.length), 1);
}

function isWhole(device: Device): boolean {
  return device === 'webgpu' || device === 'cuda';
}
