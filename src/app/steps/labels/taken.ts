/** Live counts under a threshold, from the counts of confidences in equal bins. */

/** Rows at or above a threshold, its own bin taken in proportion. @param bins equal ones over [0, 1]. */
export function takenFrom(bins: readonly number[], threshold: number): number {
  const place = Math.min(bins.length, Math.max(0, threshold * bins.length));
  const own = Math.floor(place + 1e-9);
  let rows = 0;
  for (let bin = own; bin < bins.length; bin++) {
    const share = bin === own ? 1 - (place - own) : 1;
    rows += (bins[bin] ?? 0) * share;
  }
  return Math.round(rows);
}

/** Shares as typed in percent; what is left empty is divided evenly. @returns null when they cannot be. */
export function priorOf(typed: readonly string[]): number[] | null {
  const numbers = typed.map((text) => {
    const plain = text.replace('%', '').replace(',', '.').trim();
    return plain === '' ? null : Number(plain);
  });
  if (numbers.some((one) => one !== null && !(one > 0 && one < 100))) return null;
  const said = numbers.reduce<number>((sum, one) => sum + (one ?? 0), 0);
  const empty = numbers.filter((one) => one === null).length;
  if (empty === 0 && Math.abs(said - 100) > 0.5) return null;
  if (empty > 0 && said >= 100) return null;
  const rest = empty === 0 ? 0 : (100 - said) / empty;
  const filled = numbers.map((one) => one ?? rest);
  const total = filled.reduce((sum, one) => sum + one, 0);
  return filled.map((one) => one / total);
}
