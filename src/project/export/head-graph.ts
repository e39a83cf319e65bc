/**
 * Heads as what a graph takes: one linear map of raw features; an MLP as one for its hidden layer, and a
 * second one that is appended to the finished graph.
 */
import { attribute, GraphBuilder, readModel, writeModel, type Model } from '../../graph/onnx';
import { foldScaler, type Head, type MlpHead } from '../../learning/heads';

export interface LinearLayer {
  readonly outputs: number;
  /** [outputs, inputs], row-major. */
  readonly weight: Float32Array;
  /** [outputs]. */
  readonly bias: Float32Array;
}

export interface GraphHead {
  readonly first: LinearLayer;
  /** After a ReLU; null for a linear head. */
  readonly second: LinearLayer | null;
}

/** The head with a logit a class: softmax of them, or for several labels their sigmoid, are its probabilities. */
export function graphHead(head: Head): GraphHead {
  if (!('type' in head)) {
    const { weight, bias, classes } = foldScaler(head);
    return { first: { outputs: classes.length, weight, bias }, second: null };
  }
  if (head.type === 'multi_label') {
    const { coef, intercept, features, scaler } = head;
    return { first: scaled(coef, intercept, features, scaler), second: null };
  }
  const [first, second] = head.coefs;
  const [firstBias, secondBias] = head.intercepts;
  const last = scaled(transposed(second, head.hidden), secondBias, head.hidden, null);
  return {
    first: scaled(transposed(first, head.features), firstBias, head.features, head.scaler),
    second: last.outputs === 1 && !head.multiLabel ? halved(last) : last,
  };
}

/** w·((x - mean) / scale) + b as one map of x. */
function scaled(
  weight: Float64Array,
  bias: Float64Array,
  inputs: number,
  scaler: MlpHead['scaler'],
): LinearLayer {
  const outputs = bias.length;
  if (scaler === null) {
    return { outputs, weight: Float32Array.from(weight), bias: Float32Array.from(bias) };
  }
  const map = weight.map((value, at) => value / (scaler.scale[at % inputs] ?? 1));
  const shift = bias.map((value, output) => {
    let sum = value;
    for (let i = 0; i < inputs; i++) sum -= (map[output * inputs + i] ?? 0) * (scaler.mean[i] ?? 0);
    return sum;
  });
  return { outputs, weight: Float32Array.from(map), bias: Float32Array.from(shift) };
}

/** [rows, columns] to [columns, rows]. */
function transposed(matrix: Float64Array, rows: number): Float64Array {
  const columns = rows === 0 ? 0 : matrix.length / rows;
  const turned = new Float64Array(matrix.length);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) turned[j * rows + i] = matrix[i * columns + j] ?? 0;
  return turned;
}

/** One logit z of the second of two classes, as [-z/2, z/2]. */
function halved({ weight, bias }: LinearLayer): LinearLayer {
  const both = (values: Float32Array): Float32Array =>
    Float32Array.from([...values.map((v) => -0.5 * v), ...values.map((v) => 0.5 * v)]);
  return { outputs: 2, weight: both(weight), bias: both(bias) };
}

const HIDDEN = 'mlp/hidden';

/** ReLU and a second linear layer after a graph's `logits`. @param model ONNX bytes. */
export function withSecondLayer(model: Uint8Array, inputs: number, layer: LinearLayer): Uint8Array {
  const whole = readModel(model);
  const after = secondLayer(inputs, layer);
  const { graph } = whole;
  const renamed = (name: string): string => (name === 'logits' ? HIDDEN : name);
  return writeModel({
    ...whole,
    graph: {
      ...graph,
      nodes: [
        ...graph.nodes.map((node) => ({
          ...node,
          inputs: node.inputs.map(renamed),
          outputs: node.outputs.map(renamed),
        })),
        ...after.graph.nodes,
      ],
      initializers: [...graph.initializers, ...after.graph.initializers],
      outputs: after.graph.outputs,
    },
  });
}

function secondLayer(inputs: number, { outputs, weight, bias }: LinearLayer): Model {
  const builder = new GraphBuilder({ name: 'mlp', prefix: 'mlp/' });
  const hidden = builder.input(HIDDEN, 'float32', ['batch', inputs]);
  const units = builder.add('Relu', [hidden]);
  const logits = builder.add(
    'Gemm',
    [
      units,
      builder.constant('float32', [outputs, inputs], weight),
      builder.constant('float32', [outputs], bias),
    ],
    { transB: attribute.int(1) },
  );
  builder.output(logits, 'logits');
  return builder.build();
}
