/**
 * Training with the optimiser on the processor: ONNX Runtime computes loss and gradients, AdamW runs in typed
 * arrays, rows of the word table are looked up and their gradients added up here. The same steps give the
 * same bits.
 */
import { HeadlightError } from '../../base';
import type { TrainableModel } from '../../models';
import type { Device, OnnxRuntime, TensorData } from '../../platform';
import {
  adamSlot,
  adamStep,
  clipFactor,
  decayFactor,
  gradientNorm,
  type AdamSettings,
  type AdamSlot,
} from './adamw';
import { parameterFeeds, targetFeeds, tokenFeeds, trainableValues } from './feeds';
import {
  evaluationGraph,
  floatsOf,
  LOSS,
  OUTPUT,
  Sessions,
  trainingGraph,
  WORD_ROWS,
  type GraphPlan,
  type TrainingGraph,
} from './graphs';
import { dropoutFeeds, type TokenBatch } from './inputs';
import {
  FIRST_MOMENT,
  SECOND_MOMENT,
  type Snapshot,
  type Trainer,
  type TrainerState,
  type TrainingBatch,
} from './trainer';
import type { LossSpec, TrainerSettings } from './types';
import { WordTable } from './word-table';

export interface TrainerOptions {
  readonly model: TrainableModel;
  readonly loss: LossSpec;
  readonly settings: AdamSettings & Pick<TrainerSettings, 'gradient_checkpointing' | 'seed'>;
  readonly device: Device;
  readonly threads: number | undefined;
  readonly runtime: OnnxRuntime;
  readonly padId: number;
  /** All token ids that occur in the training texts. */
  readonly vocabulary: Iterable<number>;
  /** Sessions of training and of evaluation that are kept, each. */
  readonly shapes: number;
}

export class HostTrainer implements Trainer {
  readonly #options: TrainerOptions;
  readonly #plan: GraphPlan;
  readonly #training: Sessions<TrainingGraph>;
  readonly #evaluation: Sessions<ReturnType<typeof evaluationGraph>>;
  readonly #table: WordTable;
  /** What is trained but the word table, by name. */
  readonly #slots = new Map<string, AdamSlot>();
  /** All parameters as tensors; those that are trained are changed in place. */
  readonly #feeds: Readonly<Record<string, TensorData>>;
  /** Gradients that have added up, by the name of the parameter. */
  readonly #gradients = new Map<string, Float32Array>();

  constructor(options: TrainerOptions) {
    const { model, device, runtime, threads, shapes } = options;
    this.#options = options;
    this.#plan = { model, device, table: 'host' };
    this.#training = new Sessions(runtime, device, threads, shapes);
    this.#evaluation = new Sessions(runtime, device, threads, shapes);
    const wordTable = model.parameters.get(model.wordTable);
    if (wordTable === undefined)
      throw new HeadlightError('internal', `The model has no ${model.wordTable}.`);
    this.#table = new WordTable(wordTable, options.vocabulary);
    const feeds: Record<string, TensorData> = {};
    for (const [name, parameter] of model.parameters) {
      if (name === model.wordTable) continue;
      if (parameter.trainable) {
        // The model keeps its own values: it may be trained again.
        const slot = adamSlot(name, trainableValues(parameter).slice(), parameter.decay);
        this.#slots.set(name, slot);
        feeds[name] = { type: 'float32', dims: parameter.dims, data: slot.values };
      } else Object.assign(feeds, parameterFeeds(parameter, options.device));
    }
    this.#feeds = feeds;
  }

  async learn(batch: TrainingBatch): Promise<number> {
    const { loss, settings, model } = this.#options;
    const { rows, tokens } = batch;
    const { graph, session } = await this.#training.at(`${rows} ${tokens}`, () =>
      trainingGraph(this.#plan, rows, tokens, loss, settings.gradient_checkpointing),
    );
    const outputs = await session.run({
      ...this.#fed(session.inputNames),
      ...tokenFeeds(batch, model, 'host'),
      ...this.#wordRows(batch),
      ...targetFeeds(batch, graph.lossInputs),
      ...dropoutFeeds(graph.forward.dropout, settings.seed, batch.place),
    });
    for (const [input, output] of graph.gradients)
      this.#addGradient(input, floatsOf(outputs, output), batch);
    const value = floatsOf(outputs, LOSS)[0];
    if (value === undefined) throw new HeadlightError('internal', 'A training graph gave no loss.');
    return value + batch.offset;
  }

  #addGradient(input: string, gradient: Float32Array, batch: TrainingBatch): void {
    const { slot } = this.#table;
    if (input === WORD_ROWS) {
      if (slot === null) return;
      let sum = this.#gradients.get(slot.name);
      if (sum === undefined) {
        sum = new Float32Array(slot.values.length);
        this.#gradients.set(slot.name, sum);
      }
      this.#table.scatter(gradient, batch.ids, this.#options.padId, sum);
      return;
    }
    const sum = this.#gradients.get(input);
    if (sum === undefined) this.#gradients.set(input, gradient);
    else for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + gradient[i]!;
  }

  gradientNorm(): Promise<number> {
    return Promise.resolve(gradientNorm(this.#gradients.values()));
  }

  update(step: number, learningRate: number, norm: number): Promise<void> {
    const { settings } = this.#options;
    const scale = clipFactor(norm, settings.max_grad_norm);
    for (const [name, gradient] of this.#gradients)
      adamStep(this.#slot(name), gradient, step, learningRate, scale, settings);
    const { slot } = this.#table;
    if (slot?.decay === true) this.#table.factor *= decayFactor(learningRate, settings);
    this.#gradients.clear();
    return Promise.resolve();
  }

  async predict(batch: TokenBatch): Promise<Float32Array> {
    const { rows, tokens } = batch;
    const { session } = await this.#evaluation.at(`${rows} ${tokens}`, () =>
      evaluationGraph(this.#plan, rows, tokens),
    );
    const outputs = await session.run({
      ...this.#fed(session.inputNames),
      ...tokenFeeds(batch, this.#options.model, 'host'),
      ...this.#wordRows(batch),
    });
    return floatsOf(outputs, OUTPUT);
  }

  snapshot(): Promise<Snapshot> {
    const arrays = new Map<string, Float32Array>();
    for (const [name, { values }] of this.#allSlots()) arrays.set(name, values.slice());
    return Promise.resolve({ arrays, tableFactor: this.#table.factor });
  }

  /** The arrays themselves: they must be written before the next step. */
  state(): Promise<TrainerState> {
    const arrays = new Map<string, Float32Array>();
    for (const [name, slot] of this.#allSlots()) {
      arrays.set(name, slot.values);
      arrays.set(name + FIRST_MOMENT, slot.firstMoment);
      arrays.set(name + SECOND_MOMENT, slot.secondMoment);
    }
    return Promise.resolve({ arrays, tableFactor: this.#table.factor });
  }

  restore({ arrays, tableFactor }: TrainerState): Promise<void> {
    const copy = (name: string, into: Float32Array): void => {
      const kept = arrays.get(name);
      if (kept?.length !== into.length) {
        throw new HeadlightError('bad-project', 'The checkpoint does not fit this training.', {
          hint: 'Discard the unfinished fine-tune and start again.',
        });
      }
      into.set(kept);
    };
    for (const [name, slot] of this.#allSlots()) {
      copy(name, slot.values);
      copy(name + FIRST_MOMENT, slot.firstMoment);
      copy(name + SECOND_MOMENT, slot.secondMoment);
    }
    this.#table.factor = tableFactor;
    return Promise.resolve();
  }

  values({ arrays, tableFactor }: Snapshot): ReadonlyMap<string, Float32Array> {
    const values = new Map<string, Float32Array>();
    for (const name of this.#slots.keys()) {
      const kept = arrays.get(name);
      if (kept !== undefined) values.set(name, kept);
    }
    const { slot } = this.#table;
    const rows = slot === null ? undefined : arrays.get(slot.name);
    if (slot !== null && rows !== undefined)
      values.set(slot.name, this.#table.whole(rows, tableFactor));
    return values;
  }

  async release(): Promise<void> {
    await this.#training.release();
    await this.#evaluation.release();
  }

  *#allSlots(): Generator<[string, AdamSlot]> {
    yield* this.#slots;
    const { slot } = this.#table;
    if (slot !== null) yield [slot.name, slot];
  }

  #slot(name: string): AdamSlot {
    const slot = name === this.#table.slot?.name ? this.#table.slot : this.#slots.get(name);
    if (slot === undefined) throw new HeadlightError('internal', `${name} is not trained.`);
    return slot;
  }

  /** The parameters that a graph takes. */
  #fed(names: readonly string[]): Record<string, TensorData> {
    const feeds: Record<string, TensorData> = {};
    for (const name of names) {
      const tensor = this.#feeds[name];
      if (tensor !== undefined) feeds[name] = tensor;
    }
    return feeds;
  }

  #wordRows({ ids }: TokenBatch): Record<string, TensorData> {
    const { hidden } = this.#table;
    return {
      [WORD_ROWS]: {
        type: 'float32',
        dims: [ids.length, hidden],
        data: this.#table.lookUp(ids),
      },
    };
  }
}
