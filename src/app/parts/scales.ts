/** Axes of a chart: round numbers to label, and where values lie. */

/** At most `count` or so round numbers that span [low, high], in steps of 1, 2 or 5 times a power of ten. */
export function ticks(low: number, high: number, count: number): readonly number[] {
  if (!(high > low)) return [low];
  const rough = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((times) => times * power).find((size) => size >= rough * 0.999);
  const size = step ?? rough;
  const found: number[] = [];
  for (let at = Math.ceil(low / size - 1e-9); at * size <= high + size * 1e-9; at++) {
    // Without the noise of adding tenths: 0.3, not 0.30000000000000004.
    found.push(Number((at * size).toPrecision(12)));
  }
  return found;
}

/** The span of the values, a little wider, and never empty. Values that are not finite are left out. */
export function span(values: readonly number[], margin = 0.05): readonly [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return [0, 1];
  const room = high > low ? (high - low) * margin : Math.max(Math.abs(high) * 0.1, 1e-3);
  return [low - room, high + room];
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/**
 * At most about `most` points that look the same when drawn: of each stretch its lowest and its highest stay,
 * so that no peak is lost. First and last stay.
 */
export function thin(points: readonly Point[], most: number): readonly Point[] {
  if (points.length <= most) return points;
  const stretches = Math.max(1, Math.floor(most / 2));
  const kept: Point[] = [];
  for (let stretch = 0; stretch < stretches; stretch++) {
    const from = Math.floor((stretch * points.length) / stretches);
    const to = Math.floor(((stretch + 1) * points.length) / stretches);
    let low = from;
    let high = from;
    for (let at = from; at < to; at++) {
      const y = points[at]?.y ?? 0;
      if (y < (points[low]?.y ?? 0)) low = at;
      if (y > (points[high]?.y ?? 0)) high = at;
    }
    for (const at of low < high ? [low, high] : low > high ? [high, low] : [low]) {
      const point = points[at];
      if (point !== undefined) kept.push(point);
    }
  }
  const [first, last] = [points[0], points.at(-1)];
  if (first !== undefined && kept[0] !== first) kept.unshift(first);
  if (last !== undefined && kept.at(-1) !== last) kept.push(last);
  return kept;
}
