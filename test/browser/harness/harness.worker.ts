/** Runs functions of the registry by name. One at a time or together: each call answers for itself. */
import { HeadlightError } from '../../../src/base';
import { registry } from './registry';

export interface Request {
  readonly call: number;
  readonly name: string;
  readonly args: readonly unknown[];
}

export interface Reply {
  readonly call: number;
  readonly value?: unknown;
  readonly error?: {
    readonly name: string;
    readonly message: string;
    readonly code: string | null;
  };
}

self.addEventListener('message', ({ data }: MessageEvent<Request>) => {
  void answer(data).then((reply) => self.postMessage(reply));
});

async function answer({ call, name, args }: Request): Promise<Reply> {
  try {
    const run = registry[name];
    if (run === undefined) throw new Error(`The registry has no \`${name}\``);
    return { call, value: await run(...args) };
  } catch (error) {
    const known = error instanceof Error ? error : new Error(String(error));
    return {
      call,
      error: {
        name: known.name,
        message: `${known.message}${known.cause === undefined ? '' : ` (cause: ${known.cause instanceof Error ? String(known.cause) : JSON.stringify(known.cause)})`}`,
        code: known instanceof HeadlightError ? known.code : null,
      },
    };
  }
}
