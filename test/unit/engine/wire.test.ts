/** The engine behaves behind a message port as it does here: results, progress, stopping, errors. */
import { describe, expect, it } from 'vitest';
import {
  abortedError,
  HeadlightError,
  throwIfAborted,
  type Job,
  type Progress,
} from '../../../src/base';
import {
  connectEngine,
  serveEngine,
  type Engine,
  type FinetuneChoice,
  type ProjectView,
  type RunView,
} from '../../../src/engine';

const progress = (done: number): Progress => ({
  phase: 'Working',
  done,
  total: 3,
  unit: 'steps',
  rate: null,
  secondsLeft: null,
});

/** Only what a test calls; everything else fails loudly because it is not there. */
function served(part: Partial<Engine>): Engine {
  const { port1, port2 } = new MessageChannel();
  serveEngine(part, port1);
  port1.start();
  port2.start();
  ports.push(port1, port2);
  return connectEngine(port2);
}
const ports: MessagePort[] = [];

describe('an engine behind a port', () => {
  it('hands progress through in order, then the result', async () => {
    const engine = served({
      async *openProject(project): Job<ProjectView> {
        for (const done of [1, 2, 3]) yield progress(done);
        return { id: project } as ProjectView;
      },
    });
    const seen: number[] = [];
    const job = engine.openProject('p1');
    for (;;) {
      const step = await job.next();
      if (step.done) {
        expect(step.value.id).toBe('p1');
        break;
      }
      seen.push(step.value.done);
    }
    expect(seen).toEqual([1, 2, 3]);
  });

  it('keeps code, hint and cause of an error, from calls and from jobs', async () => {
    const fail = (): never => {
      throw new HeadlightError('bad-file', 'row 7 is broken', {
        hint: 'Mend row 7.',
        cause: new Error('inner reason'),
      });
    };
    const engine = served({
      listProjects: () => Promise.resolve().then(fail),
      async *createProject(): Job<ProjectView> {
        yield progress(1);
        return fail();
      },
    });
    const fromCall = await engine.listProjects().catch((error: unknown) => error);
    const job = engine.createProject([]);
    await job.next();
    const fromJob = await job.next().catch((error: unknown) => error);
    for (const error of [fromCall, fromJob]) {
      expect(error).toBeInstanceOf(HeadlightError);
      const known = error as HeadlightError;
      expect([known.code, known.message, known.hint]).toEqual([
        'bad-file',
        'row 7 is broken',
        'Mend row 7.',
      ]);
      expect(String(known.cause)).toContain('inner reason');
    }
  });

  it('stops the work on the other side when the signal is aborted', async () => {
    let steps = 0;
    let cleaned = false;
    const engine = served({
      async *openProject(_project, signal): Job<ProjectView> {
        try {
          for (;;) {
            throwIfAborted(signal);
            steps += 1;
            yield progress(steps);
            await new Promise((resolve) => setTimeout(resolve, 1));
          }
        } finally {
          cleaned = true;
        }
      },
    });
    const controller = new AbortController();
    const job = engine.openProject('p', controller.signal);
    await job.next();
    controller.abort();
    const error = await (async () => {
      for (;;) await job.next();
    })().catch((thrown: unknown) => thrown);
    expect((error as HeadlightError).code).toBe('aborted');
    expect(cleaned).toBe(true);
    const after = steps;
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(steps).toBe(after);
  });

  it('lets stopped work commit what it has done', async () => {
    let done = 0;
    let committed = 0;
    const engine = served({
      async *finetune(_project, _choice, signal): Job<RunView> {
        for (;;) {
          if (signal?.aborted === true) {
            await new Promise((resolve) => setTimeout(resolve, 5));
            committed = done;
            throw abortedError();
          }
          done += 1;
          await new Promise((resolve) => setTimeout(resolve, 5));
          yield progress(done);
        }
      },
    });
    const controller = new AbortController();
    const job = engine.finetune('p', {} as FinetuneChoice, controller.signal);
    await job.next();
    // While it is between two commits, as a long step is when the person presses the button.
    controller.abort();
    const error = await (async () => {
      for (;;) await job.next();
    })().catch((thrown: unknown) => thrown);
    expect((error as HeadlightError).code).toBe('aborted');
    expect(committed).toBeGreaterThan(0);
    expect(committed).toBe(done);
  });

  it('stops the work when the reader leaves the loop early', async () => {
    let cleaned = false;
    const engine = served({
      async *openProject(_project, signal): Job<ProjectView> {
        try {
          for (let done = 1; ; done++) {
            throwIfAborted(signal);
            yield progress(done);
            await new Promise((resolve) => setTimeout(resolve, 1));
          }
        } finally {
          cleaned = true;
        }
      },
    });
    for await (const step of engine.openProject('p')) {
      if (step.done >= 2) break;
    }
    await expect.poll(() => cleaned).toBe(true);
  });

  it('moves buffers instead of copying them', async () => {
    const engine = served({
      async *createProject(files): Job<ProjectView> {
        yield progress(1);
        const [file] = files;
        const size = file !== undefined && 'bytes' in file ? file.bytes.byteLength : -1;
        return { name: `${size}` } as ProjectView;
      },
    });
    const bytes = new Uint8Array(1000);
    const job = engine.createProject([{ name: 'a.csv', bytes }]);
    let result: ProjectView | undefined;
    for (;;) {
      const step = await job.next();
      if (step.done) {
        result = step.value;
        break;
      }
    }
    expect(result.name).toBe('1000');
    expect(bytes.byteLength).toBe(0);
  });

  it('answers with the error when the engine could not start', async () => {
    const { port1, port2 } = new MessageChannel();
    serveEngine(Promise.reject(new HeadlightError('storage', 'no storage in this window')), port1);
    port1.start();
    port2.start();
    ports.push(port1, port2);
    const error = await connectEngine(port2)
      .about()
      .catch((thrown: unknown) => thrown);
    expect((error as HeadlightError).code).toBe('storage');
  });

  it('fails every call, now and later, when the worker crashes', async () => {
    const { port1, port2 } = new MessageChannel();
    ports.push(port1, port2);
    const engine = connectEngine(port2); // nobody serves the other end
    const waiting = engine.about().catch((thrown: unknown) => thrown);
    port2.dispatchEvent(new Event('messageerror'));
    const later = engine.listProjects().catch((thrown: unknown) => thrown);
    const job = engine.openProject('p');
    const fromJob = job.next().catch((thrown: unknown) => thrown);
    for (const error of [await waiting, await later, await fromJob]) {
      expect((error as HeadlightError).message).toContain('stopped');
      expect((error as HeadlightError).hint).toContain('Reload');
    }
  });
});
