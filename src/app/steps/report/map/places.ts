/** Where the texts of a map stand in its picture, which is nearest to a pointer, and which is next by arrow key. */
import type { TextMap } from '../../../../engine';
import { count, percent } from '../../../state/format';

export interface Places {
  readonly width: number;
  readonly height: number;
  /** In pixels, for each text of the map. */
  readonly x: Float32Array;
  readonly y: Float32Array;
}

const MARGIN = 14;

/** Fits the map into a picture: one scale for both directions, in the middle. */
export function placesOf({ xy }: Pick<TextMap, 'xy'>, width: number, height: number): Places {
  const n = xy.length / 2;
  const range = (axis: number): readonly [number, number] => {
    let [low, high] = [Infinity, -Infinity];
    for (let at = 0; at < n; at++) {
      low = Math.min(low, xy[2 * at + axis] ?? 0);
      high = Math.max(high, xy[2 * at + axis] ?? 0);
    }
    return n === 0 ? [0, 0] : [low, high];
  };
  const [left, right] = range(0);
  const [bottom, top] = range(1);
  const scale = Math.min(
    (width - 2 * MARGIN) / Math.max(right - left, 1e-6),
    (height - 2 * MARGIN) / Math.max(top - bottom, 1e-6),
  );
  const place = (axis: number, low: number, high: number, size: number): Float32Array =>
    Float32Array.from(
      { length: n },
      (_, at) => size / 2 + ((xy[2 * at + axis] ?? 0) - (low + high) / 2) * scale,
    );
  return {
    width,
    height,
    x: place(0, left, right, width),
    y: place(1, bottom, top, height),
  };
}

/** @param reach in pixels. @returns the nearest of those shown; null when none is within reach. */
export function nearestPlace(
  { x, y }: Places,
  shown: readonly number[],
  px: number,
  py: number,
  reach: number,
): number | null {
  let best: number | null = null;
  let least = reach * reach;
  for (const at of shown) {
    const distance = ((x[at] ?? 0) - px) ** 2 + ((y[at] ?? 0) - py) ** 2;
    if (distance <= least) [least, best] = [distance, at];
  }
  return best;
}

export const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** @returns the next text in a direction, rather straight ahead than near; where there is none, the same. */
export function nextPlace(
  { x, y, width, height }: Places,
  shown: readonly number[],
  from: number | null,
  [dx, dy]: readonly [number, number],
): number | null {
  if (from === null)
    return nearestPlace({ x, y, width, height }, shown, width / 2, height / 2, 1e9);
  let best = from;
  let least = Infinity;
  for (const at of shown) {
    if (at === from) continue;
    const [right, down] = [(x[at] ?? 0) - (x[from] ?? 0), (y[at] ?? 0) - (y[from] ?? 0)];
    const ahead = right * dx + down * dy;
    const aside = Math.abs(right * dy) + Math.abs(down * dx);
    if (ahead <= 0.01 || aside > 2 * ahead) continue;
    const cost = ahead + 2 * aside;
    if (cost < least) [least, best] = [cost, at];
  }
  return best;
}

export const PART_NAMES = ['training', 'validation', 'test'] as const;

/** What is to be known of the picture: of which texts, what near means, and how far it can be believed. */
export function mapInWords(map: TextMap): string {
  const n = map.row.length;
  const which =
    n === map.rowsOfRun
      ? `All ${count(n)} texts of this run.`
      : `${count(n)} of the ${count(map.rowsOfRun)} texts of this run, drawn by chance: of each class and part as many as is their share.`;
  const near =
    map.space === 'features'
      ? 'Texts that the encoder finds alike are near each other.'
      : 'Texts to which it gives similar scores for the classes are near each other: a fine-tune’s own features are not kept, so this shows what it decided, not how the texts are alike.';
  const nearest = Math.min(10, n - 1);
  const kept =
    map.kept === null
      ? ''
      : ` Of the ${nearest} texts nearest to each, ${percent(map.kept, 0)} are among its ${nearest} nearest here too (by chance ${percent(nearest / (n - 1), 0)}). Directions, and distances between groups, mean nothing.`;
  const broken =
    map.broken === 0
      ? ''
      : ` ${count(map.broken)} whose features are no numbers stand in the middle.`;
  return `${which} ${near}${kept}${broken} Drawn by UMAP.`;
}

/** Class names in quotes. */
export function named(map: TextMap, labels: readonly number[] | undefined): string {
  return labels === undefined || labels.length === 0
    ? 'nothing'
    : labels.map((label) => `“${map.classes[label] ?? ''}”`).join(', ');
}
