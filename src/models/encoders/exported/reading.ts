/**
 * Reading an imported graph backwards: what made a value, what is a linear layer, a normalisation, a table.
 * Nothing is guessed from names, which differ from exporter to exporter.
 */
import { HeadlightError } from '../../../base';
import {
  inferTypes,
  intAttribute,
  tensorValues,
  type ImportedModel,
  type Node,
  type Tensor,
} from '../../../graph/onnx';

/** W and b of a linear layer as `transformers` keeps them. */
export interface Linear {
  /** The value that goes in. */
  readonly input: string;
  readonly out: number;
  readonly into: number;
  /** [out, into], row-major. */
  readonly weight: Float32Array;
  /** [out]. */
  readonly bias: Float32Array;
}

export interface Norm {
  readonly input: string;
  readonly weight: Float32Array;
  readonly bias: Float32Array;
  readonly epsilon: number;
}

/** @throws always: `bad-model`. */
export function unlike(what: string): never {
  throw new HeadlightError('bad-model', what, {
    hint: 'Export the model again from its checkpoint, or use its model.safetensors.',
  });
}

export class GraphReading {
  readonly #imported: ImportedModel;
  readonly #makers = new Map<string, Node>();
  readonly #weights: ReadonlyMap<string, Tensor>;
  readonly #types: ReturnType<typeof inferTypes>;

  constructor(imported: ImportedModel) {
    this.#imported = imported;
    const { graph } = imported.model;
    for (const node of graph.nodes) for (const name of node.outputs) this.#makers.set(name, node);
    this.#weights = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
    this.#types = inferTypes(imported.model);
  }

  get nodes(): readonly Node[] {
    return this.#imported.model.graph.nodes;
  }

  get tokens(): number {
    return this.#imported.tokens;
  }

  maker(name: string): Node | null {
    return this.#makers.get(name) ?? null;
  }

  dims(name: string): readonly number[] {
    return (this.#types.get(name)?.dims ?? []).map(Number);
  }

  constant(name: string | undefined): Tensor | null {
    return name === undefined ? null : (this.#weights.get(name) ?? null);
  }

  floats(name: string | undefined): Float32Array | null {
    const tensor = this.constant(name);
    return tensor?.elementType === 'float32' ? tensorValues(tensor, 'float32') : null;
  }

  /** Integers that are the same in every run; null when they are not. */
  integers(name: string): number[] | null {
    const tensor = this.constant(name);
    if (tensor?.elementType === 'int64') return Array.from(tensorValues(tensor, 'int64'), Number);
    if (tensor?.elementType === 'int32') return Array.from(tensorValues(tensor, 'int32'));
    return null;
  }

  /** The one number of a constant; null when it is none. */
  scalar(name: string | undefined): number | null {
    const values = this.floats(name);
    return values?.length === 1 ? (values[0] ?? null) : null;
  }

  /** Goes back over nodes of these operators by their first input. */
  past(name: string, ...operators: readonly string[]): string {
    for (let at = name; ;) {
      const node = this.maker(at);
      if (node === null || !operators.includes(node.opType)) return at;
      at = node.inputs[0] ?? '';
    }
  }

  /** @throws HeadlightError `bad-model` when the value is no LayerNormalization's. */
  norm(name: string, what: string): Norm {
    const node = this.maker(this.past(name, 'Reshape'));
    const [weight, bias] = [this.floats(node?.inputs[1]), this.floats(node?.inputs[2])];
    if (node?.opType !== 'LayerNormalization' || weight === null || bias === null)
      return unlike(`${what} is made by ${title(node)}, not by a LayerNormalization.`);
    const epsilon = node.attributes.get('epsilon');
    return {
      input: node.inputs[0] ?? '',
      weight,
      bias,
      epsilon: epsilon?.type === 'float' ? epsilon.value : 1e-5,
    };
  }

  /** x W^T + b in the forms that exporters write. @throws HeadlightError `bad-model`. */
  linear(name: string, what: string): Linear {
    const found = this.linearOrNull(name);
    if (found !== null) return found;
    const node = this.maker(this.past(name, 'Reshape'));
    return unlike(`${what} is made by ${title(node)}, not by a linear layer with a bias.`);
  }

  linearOrNull(name: string): Linear | null {
    const node = this.maker(this.past(name, 'Reshape'));
    if (node?.opType === 'Gemm') return this.#gemm(node);
    return node?.opType === 'Add' ? this.#matMulAdd(node) : null;
  }

  #matMulAdd(node: Node): Linear | null {
    for (const [product = '', shift] of [node.inputs, [...node.inputs].reverse()]) {
      const bias = this.floats(shift);
      const matMul = this.maker(this.past(product, 'Reshape'));
      if (bias === null || matMul?.opType !== 'MatMul') continue;
      return this.#joined(matMul.inputs[0] ?? '', matMul.inputs[1] ?? '', false, bias);
    }
    return null;
  }

  #gemm(node: Node): Linear | null {
    const bias = this.floats(node.inputs[2]);
    const plain = ['alpha', 'beta'].every((name) => {
      const factor = node.attributes.get(name);
      return factor === undefined || (factor.type === 'float' && factor.value === 1);
    });
    if (bias === null || !plain || intAttribute(node, 'transA', 0) !== 0) return null;
    const turned = intAttribute(node, 'transB', 0) === 1;
    return this.#joined(node.inputs[0] ?? '', node.inputs[1] ?? '', turned, bias);
  }

  /** @param asKept whether the weight is [out, into] already. */
  #joined(input: string, from: string, asKept: boolean, bias: Float32Array): Linear | null {
    let [weight, turned] = [from, asKept];
    for (let node = this.maker(weight); node?.opType === 'Transpose'; node = this.maker(weight)) {
      weight = node.inputs[0] ?? '';
      turned = !turned;
    }
    const [values, dims] = [this.floats(weight), this.constant(weight)?.dims ?? []];
    const [rows = 0, columns = 0] = dims;
    if (values === null || dims.length !== 2) return null;
    const [out, into] = turned ? [rows, columns] : [columns, rows];
    if (bias.length !== out) return null;
    return {
      input: this.past(input, 'Reshape'),
      out,
      into,
      weight: turned ? values : transposed(values, rows, columns),
      bias,
    };
  }
}

/** [rows, columns] to [columns, rows]. */
function transposed(values: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      result[column * rows + row] = values[row * columns + column] ?? 0;
  return result;
}

/** `MatMul "/encoder/layer.0/…"`, for messages. */
export function title(node: Node | null): string {
  if (node === null) return 'no operator';
  return `the operator ${node.opType} "${node.name === '' ? (node.outputs[0] ?? '') : node.name}"`;
}
