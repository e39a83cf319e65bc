/** Confidence interval of a share. */

/** Two-sided 97.5 % point of the standard normal distribution. */
const Z95 = 1.959963984540054;

/**
 * 95 % Wilson score interval of `successes` in `rows` (Wilson, 1927; without continuity correction, as
 * `scipy.stats.binomtest(...).proportion_ci(method='wilson')`).
 */
export function wilsonInterval(successes: number, rows: number): readonly [number, number] {
  const share = successes / rows;
  const z2 = Z95 * Z95;
  const centre = share + z2 / (2 * rows);
  const spread = Z95 * Math.sqrt((share * (1 - share)) / rows + z2 / (4 * rows * rows));
  const scale = 1 + z2 / rows;
  return [
    successes === 0 ? 0 : (centre - spread) / scale,
    successes === rows ? 1 : (centre + spread) / scale,
  ];
}
