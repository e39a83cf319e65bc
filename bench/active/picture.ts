/** The curves of a simulation as a picture for the documentation: a line a strategy, the mean of the seeds. */
import type { ActiveStrategy, CurveMeasure } from '../../src/learning/labelling';
import { accuracyAt } from './simulate';

const WIDTH = 720;
const HEIGHT = 380;
const LEFT = 56;
const RIGHT = 150;
const TOP = 34;
const BOTTOM = 40;

const LINES: Readonly<Record<ActiveStrategy, { readonly colour: string; readonly dash: string }>> =
  {
    margin_diversity: { colour: '#1d5a86', dash: '' },
    margin: { colour: '#2b6a45', dash: '7 3' },
    uncertainty: { colour: '#c98a12', dash: '3 3' },
    entropy: { colour: '#9c2f27', dash: '9 3 2 3' },
    diversity: { colour: '#6d4c9f', dash: '2 2' },
    random: { colour: '#444444', dash: '5 4' },
  };

/** @param batch the curve has a point each so many labels. */
export function curvesPicture(
  title: string,
  runs: ReadonlyMap<ActiveStrategy, readonly (readonly CurveMeasure[])[]>,
  batch: number,
  most: number,
): string {
  const sizes = Array.from({ length: Math.floor(most / batch) }, (_, at) => (at + 1) * batch);
  const lines = [...runs].map(([strategy, seeds]) => ({
    strategy,
    points: sizes.flatMap((labels) => {
      const found = seeds.map((run) => accuracyAt(run, labels)).filter(Number.isFinite);
      if (found.length < seeds.length) return [];
      return [{ labels, value: found.reduce((sum, one) => sum + one, 0) / found.length }];
    }),
  }));
  const values = lines.flatMap(({ points }) => points.map(({ value }) => value));
  const low = Math.floor(Math.min(...values) * 10) / 10;
  const high = Math.ceil(Math.max(...values) * 10) / 10;
  const x = (labels: number): string =>
    (LEFT + ((WIDTH - LEFT - RIGHT) * labels) / most).toFixed(1);
  const y = (value: number): string =>
    (TOP + ((HEIGHT - TOP - BOTTOM) * (high - value)) / (high - low)).toFixed(1);
  const grid = Array.from({ length: Math.round((high - low) * 10) + 1 }, (_, at) => low + at / 10);
  const ends = spread(lines.map(({ points }) => Number(y(points.at(-1)?.value ?? low))));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="12" role="img">`,
    `<title>${title}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    `<text x="${LEFT}" y="18" font-weight="600" fill="#1e1d1b">${title}</text>`,
    ...grid.map(
      (value) =>
        `<path d="M${LEFT} ${y(value)}H${WIDTH - RIGHT}" stroke="#e5e1d9"/><text x="${LEFT - 8}" y="${y(value)}" dy="4" text-anchor="end" fill="#6b665d">${Math.round(value * 100)} %</text>`,
    ),
    ...[0, 0.25, 0.5, 0.75, 1].map(
      (share) =>
        `<text x="${x(share * most)}" y="${HEIGHT - 18}" text-anchor="middle" fill="#6b665d">${share * most}</text>`,
    ),
    `<text x="${LEFT}" y="${HEIGHT - 3}" fill="#6b665d">labels made</text>`,
    ...lines.map(({ strategy, points }, at) => {
      const { colour, dash } = LINES[strategy];
      const path = points
        .map(({ labels, value }, index) => `${index === 0 ? 'M' : 'L'}${x(labels)} ${y(value)}`)
        .join('');
      return `<path d="${path}" fill="none" stroke="${colour}" stroke-width="${strategy === 'random' ? 2.4 : 1.8}" stroke-dasharray="${dash}"/><text x="${WIDTH - RIGHT + 8}" y="${ends[at] ?? 0}" dy="4" fill="${colour}">${strategy}</text>`;
    }),
    '</svg>',
    '',
  ].join('\n');
}

/** The same places, but no two nearer than a line of text. */
function spread(places: readonly number[]): number[] {
  const order = [...places.keys()].sort((a, b) => (places[a] ?? 0) - (places[b] ?? 0));
  const found = [...places];
  let before = -Infinity;
  for (const at of order) {
    const place = Math.max(places[at] ?? 0, before + 14);
    found[at] = place;
    before = place;
  }
  return found;
}
