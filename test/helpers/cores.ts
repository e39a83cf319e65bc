/** The cores that tests run on: bound to one, the threads of a worker's runtimes do not wait in loops for each other. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** Workers that run at once, at most: each has a browser. */
const MOST_LANES = 4;
/** A browser's tests wait a third of their time, which is another's. */
const LANES_A_CORE = 2;

/** As many files as run at once, each bound to a core where there are several: one where a process cannot be bound. */
export function lanes(): number {
  return usableCores() === null ? 1 : Math.min(MOST_LANES, LANES_A_CORE * availableParallelism());
}

/** Binds this process, and all that it starts, to one of the cores it may use. */
export function takeOwnCore(worker: number): void {
  const cores = usableCores();
  if (cores === null || cores.length < 2) return;
  const own = cores[(worker - 1) % cores.length]!;
  execFileSync('taskset', ['-apc', String(own), String(process.pid)], { stdio: 'ignore' });
}

/** null where this cannot be known or changed: elsewhere than on Linux, or without util-linux. */
function usableCores(): number[] | null {
  try {
    execFileSync('taskset', ['--version'], { stdio: 'ignore' });
    const status = readFileSync('/proc/self/status', 'utf8');
    const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1];
    if (list === undefined) return null;
    return list.split(',').flatMap((part) => {
      const [first = NaN, last = first] = part.split('-').map(Number);
      return Array.from({ length: last - first + 1 }, (_, at) => first + at);
    });
  } catch {
    return null;
  }
}
