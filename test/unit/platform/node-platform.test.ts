import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Platform } from '../../../src/platform';
import { createNodePlatform } from '../../../src/platform/node';

/** y[n, 2] = x[n, 2] · [[1, 2], [3, 4]]; made by onnx.helper, opset 17. */
const GRAPH = Buffer.from(
  'CAgSADpfChEKAXgKAXcSAXkiBk1hdE11bBIBcCobCAIIAhABIhAAAIA/AAAAQAAAQEAAAIBAQgF3WhQKAXgSDwoNCAESCQoDEgFuCgIIAmIUCgF5Eg8KDQgBEgkKAxIBbgoCCAJCBAoAEBE=',
  'base64',
);

let folder: string;
let platform: Platform;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headlight-platform-'));
  const assetsDir = join(folder, 'public');
  await mkdir(join(assetsDir, 'models'), { recursive: true });
  await writeFile(join(assetsDir, 'models', 'weights'), Buffer.alloc(3_000_000, 5));
  await writeFile(join(folder, 'secret'), 'x');
  platform = await createNodePlatform({ home: join(folder, 'home'), assetsDir });
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('ONNX Runtime in Node', () => {
  test('lists the CPU, last, and other devices only when they compute', async () => {
    const devices = await platform.runtime.devices();
    expect(devices.at(-1)?.device).toBe('cpu');
    for (const { device } of devices) {
      const session = await platform.runtime.createSession(GRAPH, { device });
      const { y } = await session.run({
        x: { type: 'float32', dims: [1, 2], data: Float32Array.of(1, 10) },
      });
      expect([...(y?.data ?? [])]).toEqual([31, 42]);
      await session.release();
    }
  });

  test('runs a batch and says the names and shapes', async () => {
    const session = await platform.runtime.createSession(GRAPH, { device: 'cpu', threads: 1 });
    expect(session.inputNames).toEqual(['x']);
    expect(session.outputNames).toEqual(['y']);
    const x = Float32Array.of(1, 0, 0, 1, 1, 1);
    const { y } = await session.run({ x: { type: 'float32', dims: [3, 2], data: x } });
    expect(y?.dims).toEqual([3, 2]);
    expect([...(y?.data ?? [])]).toEqual([1, 2, 3, 4, 4, 6]);
    await session.release();
  });

  test('a graph that is refused is `bad-model`, a device that is not there is `device`', async () => {
    const { runtime } = platform;
    const damaged = GRAPH.subarray(0, 60);
    await expect(runtime.createSession(damaged, { device: 'cpu' })).rejects.toMatchObject({
      code: 'bad-model',
    });
    await expect(runtime.createSession(GRAPH, { device: 'wasm' })).rejects.toMatchObject({
      code: 'device',
    });
    const here = (await runtime.devices()).map(({ device }) => device);
    for (const device of ['cuda', 'webgpu'] as const) {
      if (here.includes(device)) continue;
      await expect(runtime.createSession(GRAPH, { device })).rejects.toMatchObject({
        code: 'device',
      });
    }
  });

  test('timers run between batches, so that progress is seen and Ctrl-C is heard', async () => {
    const session = await platform.runtime.createSession(GRAPH, { device: 'cpu' });
    let ticks = 0;
    const timer = setInterval(() => (ticks += 1), 1);
    const x = new Float32Array(200_000).fill(1);
    for (let batch = 0; batch < 40; batch++) {
      await session.run({ x: { type: 'float32', dims: [100_000, 2], data: x } });
    }
    clearInterval(timer);
    await session.release();
    expect(ticks).toBeGreaterThan(3);
  });
});

describe('tfjs in Node', () => {
  test('computes on WASM, and on plain JavaScript only when asked', async () => {
    expect(await platform.tensors.available()).toEqual(['wasm', 'cpu']);
    for (const backend of ['wasm', 'cpu'] as const) {
      await platform.tensors.use(backend);
      expect(tf.getBackend()).toBe(backend);
      const product = tf.matMul(tf.tensor2d([[1, 2]]), tf.tensor2d([[3], [4]]));
      expect([...(await product.data())]).toEqual([11]);
    }
    await expect(platform.tensors.use('webgpu')).rejects.toMatchObject({ code: 'device' });
  });
});

describe('files that ship', () => {
  test('are read with progress up to their size', async () => {
    const seen: [number, number | null][] = [];
    const bytes = await platform.assets.read('models/weights', (done, total) =>
      seen.push([done, total]),
    );
    expect(bytes.length).toBe(3_000_000);
    expect(bytes.every((byte) => byte === 5)).toBe(true);
    expect(seen.length).toBeGreaterThan(1);
    expect(seen.at(-1)).toEqual([3_000_000, 3_000_000]);
  });

  test.each(['models/none', '../secret', 'models/../../secret', '', 'models', '/etc/hostname'])(
    '%j is `not-found`',
    async (path) => {
      await expect(platform.assets.read(path)).rejects.toMatchObject({ code: 'not-found' });
    },
  );
});

describe('the network', () => {
  test('counts requests by origin, redirects to other hosts included', async () => {
    const target = createServer((_, response) => response.end('there')).listen(0, '127.0.0.1');
    await new Promise((done) => target.once('listening', done));
    const there = `http://127.0.0.1:${(target.address() as AddressInfo).port}`;
    const first = createServer((request, response) => {
      if (request.url === '/away') response.writeHead(302, { location: there }).end();
      else response.end('here');
    }).listen(0, '127.0.0.1');
    await new Promise((done) => first.once('listening', done));
    const here = `http://127.0.0.1:${(first.address() as AddressInfo).port}`;
    try {
      const { network } = await createNodePlatform({ home: join(folder, 'home') });
      expect(network.requests()).toEqual([]);
      expect(await (await network.fetch(`${here}/`)).text()).toBe('here');
      expect(await (await network.fetch(`${here}/away`)).text()).toBe('there');
      expect(network.requests()).toEqual([
        { origin: here, count: 2 },
        { origin: there, count: 1 },
      ]);
    } finally {
      target.close();
      first.close();
    }
  });

  test('a host that cannot be reached is `network` with its name; a stopped request is `aborted`', async () => {
    await expect(platform.network.fetch('http://127.0.0.1:9/')).rejects.toMatchObject({
      code: 'network',
      message: expect.stringContaining('http://127.0.0.1:9') as string,
    });
    const signal = AbortSignal.abort();
    await expect(platform.network.fetch('http://127.0.0.1:9/', { signal })).rejects.toMatchObject({
      code: 'aborted',
    });
  });
});

test('names the versions that a run record needs', () => {
  expect(Object.keys(platform.versions).sort()).toEqual([
    'headlight',
    'node',
    'onnxruntime',
    'system',
    'tfjs',
  ]);
  for (const version of Object.values(platform.versions)) expect(version).not.toBe('unknown');
});
