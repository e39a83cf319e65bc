/**
 * What a training was asked to do, remembered until it has ended: after a killed tab, a reload or a stop the
 * project opens with the same encoder, features, device and probe, so that “Train” goes on from there.
 */
import type { TrainSettings } from '../../engine';
import { recall, remember } from './memory';

const key = (project: string): string => `headlight.unfinished.${project}`;

export function rememberUnfinished(project: string, settings: TrainSettings): void {
  remember(key(project), JSON.stringify(settings));
}

export function forgetUnfinished(project: string): void {
  remember(key(project), null);
}

/** null when nothing is unfinished, or what stands there cannot be read (it is then of no use). */
export function recallUnfinished(project: string): TrainSettings | null {
  const text = recall(key(project));
  if (text === null) return null;
  try {
    const value: unknown = JSON.parse(text);
    return isSettings(value) ? value : null;
  } catch {
    return null;
  }
}

type Check = (value: unknown) => boolean;
const isText: Check = (value) => typeof value === 'string';
const isNumber: Check = (value) => typeof value === 'number' && Number.isFinite(value);
const isCount: Check = (value) => Number.isInteger(value) && Number(value) >= 0;
const isSwitch: Check = (value) => typeof value === 'boolean';
const isOneOf =
  (...choices: readonly unknown[]): Check =>
  (value) =>
    choices.includes(value);

const ENCODER: Readonly<Record<string, Check>> = {
  source: isText,
  id: isText,
  revision: (value) => value === null || isText(value),
  precision: isText,
};
const EMBED: Readonly<Record<string, Check>> = {
  layer: isCount,
  pooling: isOneOf('mean', 'cls', 'max', 'last'),
  normalize: isSwitch,
  maxTokens: isCount,
};
const HEAD: Readonly<Record<string, Check>> = {
  type: isOneOf('logistic_regression'),
  C: (value) => value === 'cv' || isNumber(value),
  Cs: (value) => Array.isArray(value) && value.every(isNumber),
  folds: isCount,
  class_weight: isOneOf('balanced', null),
  standardize: isSwitch,
  tol: isNumber,
  max_iter: isCount,
  seed: isCount,
};
const MLP: Readonly<Record<string, Check>> = {
  type: isOneOf('mlp'),
  hidden: isCount,
  alpha: isNumber,
  learning_rate: isNumber,
  batch_size: (value) => value === 'auto' || isCount(value),
  max_iter: isCount,
  early_stopping: isSwitch,
  validation_fraction: isNumber,
  n_iter_no_change: isCount,
  tol: isNumber,
  standardize: isSwitch,
  seed: isCount,
};
const SETTINGS: Readonly<Record<string, Check>> = {
  encoder: (value) => has(value, ENCODER),
  embed: (value) => has(value, EMBED),
  device: isOneOf('auto', 'cpu', 'wasm', 'webgpu', 'cuda'),
  head: (value) => has(value, HEAD) || has(value, MLP),
  baselines: (value) => value === undefined || isSwitch(value),
};

function has(value: unknown, checks: Readonly<Record<string, Check>>): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const fields = value as Readonly<Record<string, unknown>>;
  return Object.entries(checks).every(([name, check]) => check(fields[name]));
}

function isSettings(value: unknown): value is TrainSettings {
  return has(value, SETTINGS);
}
