/** What every command needs: an engine whose projects are gone with the process, progress, and Ctrl-C. */
import { HeadlightError } from '../src/base';
import { createEngine, type Engine, type TrainSettings } from '../src/engine';
import type { Device, Platform } from '../src/platform';
import { createNodePlatform, withMemoryAreas } from '../src/platform/node';
import { interruptSignal } from './interrupt';
import { ProgressLine } from './progress-line';

export interface Session {
  readonly platform: Platform;
  readonly engine: Engine;
  readonly progress: ProgressLine;
  readonly signal: AbortSignal;
}

export interface SessionOptions {
  readonly quiet?: boolean;
  /** Where models are fetched from; else `$HEADLIGHT_MODEL_HOST`, else Hugging Face. */
  readonly modelHost?: string;
}

export async function openSession(options: SessionOptions): Promise<Session> {
  const node = await createNodePlatform();
  // Models are kept for the next time; a person's texts are not left behind on the disk.
  const storage = withMemoryAreas(node.storage, [
    'projects',
    'files',
    'features',
    'runs',
    'settings',
  ]);
  const platform: Platform = { ...node, storage };
  const engine = createEngine(platform);
  const host = options.modelHost ?? process.env['HEADLIGHT_MODEL_HOST'];
  if (host !== undefined && host !== '') await engine.setModelHost(host);
  return {
    platform,
    engine,
    progress: new ProgressLine(process.stderr, options.quiet === true),
    signal: interruptSignal(),
  };
}

/**
 * The device that was asked for; `auto` where only one works needs no measurement.
 * @throws HeadlightError `device`.
 */
export async function chooseDevice(
  platform: Platform,
  asked: Device | 'auto',
): Promise<TrainSettings['device']> {
  const devices = await platform.runtime.devices();
  const [only] = devices;
  if (asked === 'auto') return devices.length === 1 && only !== undefined ? only.device : 'auto';
  if (devices.some(({ device }) => device === asked)) return asked;
  throw new HeadlightError('device', `This machine cannot run models on ${asked}.`, {
    hint: `Use one of: ${devices.map(({ device }) => device).join(', ')}.`,
  });
}
