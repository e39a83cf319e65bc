/** Distributions that intervals need: normal, Student's t, and quantiles of a sample. To about 1e-12. */

/** Standard normal distribution function: a series near 0, Lentz's continued fraction in the tails. */
export function normalCdf(x: number): number {
  const z = Math.abs(x);
  const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
  let upper: number;
  if (z < 3) {
    // Phi(z) - 1/2 = density * (z + z^3/3 + z^5/(3*5) + ...), every term positive
    let term = z;
    let sum = z;
    for (let n = 1; term > sum * 1e-17 && n < 200; n++) {
      term *= (z * z) / (2 * n + 1);
      sum += term;
    }
    upper = 0.5 - density * sum;
  } else {
    // Mills' ratio: density / (z + 1/(z + 2/(z + 3/(z + ...))))
    let fraction = z;
    for (let n = 200; n >= 1; n--) fraction = z + n / fraction;
    upper = density / fraction;
  }
  return x > 0 ? 1 - upper : upper;
}

/** @param p in (0, 1); ±Infinity at the ends. */
export function normalQuantile(p: number): number {
  if (p <= 0) return -Infinity;
  if (p >= 1) return Infinity;
  if (p > 0.5) return -normalQuantile(1 - p);
  return root((x) => normalCdf(x) - p, -40, 0);
}

/** @param df degrees of freedom, above 0, whole or not. */
export function studentQuantile(p: number, df: number): number {
  if (p <= 0) return -Infinity;
  if (p >= 1) return Infinity;
  if (p === 0.5) return 0;
  if (p < 0.5) return -studentQuantile(1 - p, df);
  let high = 2;
  while (studentCdf(high, df) < p) high *= 2;
  return root((t) => studentCdf(t, df) - p, 0, high);
}

/** Student's t distribution function, for t >= 0. */
function studentCdf(t: number, df: number): number {
  return 1 - incompleteBeta(df / (df + t * t), df / 2, 0.5) / 2;
}

/** Bisection: few calls, and it cannot go astray. */
function root(f: (x: number) => number, from: number, to: number): number {
  let low = from;
  let high = to;
  for (let i = 0; i < 200; i++) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (f(middle) < 0) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Regularised incomplete beta function by Lentz's continued fraction (Numerical Recipes, 6.4). */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const front = Math.exp(
    logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x),
  );
  return x < (a + 1) / (a + b + 2)
    ? (front * betaFraction(x, a, b)) / a
    : 1 - (front * betaFraction(1 - x, b, a)) / b;
}

function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  const safe = (value: number): number => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / safe(1 - ((a + b) * x) / (a + 1));
  let result = d;
  for (let m = 1; m < 10_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / safe(1 + even * d);
    c = safe(1 + even / c);
    result *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / safe(1 + odd * d);
    c = safe(1 + odd / c);
    result *= d * c;
    if (Math.abs(d * c - 1) < 1e-16) break;
  }
  return result;
}

/** Stirling's series after shifting the argument above 15. */
function logGamma(x: number): number {
  let shift = 0;
  let z = x;
  while (z < 15) {
    shift += Math.log(z);
    z += 1;
  }
  const w = 1 / (z * z);
  const series = (1 / 12 - w * (1 / 360 - w * (1 / 1260 - w * (1 / 1680 - w / 1188)))) / z;
  return (z - 0.5) * Math.log(z) - z + Math.log(2 * Math.PI) / 2 + series - shift;
}

/** Linear interpolation between order statistics, numpy's default. @param sorted ascending, not empty. */
export function quantileOfSorted(sorted: Float64Array, q: number): number {
  const place = Math.min(sorted.length - 1, Math.max(0, q * (sorted.length - 1)));
  const below = Math.floor(place);
  const a = sorted[below]!;
  const b = sorted[Math.min(below + 1, sorted.length - 1)]!;
  const t = place - below;
  return t < 0.5 ? a + (b - a) * t : b - (b - a) * (1 - t);
}
