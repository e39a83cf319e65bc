/**
 * Training with everything on a GPU: weights, gradients and moments are buffers that are fed to the next graph
 * as the one before has left them. Only token ids, the loss and one norm cross in a step; weights are read
 * for checkpoints and evaluations that turn out best.
 */
import { HeadlightError } from '../../base';
import {
  accumulateGraph,
  adamwGraph,
  adamwGroups,
  adamwScalars,
  gradientNormGraph,
  optimiserNames,
  SUM_OF_SQUARES,
  type AdamwSettings,
} from '../../graph/autodiff';
import type { Model } from '../../graph/onnx';
import { toDevice } from '../../graph/runtime';
import type { DeviceTensor, Feeds, TensorData } from '../../platform';
import { clipFactor } from './adamw';
import { parameterFeeds, trainableValues } from './feeds';
import { floatsOf, Sessions } from './graphs';
import type { TokenBatch } from './inputs';
import { Passes } from './passes';
import {
  keptOf,
  stateNames,
  type Snapshot,
  type Trainer,
  type TrainerOptions,
  type TrainerState,
  type TrainingBatch,
} from './trainer';

/** A step's results stand beside its inputs until those are freed: so much of the weights at a time. */
const GROUP_BYTES = 64 * 2 ** 20;

type Fed = TensorData | DeviceTensor;

/** What is trained of a parameter. */
interface DeviceSlot {
  readonly name: string;
  readonly dims: readonly number[];
  readonly decay: boolean;
  values: Fed;
  firstMoment: Fed;
  secondMoment: Fed;
}

interface OptimiserGraph {
  readonly model: Model;
}

export class DeviceTrainer implements Trainer {
  readonly #options: TrainerOptions;
  readonly #passes: Passes;
  readonly #optimiser: Sessions<OptimiserGraph>;
  readonly #frozen: Record<string, Fed> = {};
  readonly #slots = new Map<string, DeviceSlot>();
  /** Gradients that have added up, by the name of the parameter. */
  #gradients = new Map<string, Fed>();

  private constructor(options: TrainerOptions) {
    const { device, runtime, threads } = options;
    this.#options = options;
    this.#passes = new Passes(options, {
      table: 'graph',
      keepGradients: true,
      parameter: (name) => this.#slots.get(name)?.values ?? this.#frozen[name],
      words: () => ({}),
    });
    this.#optimiser = new Sessions(runtime, device, threads, Infinity);
  }

  /** @throws HeadlightError `device` when the device is lost or its memory is too small. */
  static async open(options: TrainerOptions): Promise<DeviceTrainer> {
    const trainer = new DeviceTrainer(options);
    try {
      for (const parameter of options.model.parameters.values()) {
        const { name, dims, decay, trainable } = parameter;
        if (!trainable) {
          for (const [input, tensor] of Object.entries(parameterFeeds(parameter, options.device)))
            trainer.#frozen[input] = await trainer.#upload(tensor);
          continue;
        }
        const values = trainableValues(parameter);
        const zeros = new Float32Array(values.length);
        trainer.#slots.set(name, {
          name,
          dims,
          decay,
          values: await trainer.#uploadFloats(dims, values),
          firstMoment: await trainer.#uploadFloats(dims, zeros),
          secondMoment: await trainer.#uploadFloats(dims, zeros),
        });
      }
    } catch (error) {
      await trainer.release();
      throw error;
    }
    return trainer;
  }

  async learn(batch: TrainingBatch): Promise<number> {
    const { loss, outputs, gradients: names } = await this.#passes.learn(batch);
    const gradients = new Map<string, Fed>();
    for (const [input, output] of names) gradients.set(input, need(outputs, output));
    if (this.#gradients.size === 0) this.#gradients = gradients;
    else await this.#addGradients(gradients);
    return loss;
  }

  async #addGradients(gradients: ReadonlyMap<string, Fed>): Promise<void> {
    for (const [i, group] of this.#groups().entries()) {
      const { session } = await this.#optimiser.at(
        `add ${i}`,
        () => ({ model: accumulateGraph(group) }),
        () => group.map(({ name }) => optimiserNames.newSum(name)),
      );
      const feeds: Record<string, Fed> = {};
      for (const { name } of group) {
        feeds[optimiserNames.sum(name)] = this.#gradient(name);
        feeds[optimiserNames.gradient(name)] = gradients.get(name) ?? this.#gradient(name);
      }
      const outputs = await session.runKeeping(feeds);
      for (const { name } of group)
        this.#gradients.set(name, need(outputs, optimiserNames.newSum(name)));
      free(Object.values(feeds));
    }
  }

  async gradientNorm(): Promise<number> {
    const { session } = await this.#optimiser.at('norm', () => ({
      model: gradientNormGraph(this.#trained()),
    }));
    const feeds: Record<string, Fed> = {};
    for (const [name, gradient] of this.#gradients) feeds[optimiserNames.gradient(name)] = gradient;
    const sum = floatsOf(await session.run(feeds), SUM_OF_SQUARES)[0];
    if (sum === undefined) throw new HeadlightError('internal', 'The gradients have no norm.');
    return Math.sqrt(sum);
  }

  async update(step: number, learningRate: number, norm: number): Promise<void> {
    const { settings } = this.#options;
    const adamw: AdamwSettings = {
      beta1: settings.adam_beta1,
      beta2: settings.adam_beta2,
      epsilon: settings.adam_epsilon,
      weightDecay: settings.weight_decay,
    };
    const gradientScale = clipFactor(norm, settings.max_grad_norm);
    const scalars = adamwScalars(adamw, { step, learningRate, gradientScale });
    for (const [i, group] of this.#groups().entries()) {
      const { session } = await this.#optimiser.at(
        `adamw ${i}`,
        () => ({ model: adamwGraph(group, adamw) }),
        () =>
          group.flatMap(({ name }) => [
            optimiserNames.newParameter(name),
            optimiserNames.newFirstMoment(name),
            optimiserNames.newSecondMoment(name),
          ]),
      );
      const feeds: Record<string, Fed> = {};
      for (const slot of group) {
        feeds[optimiserNames.parameter(slot.name)] = slot.values;
        feeds[optimiserNames.gradient(slot.name)] = this.#gradient(slot.name);
        feeds[optimiserNames.firstMoment(slot.name)] = slot.firstMoment;
        feeds[optimiserNames.secondMoment(slot.name)] = slot.secondMoment;
      }
      const numbers: Record<string, TensorData> = {};
      for (const [name, value] of Object.entries(scalars))
        if (session.inputNames.includes(name))
          numbers[name] = { type: 'float32', dims: [], data: Float32Array.of(value) };
      const outputs = await session.runKeeping({ ...feeds, ...numbers });
      for (const slot of group) {
        slot.values = need(outputs, optimiserNames.newParameter(slot.name));
        slot.firstMoment = need(outputs, optimiserNames.newFirstMoment(slot.name));
        slot.secondMoment = need(outputs, optimiserNames.newSecondMoment(slot.name));
        this.#gradients.delete(slot.name);
      }
      free(Object.values(feeds));
    }
  }

  predict(batch: TokenBatch): Promise<Float32Array> {
    return this.#passes.predict(batch);
  }

  async snapshot(): Promise<Snapshot> {
    const arrays = new Map<string, Float32Array>();
    for (const { name, values } of this.#slots.values()) arrays.set(name, await read(values));
    return { arrays, tableFactor: 1 };
  }

  async state(): Promise<TrainerState> {
    const arrays = new Map<string, Float32Array>();
    for (const { name, values, firstMoment, secondMoment } of this.#slots.values()) {
      const tensors = [values, firstMoment, secondMoment];
      for (const [i, array] of stateNames(name).entries())
        arrays.set(array, await read(tensors[i]!));
    }
    return { arrays, tableFactor: 1 };
  }

  async restore(state: TrainerState): Promise<void> {
    for (const slot of this.#slots.values()) {
      const length = slot.dims.reduce((all, dim) => all * dim, 1);
      const [values, first, second] = keptOf(state, slot.name, length);
      free([slot.values, slot.firstMoment, slot.secondMoment]);
      slot.values = await this.#uploadFloats(slot.dims, values);
      slot.firstMoment = await this.#uploadFloats(slot.dims, first);
      slot.secondMoment = await this.#uploadFloats(slot.dims, second);
    }
  }

  values({ arrays }: Snapshot): ReadonlyMap<string, Float32Array> {
    return arrays;
  }

  async release(): Promise<void> {
    free(this.#gradients.values());
    this.#gradients.clear();
    free(Object.values(this.#frozen));
    for (const { values, firstMoment, secondMoment } of this.#slots.values())
      free([values, firstMoment, secondMoment]);
    await this.#passes.release();
    await this.#optimiser.release();
  }

  /** What has gradients: the parameters that the graph takes, in one order for all steps. */
  #trained(): DeviceSlot[] {
    return [...this.#slots.values()].filter(({ name }) => this.#gradients.has(name));
  }

  #groups(): DeviceSlot[][] {
    return adamwGroups(this.#trained(), GROUP_BYTES);
  }

  #gradient(name: string): Fed {
    const gradient = this.#gradients.get(name);
    if (gradient === undefined) throw new HeadlightError('internal', `${name} has no gradient.`);
    return gradient;
  }

  #upload(tensor: TensorData): Promise<Fed> {
    return toDevice(this.#options.runtime, tensor, this.#options.device);
  }

  #uploadFloats(dims: readonly number[], data: Float32Array): Promise<Fed> {
    return this.#upload({ type: 'float32', dims, data });
  }
}

function need(outputs: Feeds, name: string): Fed {
  const output = outputs[name];
  if (output === undefined) throw new HeadlightError('internal', `A graph gave no ${name}.`);
  return output;
}

async function read(tensor: Fed): Promise<Float32Array> {
  const { data } = 'location' in tensor ? await tensor.read() : tensor;
  if (data instanceof Float32Array) return data;
  throw new HeadlightError('internal', 'A trained parameter is not float32.');
}

function free(tensors: Iterable<Fed>): void {
  for (const tensor of tensors) if ('location' in tensor) tensor.dispose();
}
