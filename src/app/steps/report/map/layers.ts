/** What is drawn of a map: a path for each class, or for right and wrong. */
import type { TextMap } from '../../../../engine';
import type { MapColour } from '../../../state/text-map.svelte';
import type { Places } from './places';

/** Colours that are told apart (`--map-0` to `--map-9`); of more classes one at a time. */
export const COLOURS = 10;

export interface Layer {
  readonly key: string;
  readonly path: string;
  readonly stroke: string;
  readonly width: number;
  readonly opacity: number;
}

/**
 * @param front a class that stands out, drawn last; null: none.
 * @param size of a dot, in pixels.
 */
export function layersOf(
  map: Pick<TextMap, 'actual' | 'isWrong' | 'classes'>,
  places: Places,
  shown: readonly number[],
  colour: MapColour,
  front: number | null,
  size: number,
): Layer[] {
  if (colour === 'error') {
    const wrong = shown.filter((at) => map.isWrong[at] === 1);
    const right = shown.filter((at) => map.isWrong[at] !== 1);
    const quiet = { stroke: 'var(--ink-3)', width: size - 1, opacity: 0.55 };
    return [
      { key: 'right', path: dots(places, right), ...quiet },
      { key: 'wrong', path: crosses(places, wrong), stroke: 'var(--bad)', width: 2, opacity: 1 },
    ];
  }
  const byClass = new Map<number, number[]>();
  for (const at of shown) {
    const own = map.actual[at] ?? [];
    // Of several labels the one that is asked for, else the first.
    const label = front !== null && own.includes(front) ? front : (own[0] ?? -1);
    const members = byClass.get(label);
    if (members === undefined) byClass.set(label, [at]);
    else members.push(at);
  }
  const many = map.classes.length > COLOURS;
  return [...byClass]
    .sort(([a], [b]) => Number(a === front) - Number(b === front) || a - b)
    .map(([label, members]) => {
      const isFront = label === front;
      const isPlain = label < 0 || (many && !isFront);
      return {
        key: `class ${label}`,
        path: dots(places, members),
        stroke: isPlain ? 'var(--ink-3)' : `var(--map-${many ? 0 : label})`,
        width: size,
        opacity: front === null ? (many ? 0.5 : 0.85) : isFront ? 1 : 0.15,
      };
    });
}

/** Dots as one path: thousands of elements would be slow. Drawn with a round cap. */
function dots({ x, y }: Places, shown: readonly number[]): string {
  return shown.map((at) => `M${px(x[at])} ${px(y[at])}h0`).join('');
}

function crosses({ x, y }: Places, shown: readonly number[]): string {
  const [half, size] = [3.5, 7];
  return shown
    .map((at) => {
      const [left, top] = [(x[at] ?? 0) - half, (y[at] ?? 0) - half];
      return `M${px(left)} ${px(top)}l${size} ${size}M${px(left + size)} ${px(top)}l${-size} ${size}`;
    })
    .join('');
}

function px(value = 0): string {
  return value.toFixed(1);
}
