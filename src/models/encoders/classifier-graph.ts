/** A fine-tuned checkpoint as an ordinary ONNX classifier, weights inside: what is predicted with and taken away. */
import { HeadlightError } from '../../base';
import { attribute, GraphBuilder, makeTensor, writeModel, type Value } from '../../graph/onnx';
import type { Arithmetic } from './arithmetic';
import { addBert } from './bert';
import { parseEncoderConfig, type TransformerConfig } from './config';
import type { EncoderFiles } from './encoder';
import { addTokenInputs } from './inputs';
import { layoutOf } from './layout';
import { pool } from './pooling';
import type { ClassifierGraphOptions } from './trainable-types';
import { Weights } from './weights';

const ARITHMETIC: Readonly<Record<NonNullable<ClassifierGraphOptions['variant']>, Arithmetic>> = {
  fp32: 'float32',
  fp16: 'float16',
  quantized: 'integer',
};

/**
 * ONNX bytes with the inputs `input_ids`, `attention_mask` and, for BERT, `token_type_ids` (int64 [batch,
 * tokens]) and the output `logits`, float32 [batch, classes], or [batch, tokens, classes] for tokens.
 *
 * `fp16` computes the encoder in half precision, the head in single; `quantized` multiplies 8-bit integers,
 * the activations rounded as they come. Both are files for transformers.js (`_fp16`, `_quantized`).
 *
 * @param files config.json and a checkpoint with a head, as `TrainableModel.checkpoint` gives it.
 * @throws HeadlightError `bad-model` when the head is missing or of another size, or the files do not fit.
 */
export function classifierModelGraph(
  files: EncoderFiles,
  options: ClassifierGraphOptions,
): Uint8Array {
  const config = parseEncoderConfig(files.config);
  if (config.modelType === 'headlight-static')
    throw new HeadlightError('bad-model', 'A static encoder has no classifier of its own.');
  const arithmetic = ARITHMETIC[options.variant ?? 'fp32'];
  const layout = layoutOf(config);
  const weights = new Weights(files.weights, 'as-kept', ['', layout.prefix], layout.words);
  const builder = new GraphBuilder({ name: config.modelType });
  const inputs = addTokenInputs(builder);
  const types =
    layout.types === null ? null : builder.input('token_type_ids', 'int64', ['batch', 'tokens']);
  const states = addBert(builder, { ...inputs, types }, config, weights, config.layers, arithmetic);
  const last = states.at(-1);
  if (last === undefined) throw new HeadlightError('internal', 'An encoder has no hidden states.');
  const head = new Head(builder, config, weights);
  builder.output(head.logits(last, inputs.mask, options), 'logits');
  return writeModel(builder.build());
}

/** Always in single precision: it is small, and its sums decide. */
class Head {
  readonly #builder: GraphBuilder;
  readonly #config: TransformerConfig;
  readonly #weights: Weights;

  constructor(builder: GraphBuilder, config: TransformerConfig, weights: Weights) {
    this.#builder = builder;
    this.#config = config;
    this.#weights = weights;
  }

  logits(hidden: Value, mask: Value, { task, head, classes }: ClassifierGraphOptions): Value {
    const b = this.#builder;
    const { hiddenSize } = this.#config;
    const { classifier, headDense, headActivation } = layoutOf(this.#config);
    if (task === 'token') {
      const weight = this.#tensor(`${classifier}.weight`, [classes, hiddenSize]);
      const turned = b.add('Transpose', [weight], { perm: attribute.ints([1, 0]) });
      return b.add('Add', [
        b.add('MatMul', [this.#single(hidden), turned]),
        this.#tensor(`${classifier}.bias`, [classes]),
      ]);
    }
    if (head === 'mean')
      return this.#linear(classifier, pool(b, this.#single(hidden), mask, 'mean'), classes);
    const first = this.#single(pool(b, hidden, mask, 'cls'));
    const dense = b.add(headActivation, [this.#linear(headDense, first, hiddenSize)]);
    return this.#linear(classifier, dense, classes);
  }

  #linear(name: string, value: Value, out: number): Value {
    const weight = this.#tensor(`${name}.weight`, [out, this.#config.hiddenSize]);
    const bias = this.#tensor(`${name}.bias`, [out]);
    return this.#builder.add('Gemm', [value, weight, bias], { transB: attribute.int(1) });
  }

  #single(value: Value): Value {
    if (value.elementType === 'float32') return value;
    return this.#builder.add('Cast', [value], { to: attribute.elementType('float32') });
  }

  #tensor(name: string, dims: readonly number[]): Value {
    const values = this.#weights.absolute(name, dims);
    if (values === null)
      throw new HeadlightError(
        'bad-model',
        `The checkpoint has no head "${name}" of the shape [${dims.join(', ')}].`,
        { hint: 'Choose a checkpoint with a classifier of as many classes as its labels.' },
      );
    return this.#builder.tensor(makeTensor(name, 'float32', dims, values));
  }
}
