/** What this browser says of the device's memory: Chromium in steps and rounded down, others nothing. */

/** Bytes; undefined where it is not said. */
export function deviceMemoryBytes(): number | undefined {
  const said: unknown = 'deviceMemory' in navigator ? navigator.deviceMemory : undefined;
  return typeof said === 'number' && said > 0 ? said * 2 ** 30 : undefined;
}
