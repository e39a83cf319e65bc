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

export async function openSession(options: { readonly quiet?: boolean }): Promise<Session> {
  const node = await createNodePlatform();
  // Models are kept for the next time; a person's texts are not left behind on the disk.
  const storage = withMemoryAreas(node.storage, ['projects', 'files', 'features', 'runs']);
  const platform: Platform = { ...node, storage };
  return {
    platform,
    engine: createEngine(platform),
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
