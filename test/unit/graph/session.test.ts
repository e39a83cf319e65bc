/** ONNX Runtime never gets two things to do at once, whoever asks for them. */
import { describe, expect, it } from 'vitest';
import { HeadlightError } from '../../../src/base';
import { openSession } from '../../../src/graph/runtime';
import type { Feeds, OnnxRuntime, TensorData } from '../../../src/platform';

const feeds: Record<string, TensorData> = {
  x: { type: 'float32', dims: [1], data: Float32Array.of(1) },
};

/** A runtime that notices when it is called while it is busy. */
function watchedRuntime() {
  let busy = false;
  const overlaps: string[] = [];
  const order: string[] = [];
  async function exclusively<T>(what: string, work: () => T): Promise<T> {
    if (busy) overlaps.push(what);
    busy = true;
    order.push(what);
    await new Promise((resolve) => setTimeout(resolve, 2));
    busy = false;
    return work();
  }
  let created = 0;
  const runtime: OnnxRuntime = {
    version: 'watched',
    devices: () => Promise.resolve([]),
    createSession: (model) =>
      exclusively('create', () => {
        if (model.length === 0) throw new HeadlightError('bad-model', 'Empty.');
        const id = created++;
        const run = (given: Feeds): Promise<{ y: TensorData }> =>
          exclusively(`run ${id}`, () => {
            if (given['x']?.dims.length === 0) throw new HeadlightError('device', 'Lost.');
            return { y: given['x'] as TensorData };
          });
        return {
          inputNames: ['x'],
          outputNames: ['y'],
          run,
          runKeeping: run,
          release: () => exclusively(`release ${id}`, () => undefined),
        };
      }),
    toDevice: (tensor) => exclusively('to device', () => tensor),
  };
  return { runtime, overlaps, order };
}

describe('sessions', () => {
  it('take turns: creates, runs and releases of all sessions never overlap', async () => {
    const { runtime, overlaps, order } = watchedRuntime();
    const model = Uint8Array.of(1);
    const [a, b] = await Promise.all([
      openSession(runtime, model, { device: 'webgpu' }),
      openSession(runtime, model, { device: 'wasm' }),
    ]);
    expect([a.device, b.device]).toEqual(['webgpu', 'wasm']);
    expect(a.inputNames).toEqual(['x']);
    await Promise.all([
      a.run(feeds),
      b.run(feeds),
      a.run(feeds),
      openSession(runtime, model, { device: 'cpu' }),
      b.release(),
      a.run(feeds),
      a.release(),
    ]);
    expect(overlaps).toEqual([]);
    expect(order).toEqual([
      'create',
      'create',
      'run 0',
      'run 1',
      'run 0',
      'create',
      'release 1',
      'run 0',
      'release 0',
    ]);
  });

  it('go on after one of them fails, and the failure reaches the one who asked', async () => {
    const { runtime, overlaps } = watchedRuntime();
    const session = await openSession(runtime, Uint8Array.of(1), { device: 'cpu' });
    const scalar: TensorData = { type: 'float32', dims: [], data: Float32Array.of(1) };
    const results = await Promise.allSettled([
      openSession(runtime, new Uint8Array(0), { device: 'cpu' }),
      session.run({ x: scalar }),
      session.run(feeds),
    ]);
    expect(results.map((result) => result.status)).toEqual(['rejected', 'rejected', 'fulfilled']);
    expect(overlaps).toEqual([]);
  });

  it('refuse to run without an input, or after release; release twice is harmless', async () => {
    const { runtime, order } = watchedRuntime();
    const session = await openSession(runtime, Uint8Array.of(1), { device: 'cpu' });
    await expect(session.run({})).rejects.toThrow(/input "x"/);
    await session.release();
    await session.release();
    await expect(session.run(feeds)).rejects.toThrow(/released/);
    expect(order).toEqual(['create', 'release 0']);
  });
});
