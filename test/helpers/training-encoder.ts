/**
 * A BERT encoder with mean pooling, a linear head and cross-entropy, as a training graph built by hand of
 * plain operators: what whole-graph tests differentiate. Every parameter is an input. The same in PyTorch:
 * `test/reference/graph/gradients.py`.
 */
import { attribute, GraphBuilder, MICROSOFT, type Model, type Value } from '../../src/graph/onnx';

export interface EncoderSizes {
  readonly vocabulary: number;
  readonly hidden: number;
  readonly heads: number;
  readonly inner: number;
  readonly layers: number;
  readonly classes: number;
  readonly batch: number;
  readonly tokens: number;
}

export interface TrainingEncoder {
  readonly model: Model;
  /** Shapes of the parameters, in order. */
  readonly parameters: ReadonlyMap<string, readonly number[]>;
  /** After the embeddings and after each layer. */
  readonly boundaries: readonly string[];
}

const LABEL_SMOOTHING = 0.1;

/** Inputs beside the parameters: `ids` int32, `mask` float32, both [batch, tokens]; `labels` int32 [batch]. Output `loss`. */
export function trainingEncoder(sizes: EncoderSizes): TrainingEncoder {
  const { vocabulary, hidden, heads, inner, layers, classes, batch, tokens } = sizes;
  const g = new GraphBuilder({ name: 'training' });
  const parameters = new Map<string, readonly number[]>();
  const parameter = (name: string, dims: readonly number[]): Value => {
    parameters.set(name, dims);
    return g.input(name, 'float32', dims);
  };
  const linear = (x: Value, name: string, rows: number, columns: number): Value =>
    g.add(
      'Gemm',
      [x, parameter(`${name}.weight`, [rows, columns]), parameter(`${name}.bias`, [rows])],
      { transB: attribute.int(1) },
    );
  const norm = (x: Value, name: string): Value =>
    g.add(
      'LayerNormalization',
      [x, parameter(`${name}.weight`, [hidden]), parameter(`${name}.bias`, [hidden])],
      { epsilon: attribute.float(1e-12) },
    );
  const ids = g.input('ids', 'int32', [batch, tokens]);
  const mask = g.input('mask', 'float32', [batch, tokens]);
  const labels = g.input('labels', 'int32', [batch]);
  const one = g.scalar(1);

  const words = g.add('Gather', [parameter('embeddings.word', [vocabulary, hidden]), ids]);
  const sum = g.add('Add', [words, parameter('embeddings.position', [tokens, hidden])]);
  const flat = g.integers(batch * tokens, hidden);
  let x = norm(g.add('Reshape', [sum, flat]), 'embeddings.norm');
  const boundaries = [x.name];
  const bias = g.add('Reshape', [
    g.add('Mul', [g.add('Sub', [one, mask]), g.scalar(-10000)]),
    g.integers(batch, 1, 1, tokens),
  ]);
  const size = hidden / heads;
  const split = (value: Value, order: readonly number[]): Value =>
    g.add('Transpose', [g.add('Reshape', [value, g.integers(batch, tokens, heads, size)])], {
      perm: attribute.ints(order),
    });
  for (let layer = 0; layer < layers; layer++) {
    const p = `layer.${layer}`;
    const query = split(linear(x, `${p}.query`, hidden, hidden), [0, 2, 1, 3]);
    const key = split(linear(x, `${p}.key`, hidden, hidden), [0, 2, 3, 1]);
    const value = split(linear(x, `${p}.value`, hidden, hidden), [0, 2, 1, 3]);
    const scores = g.add('Mul', [g.add('MatMul', [query, key]), g.scalar(1 / Math.sqrt(size))]);
    const shares = g.add('Softmax', [g.add('Add', [scores, bias])], { axis: attribute.int(-1) });
    const mixed = g.add('Transpose', [g.add('MatMul', [shares, value])], {
      perm: attribute.ints([0, 2, 1, 3]),
    });
    const attended = linear(g.add('Reshape', [mixed, flat]), `${p}.attention`, hidden, hidden);
    x = norm(g.add('Add', [x, attended]), `${p}.norm1`);
    const activated = g.add('Gelu', [linear(x, `${p}.inner`, inner, hidden)], {}, MICROSOFT);
    x = norm(g.add('Add', [x, linear(activated, `${p}.outer`, hidden, inner)]), `${p}.norm2`);
    boundaries.push(x.name);
  }
  const rows = g.add('Reshape', [x, g.integers(batch, tokens, hidden)]);
  const weights = g.add('Reshape', [mask, g.integers(batch, tokens, 1)]);
  const total = g.add('ReduceSum', [g.add('Mul', [rows, weights]), g.integers(1)], {
    keepdims: attribute.int(0),
  });
  const pooled = g.add('Div', [total, g.add('ReduceSum', [mask, g.integers(1)])]);
  const logits = linear(pooled, 'classifier', classes, hidden);

  // Cross-entropy without LogSoftmax, which WebGPU has no kernel for.
  const most = g.add('ReduceMax', [logits], { axes: attribute.ints([1]) });
  const shifted = g.add('Sub', [logits, most]);
  const sums = g.add('ReduceSum', [g.add('Exp', [shifted]), g.integers(1)]);
  const logs = g.add('Sub', [shifted, g.add('Log', [sums])]);
  const places = g.constant(
    'int32',
    [classes],
    Int32Array.from({ length: classes }, (_, i) => i),
  );
  const hot = g.add(
    'Cast',
    [g.add('Equal', [g.add('Reshape', [labels, g.integers(batch, 1)]), places])],
    { to: attribute.elementType('float32') },
  );
  const targets = g.add('Add', [
    g.add('Mul', [hot, g.scalar(1 - LABEL_SMOOTHING)]),
    g.scalar(LABEL_SMOOTHING / classes),
  ]);
  const all = g.add('ReduceSum', [g.add('Mul', [logs, targets]), g.integers(0, 1)], {
    keepdims: attribute.int(0),
  });
  g.output(g.add('Mul', [all, g.scalar(-1 / batch)]), 'loss');
  return { model: g.build(), parameters, boundaries };
}
