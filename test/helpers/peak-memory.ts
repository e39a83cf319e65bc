/** The most memory that this process has ever taken, in bytes. */
import { readFile } from 'node:fs/promises';

/** `maxRSS` counts what the parent took before this program began; the kernel’s own figure does not. */
export async function peakMemory(): Promise<number> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '');
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  return 1024 * (kilobytes === undefined ? process.resourceUsage().maxRSS : Number(kilobytes));
}
