/**
 * The optimiser as graphs, for devices where weights stay on the device (WebGPU): the AdamW step, the sum
 * of squares of all gradients (for clipping), and the accumulation of gradients. Each takes and gives
 * buffers of the device; only scalars cross. The arithmetic is torch.optim.AdamW's, its scalars worked out
 * in float64 on the host.
 *
 * A step's results stand beside its inputs until those are freed: callers bound that by one graph for
 * some parameters at a time (`adamwGroups`).
 */
import { HeadlightError } from '../../base';
import { attribute, GraphBuilder, type Model, type Value } from '../onnx';
import { plus, summed, times } from './emit';

export interface OptimisedParameter {
  readonly name: string;
  readonly dims: readonly number[];
  /** Whether weight decay shrinks it. */
  readonly decay: boolean;
}

/** Inputs and outputs of the graphs, by the parameter's name. */
export const optimiserNames = {
  parameter: (name: string): string => `parameter:${name}`,
  /** As `differentiate` names its outputs. */
  gradient: (name: string): string => `gradient:${name}`,
  firstMoment: (name: string): string => `first:${name}`,
  secondMoment: (name: string): string => `second:${name}`,
  newParameter: (name: string): string => `new:parameter:${name}`,
  newFirstMoment: (name: string): string => `new:first:${name}`,
  newSecondMoment: (name: string): string => `new:second:${name}`,
  sum: (name: string): string => `sum:${name}`,
  newSum: (name: string): string => `new:sum:${name}`,
} as const;

/** The output of `gradientNormGraph`. */
export const SUM_OF_SQUARES = 'sum_of_squares';

export interface AdamwSettings {
  /** As torch.optim.AdamW: 0.9. */
  readonly beta1: number;
  /** 0.999. */
  readonly beta2: number;
  /** 1e-8. */
  readonly epsilon: number;
  /** 0.01; 0 in HF's Trainer. */
  readonly weightDecay: number;
}

export interface AdamwStep {
  /** Steps done, this one counted: 1 for the first. */
  readonly step: number;
  readonly learningRate: number;
  /** What gradients are multiplied by first: 1, or less where they are clipped or averaged. */
  readonly gradientScale: number;
}

/** The float32 scalars that a graph of `adamwGraph` is fed beside its tensors; dims []. */
export function adamwScalars(
  settings: AdamwSettings,
  { step, learningRate, gradientScale }: AdamwStep,
): Readonly<Record<string, number>> {
  const { beta1, beta2, epsilon, weightDecay } = settings;
  const root = Math.sqrt(1 - beta2 ** step);
  return {
    first_share: gradientScale * (1 - beta1),
    second_share: gradientScale * Math.sqrt(1 - beta2),
    // sqrt(v / c) + eps = (sqrt v + eps sqrt c) / sqrt c, so that one division is left.
    epsilon: epsilon * root,
    rate: (learningRate * root) / (1 - beta1 ** step),
    shrink: 1 - learningRate * weightDecay,
  };
}

/**
 * One AdamW step of some parameters. Inputs and outputs are named by `optimiserNames`; further inputs are
 * the scalars of `adamwScalars`. All float32.
 *
 * Source: Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101, as torch.optim.AdamW computes it.
 */
export function adamwGraph(
  parameters: readonly OptimisedParameter[],
  settings: Pick<AdamwSettings, 'beta1' | 'beta2' | 'weightDecay'>,
): Model {
  const g = new GraphBuilder({ name: 'adamw' });
  const scalar = (name: string): Value => g.input(name, 'float32', []);
  const firstShare = scalar('first_share');
  const secondShare = scalar('second_share');
  const epsilon = scalar('epsilon');
  const rate = scalar('rate');
  const shrinking = settings.weightDecay !== 0 && parameters.some(({ decay }) => decay);
  const shrink = shrinking ? scalar('shrink') : null;
  const beta1 = g.scalar(settings.beta1);
  const beta2 = g.scalar(settings.beta2);
  for (const { name, dims, decay } of parameters) {
    const parameter = g.input(optimiserNames.parameter(name), 'float32', dims);
    const gradient = g.input(optimiserNames.gradient(name), 'float32', dims);
    const first = g.input(optimiserNames.firstMoment(name), 'float32', dims);
    const second = g.input(optimiserNames.secondMoment(name), 'float32', dims);

    const newFirst = plus(g, times(g, first, beta1), times(g, gradient, firstShare));
    const part = times(g, gradient, secondShare);
    const newSecond = plus(g, times(g, second, beta2), times(g, part, part));
    const deviation = plus(g, g.add('Sqrt', [newSecond]), epsilon);
    const change = times(g, g.add('Div', [newFirst, deviation]), rate);
    const kept = shrink && decay ? times(g, parameter, shrink) : parameter;

    g.output(g.add('Sub', [kept, change]), optimiserNames.newParameter(name));
    g.output(newFirst, optimiserNames.newFirstMoment(name));
    g.output(newSecond, optimiserNames.newSecondMoment(name));
  }
  return g.build();
}

/** The parameters in groups of at most so many bytes each (a larger one alone), in their order. */
export function adamwGroups<P extends { readonly dims: readonly number[] }>(
  parameters: readonly P[],
  bytes: number,
): P[][] {
  const groups: P[][] = [];
  let room = 0;
  for (const parameter of parameters) {
    const size = 4 * parameter.dims.reduce((all, dim) => all * dim, 1);
    if (size > room || groups.length === 0) {
      groups.push([]);
      room = bytes;
    }
    groups.at(-1)!.push(parameter);
    room -= size;
  }
  return groups;
}

/** As many tensors are joined at once: a kernel binds at most 8 buffers on the least of GPUs. */
const JOINED = 7;

/**
 * The sum of the squares of all gradients: inputs `gradient:<name>`, output SUM_OF_SQUARES, [].
 * @throws HeadlightError `internal` without parameters.
 */
export function gradientNormGraph(
  parameters: readonly Pick<OptimisedParameter, 'name' | 'dims'>[],
): Model {
  if (parameters.length === 0)
    throw new HeadlightError('internal', 'There are no gradients to measure.');
  const g = new GraphBuilder({ name: 'gradient-norm' });
  let sums = parameters.map(({ name, dims }) => {
    const gradient = g.input(optimiserNames.gradient(name), 'float32', dims);
    if (dims.length === 0) return g.add('Reshape', [times(g, gradient, gradient), g.integers(1)]);
    // Row by row first: one thread group for each, and less rounding than one long sum.
    const rows = g.add('ReduceSumSquare', [gradient], {
      axes: attribute.ints([-1]),
      keepdims: attribute.int(0),
    });
    const left = dims.slice(0, -1).map((_, i) => i);
    const all = left.length === 0 ? rows : summed(g, rows, left, false);
    return g.add('Reshape', [all, g.integers(1)]);
  });
  while (sums.length > 1) {
    const joined: Value[] = [];
    for (let i = 0; i < sums.length; i += JOINED) {
      const some = sums.slice(i, i + JOINED);
      const row = some.length === 1 ? some[0]! : g.add('Concat', some, { axis: attribute.int(0) });
      joined.push(some.length === 1 ? row : summed(g, row, [0], true));
    }
    sums = joined;
  }
  g.output(g.add('Reshape', [sums[0]!, g.integers()]), SUM_OF_SQUARES);
  return g.build();
}

/** Adds gradients to sums: inputs `sum:<name>` and `gradient:<name>`, outputs `new:sum:<name>`. */
export function accumulateGraph(
  parameters: readonly Pick<OptimisedParameter, 'name' | 'dims'>[],
): Model {
  const g = new GraphBuilder({ name: 'accumulate' });
  for (const { name, dims } of parameters) {
    const sum = g.input(optimiserNames.sum(name), 'float32', dims);
    const gradient = g.input(optimiserNames.gradient(name), 'float32', dims);
    g.output(plus(g, sum, gradient), optimiserNames.newSum(name));
  }
  return g.build();
}
