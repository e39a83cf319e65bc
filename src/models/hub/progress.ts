/** Progress of reading models, in MB. */
import type { Progress } from '../../base';

/** Without a rate: for reads that take a moment. */
export function megabytes(phase: string, done: number, total: number, note?: string): Progress {
  return {
    phase,
    done: done / 1e6,
    total: total / 1e6,
    unit: 'MB',
    rate: null,
    secondsLeft: null,
    ...(note === undefined ? {} : { note }),
  };
}
