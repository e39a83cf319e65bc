/** Gradients of activations. */
import { MICROSOFT, type GraphBuilder, type Value } from '../../onnx';
import { indicator, minus, plus, scalarLike, scaled, summedTo, times } from '../emit';
import {
  floatOf,
  gradientFor,
  refuse,
  textOf,
  type Backward,
  type GradientRule,
  type GradientRules,
} from '../rule';

/**
 * Gelu(x) = x Phi(x), so Gelu'(x) = Phi(x) + x phi(x). With s = x / sqrt 2 this is
 * (1 + erf s + s (2 / sqrt pi) exp(-s^2)) / 2: one Erf, one Exp, and nothing that overflows.
 */
function geluGradient(g: GraphBuilder, gradient: Value, x: Value): Value {
  const s = scaled(g, x, Math.SQRT1_2);
  const bell = g.add('Exp', [g.add('Neg', [times(g, s, s)])]);
  const slope = plus(g, g.add('Erf', [s]), times(g, scaled(g, s, 2 / Math.sqrt(Math.PI)), bell));
  return times(g, gradient, scaled(g, plus(g, slope, scalarLike(g, x, 1)), 0.5));
}

/** Gelu by tanh: y = x (1 + tanh u) / 2, u = k (x + 0.044715 x^3), k = sqrt(2 / pi). */
function tanhGeluGradient(g: GraphBuilder, gradient: Value, x: Value): Value {
  const k = Math.sqrt(2 / Math.PI);
  const one = scalarLike(g, x, 1);
  const square = times(g, x, x);
  const u = times(g, scaled(g, x, k), plus(g, scaled(g, square, 0.044715), one));
  const tanh = g.add('Tanh', [u]);
  const rise = scaled(g, plus(g, scaled(g, square, 3 * 0.044715), one), k);
  const bent = times(g, times(g, x, minus(g, one, times(g, tanh, tanh))), rise);
  return times(g, gradient, scaled(g, plus(g, plus(g, tanh, one), bent), 0.5));
}

/** x (1 + tanh) / 2 of x = input + bias, or of the input alone. */
const fastGelu: GradientRule = (b) => {
  const { g } = b;
  const x = b.has(1) ? plus(g, b.input(0), b.input(1)) : b.input(0);
  const gradient = tanhGeluGradient(g, b.gradient, x);
  return [gradient, b.needs(1) ? summedTo(g, gradient, b.inputDims(1)) : null];
};

const gelu: GradientRule = (b) => {
  const rule = textOf(b, 'approximate', 'none') === 'tanh' ? tanhGeluGradient : geluGradient;
  return [rule(b.g, b.gradient, b.input(0))];
};

/** y = x sigmoid(alpha x); y' = s + alpha y (1 - s). */
const quickGelu: GradientRule = (b) => {
  const { g } = b;
  const alpha = floatOf(b, 'alpha', 1.702);
  const x = b.input(0);
  const s = g.add('Sigmoid', [scaled(g, x, alpha)]);
  const rest = minus(g, scalarLike(g, x, 1), s);
  return [times(g, b.gradient, plus(g, s, scaled(g, times(g, b.output(0), rest), alpha)))];
};

function one(b: Backward): Value {
  return scalarLike(b.g, b.gradient, 1);
}

export const ACTIVATION: GradientRules = new Map([
  ...gradientFor('Relu', (b) => {
    const { g, gradient } = b;
    const above = g.add('Greater', [b.output(0), scalarLike(g, gradient, 0)]);
    return [times(g, gradient, indicator(g, above, gradient.elementType))];
  }),
  ...gradientFor('LeakyRelu', (b) => {
    const { g, gradient } = b;
    const above = g.add('Greater', [b.input(0), scalarLike(g, gradient, 0)]);
    return [g.add('Where', [above, gradient, scaled(g, gradient, floatOf(b, 'alpha', 0.01))])];
  }),
  ...gradientFor('Tanh', (b) => {
    const square = times(b.g, b.output(0), b.output(0));
    return [times(b.g, b.gradient, minus(b.g, one(b), square))];
  }),
  ...gradientFor('Sigmoid', (b) => {
    const y = b.output(0);
    return [times(b.g, b.gradient, times(b.g, y, minus(b.g, one(b), y)))];
  }),
  ...gradientFor('Softplus', (b) => [times(b.g, b.gradient, b.g.add('Sigmoid', [b.input(0)]))]),
  ...gradientFor('Erf', (b) => {
    const { g } = b;
    const x = b.input(0);
    const bell = g.add('Exp', [g.add('Neg', [times(g, x, x)])]);
    return [times(g, b.gradient, scaled(g, bell, 2 / Math.sqrt(Math.PI)))];
  }),
  ...gradientFor('Gelu', gelu),
  ...gradientFor('Gelu', gelu, MICROSOFT),
  ...gradientFor('FastGelu', fastGelu, MICROSOFT),
  ...gradientFor('QuickGelu', quickGelu, MICROSOFT),
  // As in evaluation: nothing is dropped. Training graphs make their dropout of plain operators.
  ...gradientFor('Dropout', (b) => {
    if (b.has(2)) refuse(b.node, 'it has an input training_mode');
    return [b.gradient];
  }),
]);
