/** Gradients of operators that move elements without choosing among them. */
import { attribute, type Value } from '../../onnx';
import {
  constantInts,
  padded,
  positive,
  reshaped,
  sizes,
  sliced,
  summed,
  summedTo,
  transposed,
  zeros,
} from '../emit';
import {
  gradientFor,
  intOf,
  intsOf,
  refuse,
  textOf,
  type Backward,
  type GradientRule,
  type GradientRules,
} from '../rule';

const concat: GradientRule = (b) => {
  const { g } = b;
  const axis = positive(intOf(b, 'axis', 0), b.outputDims(0).length);
  let start = 0;
  return b.node.inputs.map((_, i) => {
    const length = b.inputDims(i)[axis]!;
    start += length;
    return b.needs(i) ? sliced(g, b.gradient, axis, start - length, length) : null;
  });
};

const split: GradientRule = (b) => {
  const { g } = b;
  const axis = positive(intOf(b, 'axis', 0), b.inputDims(0).length);
  const type = b.gradient.elementType;
  const parts = b.node.outputs.map((_, i) => b.gradientOf(i) ?? zeros(g, type, b.outputDims(i)));
  return [g.add('Concat', parts, { axis: attribute.int(axis) })];
};

const slice: GradientRule = (b) => {
  const dims = b.inputDims(0);
  const [starts, axes, steps] = [1, 3, 4].map((i) => (b.has(i) ? constantInts(b.input(i)) : null));
  if (!starts || (b.has(3) && !axes) || (b.has(4) && steps?.some((step) => step !== 1) !== false))
    refuse(b.node, 'only slices with constant bounds and step 1 are');
  return [
    starts.reduce((value, given, i) => {
      const axis = positive(axes?.[i] ?? i, dims.length);
      const size = dims[axis]!;
      const start = Math.min(size, Math.max(0, given < 0 ? given + size : given));
      return padded(b.g, value, axis, start, size - start - b.outputDims(0)[axis]!);
    }, b.gradient),
  ];
};

const pad: GradientRule = (b) => {
  const dims = b.inputDims(0);
  const pads = constantInts(b.input(1));
  const axes = b.has(3) ? constantInts(b.input(3)) : dims.map((_, i) => i);
  if (textOf(b, 'mode', 'constant') !== 'constant' || !pads || !axes || pads.some((n) => n < 0))
    refuse(b.node, 'only padding by a constant, of constant width, is');
  return [
    axes.reduce((value, given, i) => {
      const axis = positive(given, dims.length);
      return sliced(b.g, value, axis, pads[i]!, dims[axis]!);
    }, b.gradient),
  ];
};

/** Sums the copies: each axis is taken apart into copies and size. */
const tile: GradientRule = (b) => {
  const dims = b.inputDims(0);
  const apart = dims.flatMap((size, i) => [b.outputDims(0)[i]! / size, size]);
  const copies = dims.map((_, i) => 2 * i);
  return [summed(b.g, reshaped(b.g, b.gradient, apart), copies, false)];
};

const likeInput = (b: Backward): Value[] => [reshaped(b.g, b.gradient, b.inputDims(0))];

export const STRUCTURE: GradientRules = new Map([
  ...gradientFor('Reshape Flatten Squeeze Unsqueeze', likeInput),
  ...gradientFor('Transpose', (b) => {
    const rank = sizes(b.gradient).length;
    const order = intsOf(b, 'perm') ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
    const back = Array.from({ length: rank }, (_, i) => order.indexOf(i));
    return [transposed(b.g, b.gradient, back)];
  }),
  ...gradientFor('Expand', (b) => [summedTo(b.g, b.gradient, b.inputDims(0))]),
  ...gradientFor('Cast', (b) => {
    const to = attribute.elementType(b.g.value(b.node.inputs[0]!).elementType);
    return [b.g.add('Cast', [b.gradient], { to })];
  }),
  ...gradientFor('Concat', concat),
  ...gradientFor('Split', split),
  ...gradientFor('Slice', slice),
  ...gradientFor('Pad', pad),
  ...gradientFor('Tile', tile),
]);
