/** Gradients of softmax and layer normalisation. */
import type { Value } from '../../onnx';
import {
  mean,
  minus,
  plus,
  positive,
  reshaped,
  scalarLike,
  summed,
  summedTo,
  times,
} from '../emit';
import {
  floatOf,
  gradientFor,
  intOf,
  type Backward,
  type GradientRule,
  type GradientRules,
} from '../rule';

const softmax: GradientRule = (b) => {
  const { g, gradient } = b;
  const y = b.output(0);
  const axis = positive(intOf(b, 'axis', -1), b.outputDims(0).length);
  const total = summed(g, times(g, gradient, y), [axis], true);
  return [times(g, y, minus(g, gradient, total))];
};

const logSoftmax: GradientRule = (b) => {
  const { g, gradient } = b;
  const axis = positive(intOf(b, 'axis', -1), b.outputDims(0).length);
  const total = summed(g, gradient, [axis], true);
  return [minus(g, gradient, times(g, g.add('Exp', [b.output(0)]), total))];
};

/**
 * y = scale n + bias, n = (x - mean) / deviation. With d = gradient * scale:
 * dx = (d - mean(d) - n mean(d n)) / deviation; scale gets the sum of gradient * n, bias that of gradient.
 * Source: Ba et al. 2016, https://arxiv.org/abs/1607.06450
 */
const layerNormalization: GradientRule = (b) => {
  const { g, gradient } = b;
  const dims = b.inputDims(0);
  const axis = positive(intOf(b, 'axis', -1), dims.length);
  const axes = dims.flatMap((_, i) => (i >= axis ? [i] : []));
  const bias = b.needs(2) ? summedTo(g, gradient, b.inputDims(2)) : null;
  if (!b.needs(0) && !b.needs(1)) return [null, null, bias];
  const { normal, inverse } = normalised(b, axes);
  const scale = b.needs(1) ? summedTo(g, times(g, gradient, normal), b.inputDims(1)) : null;
  if (!b.needs(0)) return [null, scale, bias];
  const d = times(g, gradient, b.input(1));
  const along = times(g, normal, mean(g, times(g, d, normal), axes));
  const rest = minus(g, minus(g, d, mean(g, d, axes)), along);
  return [times(g, rest, inverse), scale, bias];
};

/** n and 1 / deviation, of the forward node's own statistics where it gives them. */
function normalised(b: Backward, axes: readonly number[]): { normal: Value; inverse: Value } {
  const { g } = b;
  const x = b.input(0);
  const statistics = b.inputDims(0).map((size, i) => (axes.includes(i) ? 1 : size));
  if (b.node.outputs.length === 3 && x.elementType === 'float32') {
    const centre = reshaped(g, b.output(1), statistics);
    const inverse = reshaped(g, b.output(2), statistics);
    return { normal: times(g, minus(g, x, centre), inverse), inverse };
  }
  const centred = minus(g, x, mean(g, x, axes));
  const variance = mean(g, times(g, centred, centred), axes);
  const epsilon = scalarLike(g, x, floatOf(b, 'epsilon', 1e-5));
  const inverse = g.add('Div', [scalarLike(g, x, 1), g.add('Sqrt', [plus(g, variance, epsilon)])]);
  return { normal: times(g, centred, inverse), inverse };
}

export const NORMALISATION: GradientRules = new Map([
  ...gradientFor('Softmax', softmax),
  ...gradientFor('LogSoftmax', logSoftmax),
  ...gradientFor('LayerNormalization', layerNormalization),
]);
