/** The settings of a fine-tune as they are being edited: a preset, changes to it, and what is wrong with them. */
import type { FinetuneSettings } from '../../learning/finetune';
import type { TrainMethod } from '../../models';
import type { Encoders } from './encoders.svelte';
import {
  contradictions,
  readNumber,
  ruleOf,
  type Bounds,
  type NumberName,
} from './finetune-fields';
import {
  CONTRASTIVE_DEFAULTS,
  FINETUNE_DEFAULTS,
  PRESETS,
  type Preset,
} from '../../learning/finetune/presets';
import { methodFor, methodNamed, type MethodName } from './finetune-settings';

/** What makes a fine-tune fit: one press each. */
export interface Fix {
  readonly label: string;
  readonly change: Partial<FinetuneSettings>;
}

export class FinetuneForm {
  readonly #encoders: Encoders;
  readonly #bounds: () => Bounds;
  #kept = $state.raw<FinetuneSettings>(FINETUNE_DEFAULTS);
  /** What was typed and cannot be used, by field. */
  #drafts = $state.raw<Readonly<Record<string, string>>>({});

  constructor(encoders: Encoders, bounds: () => Bounds) {
    this.#encoders = encoders;
    this.#bounds = bounds;
    this.choosePreset(PRESETS[0]);
  }

  get bounds(): Bounds {
    return this.#bounds();
  }
  get architecture(): string {
    return this.#encoders.chosen?.info.architecture ?? '';
  }
  /** As they would be asked: of the chosen encoder, within what it can read. */
  get settings(): FinetuneSettings {
    const { layers, maxTokens } = this.bounds;
    const kept = this.#kept;
    return {
      ...kept,
      method: methodFor(kept.method, this.architecture, layers),
      max_length: Math.min(kept.max_length, maxTokens),
    };
  }
  /** Plain sentences by field; empty when all is well. */
  get problems(): Readonly<Record<string, string>> {
    const found: Record<string, string> = { ...contradictions(this.settings, this.bounds) };
    for (const [name, text] of Object.entries(this.#drafts)) {
      const read = readNumber(text, ruleOf(name as NumberName, this.bounds));
      if ('problem' in read) found[name] = read.problem;
    }
    const { train_rows } = this.settings;
    const rows = ruleOf('train_rows', this.bounds);
    if (train_rows !== null && !('train_rows' in this.#drafts) && train_rows > rows.most) {
      found['train_rows'] = `There are only ${rows.most} rows to train on.`;
    }
    return found;
  }
  get valid(): boolean {
    return Object.keys(this.problems).length === 0;
  }
  /** The preset that is in force unchanged; null after a change. */
  get preset(): Preset | null {
    if (Object.keys(this.#drafts).length > 0) return null;
    const shown = JSON.stringify(comparable(this.#kept));
    return (
      PRESETS.find(({ settings }) => {
        const whole = { ...FINETUNE_DEFAULTS, ...settings };
        return JSON.stringify(comparable(whole)) === shown;
      }) ?? null
    );
  }

  /** A preset is about how it is trained; how much of the data, and the seed, stay as chosen. */
  choosePreset(preset: Preset | undefined): void {
    if (preset === undefined) return;
    const { train_rows, seed } = this.#kept;
    this.#drafts = {};
    this.#kept = { ...FINETUNE_DEFAULTS, ...preset.settings, train_rows, seed };
  }

  /** Whether it learns from pairs of texts; what they need comes with it, and goes again. */
  setObjective(objective: 'classification' | 'contrastive'): void {
    const kept = Object.entries(this.#kept).filter(([name]) => !(name in CONTRASTIVE_DEFAULTS));
    const own = Object.entries(FINETUNE_DEFAULTS).filter(([name]) => name in CONTRASTIVE_DEFAULTS);
    this.#drafts = {};
    this.#kept = {
      ...FINETUNE_DEFAULTS,
      ...Object.fromEntries(kept),
      ...(objective === 'contrastive' ? CONTRASTIVE_DEFAULTS : Object.fromEntries(own)),
    };
  }

  set(change: Partial<FinetuneSettings>): void {
    this.#kept = { ...this.#kept, ...change };
    this.#forget(Object.keys(change));
  }

  setMethod(name: MethodName): void {
    this.#forget(['layers', 'rank', 'alpha', 'lora_dropout']);
    this.set({ method: methodNamed(name, this.architecture, this.bounds.layers) });
  }

  /** Changes values of the method that is chosen. */
  changeMethod(change: Partial<Extract<TrainMethod, { name: 'lora' }>> | { layers: number }): void {
    const { method } = this.settings;
    this.set({ method: { ...method, ...change } as TrainMethod });
  }

  /** What stands in a number's field: as typed while it cannot be used. */
  textOf(name: NumberName): string {
    const draft = this.#drafts[name];
    if (draft !== undefined) return draft;
    const value = this.#valueOf(name);
    return value === null ? '' : String(value);
  }

  type(name: NumberName, text: string): void {
    const read = readNumber(text, ruleOf(name, this.bounds));
    if ('problem' in read) {
      this.#drafts = { ...this.#drafts, [name]: text };
      return;
    }
    this.#forget([name]);
    const { value } = read;
    if (name === 'layers' && value !== null) this.changeMethod({ layers: value });
    else if (name === 'lora_dropout' && value !== null) this.changeMethod({ dropout: value });
    else if ((name === 'rank' || name === 'alpha') && value !== null) {
      this.changeMethod({ [name]: value });
    } else this.set({ [name]: value });
  }

  /** Takes up what a run was made with. */
  adopt(settings: FinetuneSettings): void {
    this.#drafts = {};
    this.#kept = settings;
  }

  /** A rate that suits what is trained, where the present one is far too small for it; else null. */
  get betterRate(): number | null {
    return this.#isSlowFor(this.settings.method.name) ? ADAPTER_RATE : null;
  }

  /** The preset for as few texts a class as there are; null where there are more, or words are labelled. */
  get recommended(): Preset | null {
    const { trainRows, classes, tagging } = this.bounds;
    const isFew = classes > 0 && trainRows > 0 && trainRows <= FEW_LABELS * classes;
    return tagging || !isFew ? null : (PRESETS.find(({ name }) => name === 'few-labels') ?? null);
  }

  /** What would need less memory or time than the present settings. */
  get fixes(): readonly Fix[] {
    const { method, max_length, per_device_train_batch_size: batch, ...rest } = this.settings;
    const fixes: Fix[] = [];
    if (method.name === 'full' || method.name === 'last') {
      const { layers } = this.bounds;
      fixes.push({
        label: 'Train small adapters (LoRA)',
        change: {
          method: methodNamed('lora', this.architecture, layers),
          ...(this.#isSlowFor('lora') ? { learning_rate: ADAPTER_RATE } : {}),
        },
      });
    } else if (method.name === 'lora' && method.base === 'fp32') {
      fixes.push({
        label: 'Keep the frozen weights in 8 bits',
        change: { method: { ...method, base: 'int8' } },
      });
    }
    if (max_length > 64) {
      const shorter = max_length > 128 ? 128 : 64;
      fixes.push({ label: `Cut texts at ${shorter} tokens`, change: { max_length: shorter } });
    }
    if (batch > 1) {
      const half = Math.floor(batch / 2);
      fixes.push({
        label: `Batches of ${half}, gradients of ${rest.gradient_accumulation_steps * 2} added up`,
        change: {
          per_device_train_batch_size: half,
          gradient_accumulation_steps: rest.gradient_accumulation_steps * 2,
        },
      });
    }
    if (!rest.gradient_checkpointing && max_length >= 128) {
      fixes.push({
        label: 'Compute parts twice to save memory',
        change: { gradient_checkpointing: true },
      });
    }
    const { objective, num_iterations = null } = rest;
    if (objective === 'contrastive' && (num_iterations === null || num_iterations > 5)) {
      const fewer = num_iterations === null ? 20 : Math.floor(num_iterations / 2);
      fixes.push({ label: `${fewer} pairs a text`, change: { num_iterations: fewer } });
    }
    const rows = rest.train_rows ?? this.bounds.trainRows;
    if (rows > FEW_ROWS) {
      fixes.push({ label: `Train on 2,000 of the rows`, change: { train_rows: FEW_ROWS } });
    }
    return fixes;
  }

  /** Few weights learn: they need a rate about ten times as high. */
  #isSlowFor(method: MethodName): boolean {
    return method !== 'full' && method !== 'last' && this.#kept.learning_rate < 2e-4;
  }

  #valueOf(name: NumberName): number | null {
    const { settings } = this;
    const { method } = settings;
    if (name === 'layers') return method.name === 'last' ? method.layers : null;
    if (name === 'rank' || name === 'alpha') return method.name === 'lora' ? method[name] : null;
    if (name === 'lora_dropout') return method.name === 'lora' ? method.dropout : null;
    return settings[name] ?? null;
  }

  #forget(names: readonly string[]): void {
    const left = Object.entries(this.#drafts).filter(([name]) => !names.includes(name));
    this.#drafts = Object.fromEntries(left);
  }
}

const FEW_ROWS = 2000;
/** Texts a class up to which pairs of them teach more than their classes alone. */
const FEW_LABELS = 64;
/** Of adapters, biases and heads. */
const ADAPTER_RATE = 5e-4;

/** What a preset decides. */
function comparable(settings: FinetuneSettings): unknown[] {
  return Object.entries(settings)
    .filter(([name]) => name !== 'train_rows' && name !== 'seed')
    .sort(([a], [b]) => (a < b ? -1 : 1));
}
