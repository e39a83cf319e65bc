/** `--encoder`: what ships, a folder on this disk, or a repository of the Hub. */
import { basename, join, resolve } from 'node:path';
import { HeadlightError } from '../src/base';
import type { EncoderEntry, Engine } from '../src/engine';
import type { EmbedSettings, EncoderInfo, Pooling, Precision } from '../src/models';
import { kindOf, readFolder } from './files';
import type { ProgressLine } from './progress-line';

export const DEFAULT_ENCODER = 'all-MiniLM-L6-v2';
/** What an encoder needs of its folder: other exports beside it may be gigabytes. */
const MODEL_FILES = /\.(json|safetensors|txt)$|(^|\/)model(_fp16|_quantized)?\.onnx$/i;
/** Where there is a checkpoint, exports beside it stay unread too. */
const CHECKPOINT_FILES = /\.(json|safetensors|txt)$/i;
const REPOSITORY = /^([\w.-]+\/[\w.-]+)(?:@([\w./-]+))?$/;

export interface EmbedOptions {
  readonly layer?: number;
  readonly pooling?: Pooling;
  readonly maxTokens?: number;
}

/**
 * @param precision absent: as it ships, else fp32.
 * @throws HeadlightError `not-found` listing what there is.
 */
export async function findEncoder(
  engine: Engine,
  asked: string,
  precision: Precision | undefined,
  progress: ProgressLine,
  signal: AbortSignal,
): Promise<EncoderEntry> {
  const isFolder = (await kindOf(asked)) === 'folder';
  // A path is a folder; a bare name is first one that ships.
  if (isFolder && /[/\\]/.test(asked)) {
    return addFolder(engine, asked, precision ?? 'fp32', progress, signal);
  }
  const known = await engine.listEncoders();
  const shipped = known.filter(({ info }) => info.reference.source === 'shipped');
  const sameName = shipped.filter(({ info }) => info.reference.id === asked);
  const match = sameName.find(
    ({ info }) => precision === undefined || info.reference.precision === precision,
  );
  if (match !== undefined) return match;
  if (sameName[0] !== undefined) {
    const ships = sameName.map(({ info }) => info.reference.precision).join(', ');
    throw new HeadlightError(
      'bad-setting',
      `${asked} ships in ${ships}, not in ${precision ?? ''}.`,
      {
        hint: 'Leave out --precision, or name the folder of a checkpoint with --encoder.',
      },
    );
  }
  if (isFolder) return addFolder(engine, asked, precision ?? 'fp32', progress, signal);
  const repository = REPOSITORY.exec(asked);
  if (repository?.[1] !== undefined) {
    const revision = repository[2] ?? null;
    return progress.follow(
      engine.addHubEncoder(repository[1], revision, precision ?? 'fp32', signal),
    );
  }
  throw new HeadlightError('not-found', `There is no encoder ${asked}.`, {
    hint: `Name one that ships (${shipped.map(({ info }) => info.reference.id).join(', ')}), a folder, or a Hugging Face repository as owner/name.`,
  });
}

export async function addFolder(
  engine: Engine,
  folder: string,
  precision: Precision,
  progress: ProgressLine,
  signal: AbortSignal,
): Promise<EncoderEntry> {
  const hasCheckpoint = (await kindOf(join(folder, 'model.safetensors'))) === 'file';
  const files = await readFolder(folder, hasCheckpoint ? CHECKPOINT_FILES : MODEL_FILES);
  return progress.follow(
    engine.addFolderEncoder(basename(resolve(folder)), files, precision, signal),
  );
}

/** The encoder's own defaults, changed by what was asked. @throws HeadlightError `bad-setting`. */
export function embedSettings(info: EncoderInfo, options: EmbedOptions): EmbedSettings {
  const { layer = info.defaults.layer, maxTokens = info.defaults.maxTokens } = options;
  if (layer > info.layers) {
    throw new HeadlightError('bad-setting', `${info.name} has no layer ${layer}.`, {
      hint: `Choose 0 (the embedding layer) to ${info.layers} (the last).`,
    });
  }
  if (maxTokens > info.maxTokens) {
    throw new HeadlightError(
      'bad-setting',
      `${info.name} takes at most ${info.maxTokens} tokens, not ${maxTokens}.`,
      { hint: 'Choose a smaller --max-tokens.' },
    );
  }
  return { ...info.defaults, layer, maxTokens, pooling: options.pooling ?? info.defaults.pooling };
}
