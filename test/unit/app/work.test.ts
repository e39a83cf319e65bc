import { describe, expect, it } from 'vitest';
import { abortedError, HeadlightError, type Job } from '../../../src/base';
import { Work } from '../../../src/app/state/work.svelte';

function step(done: number, note?: string) {
  const progress = { phase: 'Embedding texts', done, total: 4, unit: 'texts', rate: null };
  return { ...progress, secondsLeft: null, ...(note === undefined ? {} : { note }) };
}

async function* counting(signal: AbortSignal, to = 4): Job<string> {
  for (let at = 0; at <= to; at++) {
    if (signal.aborted) throw abortedError();
    yield step(at, at === 1 ? 'Runs on WASM.' : undefined);
    await Promise.resolve();
  }
  return 'done';
}

describe('a piece of work', () => {
  it('hands back the result, and keeps the decisions it was told of', async () => {
    const work = new Work();
    expect(await work.run('Training', (signal) => counting(signal))).toBe('done');
    expect(work.running).toBe(false);
    expect(work.progress).toBeNull();
    expect(work.notes).toEqual(['Runs on WASM.']);
  });

  it('shows progress while it runs', async () => {
    const work = new Work();
    const shares: (number | null)[] = [];
    await work.run('Training', async function* (signal) {
      for await (const progress of counting(signal)) {
        yield progress;
        shares.push(work.share);
        expect(work.running).toBe(true);
      }
      return null;
    });
    expect(shares).toEqual([0, 0.25, 0.5, 0.75, 1]);
  });

  it('shows an error with its hint until it is dismissed', async () => {
    const work = new Work();
    const failed = await work.run('Training', async function* (): Job<string> {
      yield step(0);
      throw new HeadlightError('bad-labels', 'Only one class.', { hint: 'Choose another column.' });
    });
    expect(failed).toBeNull();
    expect(work.error?.code).toBe('bad-labels');
    expect(work.error?.hint).toBe('Choose another column.');
    work.dismiss();
    expect(work.error).toBeNull();
  });

  it('does not show a stop as an error', async () => {
    const work = new Work();
    const running = work.run('Training', (signal) => counting(signal, 1000));
    await Promise.resolve();
    work.stop();
    expect(work.stopping).toBe(true);
    expect(await running).toBeNull();
    expect(work.error).toBeNull();
    expect(work.stopped).toBe(true);
    expect(work.running).toBe(false);
  });

  it('stops the run before when a newer one starts, and never runs two at once', async () => {
    const work = new Work();
    let at = 0;
    let most = 0;
    async function* alone(signal: AbortSignal, name: string): Job<string> {
      most = Math.max(most, ++at);
      try {
        yield* counting(signal, 50);
        return name;
      } finally {
        at--;
      }
    }
    const first = work.run('First', (signal) => alone(signal, 'first'));
    await Promise.resolve();
    const second = work.run('Second', (signal) => alone(signal, 'second'));
    expect(await first).toBeNull();
    expect(await second).toBe('second');
    expect(most).toBe(1);
    expect(work.stopped).toBe(false);
    expect(work.error).toBeNull();
  });
});
