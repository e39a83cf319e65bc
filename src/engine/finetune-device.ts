/** Where a fine-tune runs. Decided by a short measurement only where there is a real choice. */
import { finish, HeadlightError, ProgressMeter, type Job } from '../base';
import { finetune, type FinetuneRequest } from '../learning/finetune';
import type { Device, DeviceInfo, Platform } from '../platform';
import { throwawayStorage } from './throwaway-storage';

export interface DeviceDecision {
  readonly device: Device;
  readonly reason: string;
}

/** What is asked of every device alike; each gets a model of its own. */
export type Trial = () => Pick<FinetuneRequest, 'model' | 'data' | 'settings' | 'loss'>;

const MEASURED_STEPS = 3;
/** Largest difference between weights trained on two devices, relative to the largest change. */
const TOLERANCE = 0.02;

/**
 * @throws HeadlightError `device` when the device that was asked for is not there.
 */
export async function* chooseDevice(
  platform: Platform,
  asked: Device | 'auto',
  trial: Trial,
  signal?: AbortSignal,
): Job<DeviceDecision> {
  const devices = await platform.runtime.devices();
  const host = devices.find(({ device }) => device === 'cpu' || device === 'wasm');
  if (asked !== 'auto') {
    if (devices.some(({ device }) => device === asked))
      return { device: asked, reason: `Runs on ${asked}, as asked.` };
    const here = devices.map(({ device }) => device).join(', ');
    throw new HeadlightError('device', `This machine cannot train on ${asked}.`, {
      hint: `Choose one of: ${here}.`,
    });
  }
  const accelerator = devices.find(
    ({ device, emulated }) => (device === 'webgpu' || device === 'cuda') && emulated !== true,
  );
  if (host === undefined) {
    if (accelerator === undefined)
      throw new HeadlightError('device', 'No device can train models here.');
    return {
      device: accelerator.device,
      reason: `Runs on ${accelerator.label}: there is no other.`,
    };
  }
  if (accelerator === undefined) {
    const emulated = devices.some((device) => device.emulated === true);
    return {
      device: host.device,
      reason: emulated
        ? `Runs on ${host.label}: the GPU here is only emulated.`
        : `Runs on ${host.label}: there is no GPU.`,
    };
  }
  return yield* measured(platform, host, accelerator, trial, signal);
}

async function* measured(
  platform: Platform,
  host: DeviceInfo,
  accelerator: DeviceInfo,
  trial: Trial,
  signal?: AbortSignal,
): Job<DeviceDecision> {
  const meter = new ProgressMeter('Measuring devices', 'devices', 2);
  yield meter.at(0);
  const onHost = await measure(platform, host.device, trial, signal);
  yield meter.at(1);
  let onGpu: Measured;
  try {
    onGpu = await measure(platform, accelerator.device, trial, signal);
  } catch (error) {
    if (!(error instanceof HeadlightError) || error.code === 'aborted') throw error;
    yield meter.at(2);
    const reason = `Runs on ${host.label}: ${accelerator.label} failed (${error.message})`;
    return { device: host.device, reason };
  }
  yield meter.at(2);
  const off = difference(onHost, onGpu);
  if (off > TOLERANCE) {
    return {
      device: host.device,
      reason: `Runs on ${host.label}: ${accelerator.label} computes something else (${(100 * off).toFixed(1)} % off after ${MEASURED_STEPS} steps).`,
    };
  }
  const fast = onGpu.seconds < onHost.seconds;
  const [chosen, other] = fast ? [accelerator, host] : [host, accelerator];
  const [short, long] = [onGpu.seconds, onHost.seconds].sort((a, b) => a - b);
  return {
    device: chosen.device,
    reason: `Runs on ${chosen.label}: ${MEASURED_STEPS} steps took ${(short ?? 0).toFixed(2)} s, on ${other.label} ${(long ?? 0).toFixed(2)} s.`,
  };
}

interface Measured {
  readonly seconds: number;
  readonly before: ReadonlyMap<string, Float32Array>;
  readonly after: ReadonlyMap<string, Float32Array>;
}

/** A few steps without dropout or evaluation; sessions are made in the first run and not counted. */
async function measure(
  platform: Platform,
  device: Device,
  trial: Trial,
  signal?: AbortSignal,
): Promise<Measured> {
  const asked = trial();
  const before = new Map<string, Float32Array>();
  for (const [name, { values, trainable }] of asked.model.parameters) {
    if (trainable && values.precision === 'fp32') before.set(name, values.data.slice());
  }
  const settings = {
    ...asked.settings,
    eval_strategy: 'no',
    save_strategy: 'no',
    load_best_model_at_end: false,
    early_stopping_patience: null,
    warmup_steps: 0,
    gradient_accumulation_steps: 1,
  } as const;
  const run = (steps: number, model = asked.model) =>
    finish(
      finetune(
        {
          ...asked,
          model,
          settings: { ...settings, max_steps: steps },
          device,
          runtime: platform.runtime,
          storage: throwawayStorage(),
          scope: 'measure',
          identity: 'measure',
          then: 'train',
        },
        signal,
      ),
    );
  const started = performance.now();
  await run(1, trial().model);
  const compiled = performance.now();
  const { trained } = await run(1 + MEASURED_STEPS);
  // What the second run took beyond what one step with its compiling took.
  const seconds = Math.max(1e-3, (performance.now() - compiled - (compiled - started)) / 1000);
  return { seconds, before, after: trained };
}

/** The largest difference of two ways to train, as a share of how far training went. */
function difference(a: Measured, b: Measured): number {
  let most = 0;
  let moved = 0;
  for (const [name, start] of a.before) {
    const one = a.after.get(name);
    const other = b.after.get(name);
    if (one === undefined || other === undefined) return Infinity;
    start.forEach((value, at) => {
      most = Math.max(most, Math.abs((one[at] ?? 0) - (other[at] ?? 0)));
      moved = Math.max(moved, Math.abs((one[at] ?? 0) - value));
    });
  }
  if (Number.isNaN(most) || Number.isNaN(moved)) return Infinity;
  return moved === 0 ? 0 : most / moved;
}
