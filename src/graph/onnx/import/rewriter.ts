/**
 * The graph that an import grows: nodes of opset 17 whose values all have numbers for a shape. What can be
 * known already (shapes, positions, constant masks) is computed at once and leaves no node behind; what
 * changes nothing (Identity, a Cast to the same type, an Expand to the same shape) is the value itself.
 *
 * Weights are not computed with: a Transpose of a weight stays a node, so that a gradient still finds the
 * weight under its own name.
 */
import { HeadlightError } from '../../../base';
import type { Attribute, ElementType, Node, Tensor, ValueInfo } from '../model';
import { badModel } from '../protobuf';
import { LIMITS, withinLimit } from '../limits';
import { elementCount, makeTensor } from '../tensor';
import { elementTypeOfCode, isFloat, toNumbers, toTensor, widen, type NumberArray } from './array';
import { foldOf } from './fold';
import { shapesOf } from './shape-rules';
import { unchanged } from './unchanged';

/** A value of the graph; its name may still change until the graph is finished. */
export interface Value {
  name: string;
  readonly elementType: ElementType;
  readonly dims: readonly number[];
  /** Its values where they are known: weights and constants. */
  readonly constant: Tensor | null;
  /** A float tensor of the file with more than one element: it may be trained, so it is never folded. */
  readonly weight: boolean;
  readonly producer: RewrittenNode | null;
}

export interface RewrittenNode {
  readonly name: string;
  readonly opType: string;
  readonly domain: string;
  readonly inputs: readonly (Value | null)[];
  outputs: readonly Value[];
  readonly attributes: ReadonlyMap<string, Attribute>;
}

/** No constant larger than this grows out of smaller ones. */
const MAX_FOLDED_ELEMENTS = 1 << 22;

/** Operators whose inputs must all be of one type: where one is an int32 the constants follow. */
const ONE_TYPE = new Set(
  'Add Sub Mul Div Mod Pow Max Min Equal Less Greater LessOrEqual GreaterOrEqual Where Concat'.split(
    ' ',
  ),
);
/** Operators that take their indices as int64 only. */
const WIDE_INDICES = new Set(['GatherND', 'ScatterND']);

export class Rewriter {
  readonly inputs: Value[] = [];
  /** Integer weights as floats, whose scale is still to be multiplied into them. */
  readonly unscaled = new Set<Value>();
  readonly #nodes: RewrittenNode[] = [];
  readonly #names = new Set<string>();
  readonly #generated = new Map<string, number>();
  readonly #narrow: boolean;
  #stem = '';
  #computed = 0;
  #read = 0;
  /** Weights are shapes without values: the graph tells what there is and cannot be run. */
  readonly shapesOnly: boolean;

  /** @param narrow integers of a run are int32 instead of int64. */
  constructor(narrow: boolean, shapesOnly: boolean) {
    this.#narrow = narrow;
    this.shapesOnly = shapesOnly;
  }

  /** Begins a node of the file: what is generated from now on is named after it. */
  begin(name: string): void {
    this.#stem = name;
  }

  input(name: string, elementType: ElementType, dims: readonly number[]): Value {
    const type =
      elementType === 'float16' || elementType === 'bfloat16'
        ? 'float32'
        : elementType === 'int64' && this.#narrow
          ? 'int32'
          : elementType;
    this.#names.add(name);
    const value = { name, elementType: type, dims, constant: null, weight: false, producer: null };
    this.inputs.push(value);
    return value;
  }

  /** A tensor of the file; half precision becomes float32. */
  initializer(tensor: Tensor): Value {
    this.#names.add(tensor.name);
    return this.weightOrConstant(tensor);
  }

  weightOrConstant(tensor: Tensor): Value {
    const half = tensor.elementType === 'float16' || tensor.elementType === 'bfloat16';
    if (half && this.shapesOnly && elementCount(tensor.dims) > 1)
      return known(shape(tensor.name, tensor.dims), true);
    const wide = half ? makeTensor(tensor.name, 'float32', tensor.dims, widen(tensor)) : tensor;
    const weight = isFloat(wide.elementType) && elementCount(wide.dims) > 1;
    return known(wide, weight);
  }

  /** A weight made of others (dequantised), under a name of its own or, where that is taken, a similar one. */
  weight(name: string, dims: readonly number[], values: () => Float32Array): Value {
    const own = this.#claim(name);
    return known(
      this.shapesOnly ? shape(own, dims) : makeTensor(own, 'float32', dims, values()),
      true,
    );
  }

  /** A constant of small size, never trained. */
  numbers(elementType: ElementType, dims: readonly number[], values: ArrayLike<number>): Value {
    const name = this.#claim(`${this.#stem}/constant`);
    return known(toTensor(name, { elementType, dims, values: Float64Array.from(values) }), false);
  }

  scalar(value: number): Value {
    return this.numbers('float32', [], [value]);
  }

  integers(...values: number[]): Value {
    return this.numbers('int64', [values.length], values);
  }

  /** The numbers of a value that is known, of any size. @throws HeadlightError `bad-model` when it is not. */
  known(value: Value | null | undefined, what: string): NumberArray {
    if (!value?.constant) throw badModel(`Its ${what} is known only when it runs.`);
    return toNumbers(value.constant);
  }

  /** Adds an operator with one output. */
  add(
    opType: string,
    inputs: readonly (Value | null)[],
    attributes: Readonly<Record<string, Attribute>> = {},
    domain = '',
  ): Value {
    return this.addAll(opType, inputs, new Map(Object.entries(attributes)), domain)[0]!;
  }

  /**
   * Adds an operator of opset 17, or computes it.
   * @throws HeadlightError `bad-model` when it is not supported or its inputs do not fit it.
   */
  addAll(
    opType: string,
    given: readonly (Value | null)[],
    attributes: ReadonlyMap<string, Attribute>,
    domain = '',
  ): readonly Value[] {
    const adjusted =
      this.#narrow && domain === '' ? this.#narrowed(opType, attributes) : attributes;
    const inputs = this.#narrow && domain === '' ? this.#narrowInputs(opType, given) : given;
    const folded = domain === '' ? this.#fold(opType, inputs, adjusted) : null;
    if (folded) return folded;
    const types = shapesOf(domain, { opType, inputs, attributes: adjusted, outputs: 1 });
    if (types === null)
      throw new HeadlightError('bad-model', 'Headlight does not support this operator.', {
        hint: 'Export the model again as a plain encoder, without optimisations.',
      });
    for (const { dims } of types)
      withinLimit(elementCount(dims), 'elements', `It makes a value of [${dims.join(', ')}]`);
    const same = domain === '' && types[0] ? unchanged(opType, inputs, types[0]) : null;
    if (same) return [same];
    const name = this.#claim(`${this.#stem}/${opType}`);
    const node: RewrittenNode = { name, opType, domain, inputs, outputs: [], attributes: adjusted };
    node.outputs = types.map((type, i) => ({
      ...type,
      name: this.#claim(types.length === 1 ? `${name}.out` : `${name}.out${i}`),
      constant: null,
      weight: false,
      producer: node,
    }));
    this.#nodes.push(node);
    if (this.#narrow && (opType === 'ArgMax' || opType === 'ArgMin'))
      return [this.add('Cast', [node.outputs[0]!], castTo('int64'))];
    return node.outputs;
  }

  /** Gives the value the name it has in the file, unless it has got one before or is known there under another. */
  rename(value: Value, name: string): void {
    if (value.producer === null || this.#names.has(name)) return;
    if (!value.name.endsWith('.out') && !/\.out\d+$/.test(value.name)) return;
    this.#names.add(name);
    value.name = name;
  }

  /** The nodes and weights that the outputs need, as a graph. */
  finish(
    name: string,
    outputs: readonly { readonly name: string; readonly value: Value }[],
  ): {
    readonly name: string;
    readonly nodes: readonly Node[];
    readonly initializers: readonly Tensor[];
    readonly inputs: readonly ValueInfo[];
    readonly outputs: readonly ValueInfo[];
    readonly valueInfo: readonly ValueInfo[];
  } {
    this.begin('outputs');
    const named = new Set<Value>();
    const finals = outputs.map(({ name: wanted, value }) => {
      if (value.name === wanted && !named.has(value)) {
        named.add(value);
        return value;
      }
      const node: RewrittenNode = {
        name: this.#claim('outputs/Identity'),
        opType: 'Identity',
        domain: '',
        inputs: [value],
        outputs: [],
        attributes: new Map(),
      };
      const { elementType, dims } = value;
      const final = {
        name: wanted,
        elementType,
        dims,
        constant: null,
        weight: false,
        producer: node,
      };
      node.outputs = [final];
      this.#nodes.push(node);
      return final;
    });
    const needed = new Set<Value>(finals);
    const nodes = this.#nodes
      .toReversed()
      .filter((node) => {
        if (!node.outputs.some((value) => needed.has(value))) return false;
        for (const value of node.inputs) if (value) needed.add(value);
        return true;
      })
      .reverse();
    const constants = [...needed].filter((value) => value.constant !== null);
    const info = ({ name: at, elementType, dims }: Value): ValueInfo => ({
      name: at,
      type: { elementType, dims },
    });
    return {
      name,
      nodes: nodes.map((node) => ({
        ...node,
        inputs: node.inputs.map((value) => value?.name ?? ''),
        outputs: node.outputs.map((value) => value.name),
      })),
      initializers: constants.map((value) => ({ ...value.constant!, name: value.name })),
      inputs: this.inputs.map(info),
      outputs: finals.map(info),
      valueInfo: nodes.flatMap((node) =>
        node.outputs.filter((value) => !finals.includes(value)).map(info),
      ),
    };
  }

  #fold(
    opType: string,
    inputs: readonly (Value | null)[],
    attributes: ReadonlyMap<string, Attribute>,
  ): Value[] | null {
    if (opType === 'Shape' || opType === 'Size') {
      const [value] = inputs;
      if (!value) throw badModel('Its input is missing.');
      return [this.#shape(opType, value, attributes)];
    }
    const fold = foldOf(opType);
    if (!fold || inputs.some((value) => value && (value.constant === null || value.weight)))
      return null;
    const size = inputs.reduce((sum, value) => sum + (value ? elementCount(value.dims) : 0), 0);
    const shapes =
      opType === 'Range' || opType === 'NonZero' || opType === 'ConstantOfShape'
        ? null
        : shapesOf('', { opType, inputs, attributes });
    if (shapes?.some(({ dims }) => elementCount(dims) > Math.max(MAX_FOLDED_ELEMENTS, size)))
      return null;
    this.#read += size;
    const made = shapes?.reduce((sum, { dims }) => sum + elementCount(dims), 0) ?? 0;
    // Not beyond doubt hostile: ONNX Runtime may well compute it.
    if (this.#read > LIMITS.folded || this.#computed + made > LIMITS.computed)
      throw badModel('The constants of the graph are too many to compute.');
    const arrays = inputs.map((value) => value && toNumbers(value.constant!));
    const result = fold({ inputs: arrays, attributes });
    const results = Array.isArray(result)
      ? (result as readonly NumberArray[])
      : [result as NumberArray];
    for (const { values } of results) this.#computed += values.length;
    return results.map((array) =>
      known(toTensor(this.#claim(`${this.#stem}/${opType}.value`), array), false),
    );
  }

  #shape(opType: string, value: Value, attributes: ReadonlyMap<string, Attribute>): Value {
    if (opType === 'Size') return this.numbers('int64', [], [elementCount(value.dims)]);
    const bound = (name: string): number | undefined => {
      const attribute = attributes.get(name);
      return attribute?.type === 'int' ? Number(attribute.value) : undefined;
    };
    return this.integers(...value.dims.slice(bound('start') ?? 0, bound('end')));
  }

  #narrowed(
    opType: string,
    attributes: ReadonlyMap<string, Attribute>,
  ): ReadonlyMap<string, Attribute> {
    const to = opType === 'Cast' ? attributes.get('to') : undefined;
    if (to?.type !== 'int' || elementTypeOfCode(Number(to.value)) !== 'int64') return attributes;
    return new Map(Object.entries(castTo('int32')));
  }

  #narrowInputs(opType: string, inputs: readonly (Value | null)[]): readonly (Value | null)[] {
    if (WIDE_INDICES.has(opType) && inputs[1]?.elementType === 'int32') {
      if (inputs[1].constant) return inputs.with(1, this.#converted(inputs[1], 'int64'));
      const node: RewrittenNode = {
        name: this.#claim(`${this.#stem}/Cast`),
        opType: 'Cast',
        domain: '',
        inputs: [inputs[1]],
        outputs: [],
        attributes: new Map(Object.entries(castTo('int64'))),
      };
      const wide: Value = {
        name: this.#claim(`${node.name}.out`),
        elementType: 'int64',
        dims: inputs[1].dims,
        constant: null,
        weight: false,
        producer: node,
      };
      node.outputs = [wide];
      this.#nodes.push(node);
      return inputs.with(1, wide);
    }
    if (!ONE_TYPE.has(opType) || !inputs.some((value) => value?.elementType === 'int32'))
      return inputs;
    return inputs.map((value) =>
      value?.constant && value.elementType === 'int64' ? this.#converted(value, 'int32') : value,
    );
  }

  #converted(value: Value, elementType: ElementType): Value {
    const { dims, values } = toNumbers(value.constant!);
    return this.numbers(elementType, dims, values);
  }

  #claim(name: string): string {
    let free = name;
    let number = this.#generated.get(name) ?? 0;
    while (this.#names.has(free)) free = `${name}_${++number}`;
    this.#generated.set(name, number);
    this.#names.add(free);
    return free;
  }
}

/** A weight without its values. */
function shape(name: string, dims: readonly number[]): Tensor {
  return { name, elementType: 'float32', dims, data: new Uint8Array(0) };
}

function known(tensor: Tensor, weight: boolean): Value {
  const { name, elementType, dims } = tensor;
  return { name, elementType, dims, constant: tensor, weight, producer: null };
}

export function castTo(
  elementType: 'float32' | 'int32' | 'int64' | 'bool',
): Record<string, Attribute> {
  const code = { float32: 1n, int32: 6n, int64: 7n, bool: 9n }[elementType];
  return { to: { type: 'int', value: code } };
}
