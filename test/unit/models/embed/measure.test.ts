/**
 * Promise: the device is chosen by measurement; one that disagrees with the reference, or fails, is not
 * chosen, and its reason is told.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { finish, HeadlightError } from '../../../../src/base';
import {
  addFolder,
  checkDevice,
  measureDevices,
  type EmbedSettings,
  type Encoder,
} from '../../../../src/models';
import type { Device, DeviceInfo, Feeds, OnnxRuntime, TensorData } from '../../../../src/platform';
import { tinyModelFiles, tinyTexts } from '../../../helpers/tiny-model';

const embed: EmbedSettings = { layer: 2, pooling: 'mean', normalize: true, maxTokens: 64 };
const texts = tinyTexts(24);
let encoder: Encoder;
beforeAll(async () => {
  encoder = await finish(addFolder(null, 'tiny', tinyModelFiles(), 'fp32'));
});

interface Behaviour {
  readonly label: string;
  /** Milliseconds that each run takes. */
  readonly slow: number;
  /** Added to the first component, where the true values are about 1. */
  readonly off?: number;
  readonly value?: number;
  readonly fails?: string;
  readonly emulated?: true;
}

/** Devices that answer with a vector made of the token ids, right or wrong, fast or slow. */
function devices(behaviours: Partial<Record<Device, Behaviour>>): OnnxRuntime {
  const infos = Object.entries(behaviours).map(([device, { label, emulated }]): DeviceInfo => ({
    device: device as Device,
    label,
    threads: null,
    ...(emulated === undefined ? {} : { emulated }),
  }));
  return {
    version: 'test',
    devices: () => Promise.resolve(infos),
    toDevice: (tensor) => Promise.resolve(tensor),
    async createSession(_model, { device }) {
      const behaviour = behaviours[device];
      if (behaviour === undefined) throw new Error(`no ${device}`);
      const run = async (feeds: Feeds): Promise<{ embedding: TensorData }> => {
        if (behaviour.fails !== undefined) throw new HeadlightError('device', behaviour.fails);
        await new Promise((resolve) => setTimeout(resolve, behaviour.slow));
        return { embedding: vectors(feeds['input_ids'] as TensorData, behaviour) };
      };
      return {
        inputNames: ['input_ids', 'attention_mask'],
        outputNames: ['embedding'],
        run,
        runKeeping: run,
        release: () => Promise.resolve(),
      };
    },
  };
}

function vectors(ids: TensorData, { off = 0, value }: Behaviour): TensorData {
  const [rows = 0, length = 0] = ids.dims;
  const data = new Float32Array(rows * 32);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < 32; i++)
      data[row * 32 + i] =
        value ?? 1 + Math.sin(Number(ids.data[row * length + (i % 2)]) * (i + 1));
    data[row * 32] = (data[row * 32] ?? 0) + off;
  }
  return { type: 'float32', dims: [rows, 32], data };
}

const measure = (runtime: OnnxRuntime) =>
  finish(measureDevices({ texts, encoder, embed, runtime }));

describe('a device chosen by hand', () => {
  const check = (runtime: OnnxRuntime, device: Device) =>
    finish(checkDevice({ texts, encoder, embed, runtime }, device));
  const wasm = { label: 'WASM', slow: 1 };

  it('is believed when it agrees, and how far is told', async () => {
    const said = await check(devices({ wasm, webgpu: { label: 'GPU', slow: 1 } }), 'webgpu');
    expect(said).toContain('agree with WASM (cosine 1.000000');
  });

  it('is refused when it computes something else', async () => {
    const wrong = devices({ wasm, webgpu: { label: 'GPU', slow: 1, off: 9 } });
    await expect(check(wrong, 'webgpu')).rejects.toThrow('GPU computes other embeddings than WASM');
  });

  it('is refused when it is not here; the reference itself needs no check', async () => {
    await expect(check(devices({ wasm }), 'webgpu')).rejects.toThrow('cannot run models on webgpu');
    expect(await check(devices({ wasm }), 'wasm')).toBeNull();
  });
});

describe('the choice of a device', () => {
  it('does not wait for a GPU that is emulated on the processor, and says so', async () => {
    const choice = await measure(
      devices({
        wasm: { label: 'WASM', slow: 4 },
        webgpu: { label: 'SoftGPU', slow: 0, emulated: true, fails: 'must not be run' },
      }),
    );
    expect(choice.device).toBe('wasm');
    expect(choice.measurements.map(({ label }) => label)).toEqual(['WASM']);
    expect(choice.reason).toContain('SoftGPU is emulated on the processor and was not measured.');
  });

  it('takes the fastest that agrees, and tells the rates', async () => {
    const choice = await measure(
      devices({
        webgpu: { label: 'WebGPU (test)', slow: 1 },
        wasm: { label: 'WASM, 2 threads', slow: 40 },
      }),
    );
    expect(choice.device).toBe('webgpu');
    expect(choice.precision).toBe('fp32');
    expect(choice.reason).toMatch(
      /^WebGPU \(test\) is the fastest: \d+ texts a second against \d+ on WASM, 2 threads, with the same embeddings\.$/,
    );
    const rates = Object.fromEntries(
      choice.measurements.map(({ device, textsPerSecond }) => [device, textsPerSecond]),
    );
    expect(rates['webgpu']).toBeGreaterThan(5 * (rates['wasm'] ?? Infinity));
  });

  it('takes the slow one that is right over the fast one that is wrong', async () => {
    const choice = await measure(
      devices({
        webgpu: { label: 'WebGPU', slow: 1, off: 3 },
        wasm: { label: 'WASM', slow: 20 },
      }),
    );
    expect(choice.device).toBe('wasm');
    const [reference, wrong] = choice.measurements;
    expect(reference).toMatchObject({ device: 'wasm', agreement: 1, usable: true });
    expect(wrong).toMatchObject({ device: 'webgpu', usable: false });
    expect(wrong?.agreement).toBeLessThan(0.999);
    expect(choice.reason).toMatch(
      /WebGPU was left out\. Its embeddings differ .* \(cosine 0\.\d+\)/,
    );
  });

  it.each([
    ['fails', { fails: 'the adapter was lost' }, /the adapter was lost/],
    ['gives NaN', { value: NaN }, /not numbers/],
    ['gives zeros', { value: 0 }, /differ/],
  ])('leaves out a device that %s, with its reason', async (_what, wrong, reason) => {
    const choice = await measure(
      devices({ webgpu: { label: 'WebGPU', slow: 1, ...wrong }, cpu: { label: 'CPU', slow: 5 } }),
    );
    expect(choice.device).toBe('cpu');
    expect(choice.reason).toMatch(reason);
    expect(choice.measurements.find(({ device }) => device === 'webgpu')).toMatchObject({
      usable: false,
      problem: expect.stringMatching(reason) as string,
    });
  });

  it('says so when there is only one', async () => {
    const choice = await measure(devices({ cpu: { label: 'CPU, 2 threads', slow: 1 } }));
    expect(choice.reason).toMatch(/^CPU, 2 threads is the only device here: \d+ texts a second\.$/);
  });

  it('fails when the reference itself fails: nothing could be compared', async () => {
    const runtime = devices({
      webgpu: { label: 'WebGPU', slow: 1 },
      wasm: { label: 'WASM', slow: 1, fails: 'out of memory' },
    });
    await expect(measure(runtime)).rejects.toMatchObject({ message: 'out of memory' });
  });

  it('stops when told to', async () => {
    const stop = new AbortController();
    stop.abort();
    const runtime = devices({ cpu: { label: 'CPU', slow: 1 } });
    await expect(
      finish(measureDevices({ texts, encoder, embed, runtime }, stop.signal)),
    ).rejects.toMatchObject({ code: 'aborted' });
  });
});
