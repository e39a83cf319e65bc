/**
 * Low-rank adapters as PEFT has them (Hu et al. 2021, https://arxiv.org/abs/2106.09685): beside a linear
 * layer W, alpha / rank * B A, with A random and B zero at the start. Source of names and first values:
 * https://github.com/huggingface/peft/blob/main/src/peft/tuners/lora/layer.py
 */
import { HeadlightError, type Random } from '../../../base';
import type { TransformerConfig } from '../config';
import { layoutOf, type Layout } from '../layout';
import type { Parameter, TrainMethod } from '../trainable-types';

export type LoraMethod = Extract<TrainMethod, { readonly name: 'lora' }>;

/** Before every name in a file of PEFT. */
export const PEFT_PREFIX = 'base_model.model.';

/** The names of a linear layer's two adapters: A [rank, in], B [out, rank]. */
export function adapterNames(layer: string): { readonly a: string; readonly b: string } {
  return {
    a: `${PEFT_PREFIX}${layer}.lora_A.weight`,
    b: `${PEFT_PREFIX}${layer}.lora_B.weight`,
  };
}

/** Adds adapters beside the linear layers of the encoder whose names end in one of the targets. */
export function addAdapters(
  parameters: Map<string, Parameter>,
  config: TransformerConfig,
  method: LoraMethod,
  random: Random,
): void {
  const { rank, targets } = method;
  if (!Number.isInteger(rank) || rank < 1)
    throw new HeadlightError('bad-setting', `The rank of LoRA is ${rank}.`, {
      hint: 'Choose a whole number of 1 or more; 8 is usual.',
    });
  const layout = layoutOf(config);
  const known = new Set(
    [...parameters.values()]
      .filter((parameter) => isInLayer(parameter, layout))
      .map(({ name }) => lastPart(name)),
  );
  const stranger = targets.find((target) => !known.has(target));
  if (stranger !== undefined || targets.length === 0)
    throw new HeadlightError(
      'bad-setting',
      targets.length === 0
        ? 'LoRA was given no target layers.'
        : `LoRA’s target "${stranger}" is the name of no linear layer of this encoder.`,
      { hint: `Choose among: ${[...known].join(', ')}.` },
    );
  for (const parameter of [...parameters.values()]) {
    const { name, dims } = parameter;
    const [out, into] = parameter.turned === true ? [dims[1], dims[0]] : dims;
    if (!isInLayer(parameter, layout) || !targets.includes(lastPart(name))) continue;
    if (out === undefined || into === undefined) continue;
    const { a, b } = adapterNames(name.replace(/\.weight$/, ''));
    // kaiming_uniform_(a = √5) of [rank, in] is uniform in ±1/√in.
    const bound = 1 / Math.sqrt(into);
    const first = Float32Array.from({ length: rank * into }, () => (2 * random.next() - 1) * bound);
    parameters.set(a, adapter(a, [rank, into], first));
    parameters.set(b, adapter(b, [out, rank], new Float32Array(out * rank)));
  }
}

/** The last part of a linear layer's name: `query` of `bert.encoder.layer.0.attention.self.query.weight`. */
function lastPart(name: string): string {
  return (
    name
      .replace(/\.weight$/, '')
      .split('.')
      .at(-1) ?? name
  );
}

/** Whether it is a linear layer of the encoder's layers: the head, and BERT's pooler, are trained whole. */
function isInLayer({ name, dims, decay }: Parameter, { prefix }: Layout): boolean {
  return (
    dims.length === 2 &&
    decay &&
    name.startsWith(prefix) &&
    /\.(layer|layers|h|albert_layers)\.\d+\./.test(name)
  );
}

function adapter(name: string, dims: readonly number[], data: Float32Array): Parameter {
  return { name, dims, values: { precision: 'fp32', data }, trainable: true, decay: true };
}

/**
 * W + scale B A, summed in double precision and rounded once.
 * @param weight [out, in]; @param a [rank, in]; @param b [out, rank].
 */
export function merged(
  weight: Float32Array,
  a: Float32Array,
  b: Float32Array,
  rank: number,
  scale: number,
): Float32Array {
  const columns = a.length / rank;
  const result = new Float32Array(weight.length);
  const row = new Float64Array(columns);
  for (let out = 0; out * columns < weight.length; out++) {
    row.fill(0);
    for (let r = 0; r < rank; r++) {
      const factor = b[out * rank + r] ?? 0;
      for (let i = 0; i < columns; i++) row[i] = (row[i] ?? 0) + factor * (a[r * columns + i] ?? 0);
    }
    const start = out * columns;
    for (let i = 0; i < columns; i++)
      result[start + i] = (weight[start + i] ?? 0) + scale * (row[i] ?? 0);
  }
  return result;
}
