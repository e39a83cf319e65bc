/**
 * The harness page: a worker that runs functions of the registry by name. Tests speak to it through
 * `test/helpers/harness.ts`.
 */
import * as shell from '../../../src/platform/web/shell';
import type { Reply, Request } from './harness.worker';

interface HarnessPage {
  /** Runs a function of the registry in the worker; what goes in and comes out is plain JSON. */
  call(name: string, args: readonly unknown[]): Promise<unknown>;
  /** Gives the worker up and starts a fresh one at the next call. */
  restart(): void;
  readonly shell: typeof shell;
}

declare global {
  interface Window {
    harness: HarnessPage;
    /** Set once the shell says that a new release is ready. */
    reloadForUpdate?: () => Promise<void>;
  }
}

let worker: Worker | null = null;
let calls = 0;
const waiting = new Map<number, (reply: Reply) => void>();

function start(): Worker {
  const started = new Worker(new URL('./harness.worker.ts', import.meta.url), { type: 'module' });
  started.addEventListener('message', ({ data }: MessageEvent<Reply>) => {
    waiting.get(data.call)?.(data);
    waiting.delete(data.call);
  });
  started.addEventListener('error', (event) => {
    for (const [call, reply] of waiting) {
      reply({ call, error: { name: 'WorkerError', message: event.message, code: null } });
    }
    waiting.clear();
  });
  return started;
}

// With `?shell` the page does what the real one does at its start; it may reload once here.
if (new URLSearchParams(location.search).has('shell')) {
  await shell.startShell({ updateAvailable: (reload) => (window.reloadForUpdate = reload) });
}

window.harness = {
  async call(name, args) {
    worker ??= start();
    const call = calls++;
    const reply = await new Promise<Reply>((resolve) => {
      waiting.set(call, resolve);
      worker?.postMessage({ call, name, args } satisfies Request);
    });
    if (reply.error === undefined) return reply.value;
    throw Object.assign(
      new Error(`${reply.error.code ?? reply.error.name}: ${reply.error.message}`),
    );
  },
  restart() {
    worker?.terminate();
    worker = null;
  },
  shell,
};
