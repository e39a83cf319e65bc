/**
 * Builds a graph node by node. Every value knows its element type and shape (sizes may be symbols such
 * as `batch`), names are generated under a prefix, and outputs are named by renaming their producer, for
 * an `Identity` node costs time in every run.
 */
import { HeadlightError } from '../../base';
import {
  ELEMENT_TYPES,
  type Attribute,
  type Dim,
  type ElementType,
  type Model,
  type Node,
  type Tensor,
  type ValueInfo,
} from './model';
import { inferTypes } from './infer';
import { inferOutputs, type OperatorInput } from './shapes';
import { makeTensor, type ArrayElementType, type ArrayOf } from './tensor';

/** A value of the graph being built. */
export interface Value extends OperatorInput {
  readonly name: string;
}

export const attribute = {
  int: (value: number): Attribute => ({ type: 'int', value: BigInt(value) }),
  ints: (values: readonly number[]): Attribute => ({ type: 'ints', value: values.map(BigInt) }),
  float: (value: number): Attribute => ({ type: 'float', value }),
  text: (value: string): Attribute => ({ type: 'string', value }),
  elementType: (value: ElementType): Attribute => ({
    type: 'int',
    value: BigInt(ELEMENT_TYPES[value].code),
  }),
} as const;

/** Operators of ONNX Runtime that ONNX does not have. */
export const MICROSOFT = 'com.microsoft';

export interface GraphBuilderOptions {
  readonly name: string;
  /** Starts every generated name, so that graphs can be joined. Default ''. */
  readonly prefix?: string;
  readonly producerVersion?: string;
}

export class GraphBuilder {
  /** 17 is the first with LayerNormalization; IR version 8 belongs to it. */
  static readonly OPSET = 17;
  static readonly IR_VERSION = 8;

  readonly metadata = new Map<string, string>();
  readonly #options: GraphBuilderOptions;
  readonly #nodes: Node[] = [];
  readonly #initializers: Tensor[] = [];
  readonly #inputs: ValueInfo[] = [];
  readonly #outputs: { readonly value: Value; readonly name: string }[] = [];
  readonly #names = new Set<string>();
  readonly #values = new Map<string, Value>();
  readonly #domains = new Set<string>();
  readonly #generated = new Map<string, number>();
  readonly #integers = new Map<string, Value>();

  constructor(options: GraphBuilderOptions) {
    this.#options = options;
  }

  /**
   * Continues an existing model: its inputs, weights, nodes and outputs are there, every value typed, and
   * more can be added. The prefix must be new, so that generated names do not meet the model's.
   * @throws HeadlightError `bad-model` when the model's opset is not the builder's, or `inferTypes` fails.
   */
  static from(model: Model, options: Partial<GraphBuilderOptions> = {}): GraphBuilder {
    const opset = model.opsets.find(({ domain }) => domain === '')?.version;
    if (opset !== GraphBuilder.OPSET)
      throw new HeadlightError(
        'bad-model',
        `The graph is of opset ${opset ?? 'unknown'}, not ${GraphBuilder.OPSET}.`,
        { hint: 'Import it first, which brings it to that opset.' },
      );
    const { graph } = model;
    const builder = new GraphBuilder({ name: graph.name, ...options });
    for (const [name, value] of inferTypes(model)) builder.#values.set(name, { name, ...value });
    for (const name of builder.#values.keys()) builder.#names.add(name);
    for (const output of graph.outputs)
      builder.#outputs.push({ value: builder.value(output.name), name: output.name });
    for (const node of graph.nodes) builder.#domains.add(node.domain);
    builder.#nodes.push(...graph.nodes);
    builder.#initializers.push(...graph.initializers);
    builder.#inputs.push(...graph.inputs);
    for (const [key, value] of model.metadata) builder.metadata.set(key, value);
    return builder;
  }

  /** The value of this name. @throws HeadlightError `internal` when there is none. */
  value(name: string): Value {
    const found = this.#values.get(name);
    if (found === undefined)
      throw new HeadlightError('internal', `A graph was built wrongly: it has no value "${name}".`);
    return found;
  }

  input(name: string, elementType: ElementType, dims: readonly Dim[]): Value {
    this.#claim(name);
    this.#inputs.push({ name, type: { elementType, dims } });
    return this.#remember({ name, elementType, dims, constant: null });
  }

  /** A weight under its own name. */
  tensor(tensor: Tensor): Value {
    this.#claim(tensor.name);
    this.#initializers.push(tensor);
    const { name, elementType, dims } = tensor;
    return this.#remember({ name, elementType, dims, constant: tensor });
  }

  /** A constant with a generated name. */
  constant<T extends ArrayElementType>(
    elementType: T,
    dims: readonly number[],
    values: ArrayOf<T>,
  ): Value {
    return this.tensor(makeTensor(this.#generate('constant'), elementType, dims, values));
  }

  /** A float32 scalar. */
  scalar(value: number): Value {
    return this.constant('float32', [], Float32Array.of(value));
  }

  /** A one-dimensional int64 constant (axes, shapes); equal ones are shared. */
  integers(...values: number[]): Value {
    const key = values.join();
    const shared = this.#integers.get(key);
    if (shared) return shared;
    const value = this.constant('int64', [values.length], BigInt64Array.from(values, BigInt));
    this.#integers.set(key, value);
    return value;
  }

  /** Adds a node with one output. */
  add(
    opType: string,
    inputs: readonly (Value | null)[],
    attributes: Readonly<Record<string, Attribute>> = {},
    domain = '',
  ): Value {
    const [value] = this.addAll(opType, inputs, attributes, domain);
    if (value === undefined) throw new HeadlightError('internal', `${opType} has no output.`);
    return value;
  }

  /** Adds a node and returns all its outputs; `count` asks for optional ones, or for parts of a Split. */
  addAll(
    opType: string,
    inputs: readonly (Value | null)[],
    attributes: Readonly<Record<string, Attribute>> = {},
    domain = '',
    count?: number,
  ): Value[] {
    const call = {
      opType,
      inputs,
      attributes: new Map(Object.entries(attributes)),
      ...(count === undefined ? {} : { outputs: count }),
    };
    const name = this.#generate(opType);
    const types = inferOutputs(domain, call);
    const outputs = types.map((type, i) =>
      this.#remember({
        name: this.#claim(types.length === 1 ? `${name}.out` : `${name}.out${i}`),
        ...type,
        constant: null,
      }),
    );
    this.#domains.add(domain);
    this.#nodes.push({
      name,
      opType,
      domain,
      inputs: inputs.map((value) => value?.name ?? ''),
      outputs: outputs.map((value) => value.name),
      attributes: call.attributes,
    });
    return outputs;
  }

  /** The same value, its shape known better than the rules can tell. */
  withDims(value: Value, dims: readonly Dim[]): Value {
    return this.#remember({ ...value, dims });
  }

  /** Makes the value an output of the graph, under this name. */
  output(value: Value, name: string): void {
    this.#claim(name);
    const taken =
      this.#outputs.some((output) => output.value.name === value.name) ||
      !this.#nodes.some((node) => node.outputs.includes(value.name));
    // Only inputs, weights and values with two names need a node of their own.
    this.#outputs.push({ value: taken ? this.add('Identity', [value]) : value, name });
  }

  build(): Model {
    const renamed = new Map(this.#outputs.map(({ value, name }) => [value.name, name]));
    const final = (name: string): string => renamed.get(name) ?? name;
    const microsoft = this.#domains.has(MICROSOFT) ? [{ domain: MICROSOFT, version: 1 }] : [];
    return {
      irVersion: GraphBuilder.IR_VERSION,
      opsets: [{ domain: '', version: GraphBuilder.OPSET }, ...microsoft],
      producerName: 'headlight',
      producerVersion: this.#options.producerVersion ?? '',
      metadata: this.metadata,
      graph: {
        name: this.#options.name,
        nodes: this.#nodes.map((node) => ({
          ...node,
          inputs: node.inputs.map(final),
          outputs: node.outputs.map(final),
        })),
        initializers: this.#initializers,
        inputs: this.#inputs,
        outputs: this.#outputs.map(({ value, name }) => ({
          name,
          type: { elementType: value.elementType, dims: value.dims },
        })),
        valueInfo: [],
      },
    };
  }

  #remember(value: Value): Value {
    this.#values.set(value.name, value);
    return value;
  }

  #generate(what: string): string {
    const stem = `${this.#options.prefix ?? ''}${what}`;
    const number = this.#generated.get(stem) ?? 0;
    this.#generated.set(stem, number + 1);
    return `${stem}_${number}`;
  }

  #claim(name: string): string {
    if (name === '' || this.#names.has(name))
      throw new HeadlightError(
        'internal',
        `A graph was built wrongly: the name "${name}" is taken.`,
      );
    this.#names.add(name);
    return name;
  }
}
