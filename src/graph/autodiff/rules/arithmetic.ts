/** Gradients of arithmetic on elements, broadcasting undone by sums. */
import type { Value } from '../../onnx';
import {
  constantNumber,
  indicator,
  minus,
  over,
  plus,
  scaled,
  scalarLike,
  summedTo,
  times,
} from '../emit';
import { gradientFor, refuse, type Backward, type GradientRule, type GradientRules } from '../rule';

/** The gradient of one input, made only where it is wanted, summed over what was broadcast. */
function wanted(b: Backward, input: number, make: () => Value): Value | null {
  return b.needs(input) ? summedTo(b.g, make(), b.inputDims(input)) : null;
}

const unary =
  (make: (b: Backward) => Value): GradientRule =>
  (b) => [make(b)];

/** Max and Min: to the input that gave the value, shared evenly where several did (as PyTorch does). */
const extreme: GradientRule = (b) => {
  const { g, gradient } = b;
  const chosen = b.node.inputs.map((_, i) =>
    indicator(g, g.add('Equal', [b.input(i), b.output(0)]), gradient.elementType),
  );
  const ties = chosen.reduce((all, one) => plus(g, all, one));
  const share = over(g, gradient, ties);
  return chosen.map((one, i) => wanted(b, i, () => times(g, share, one)));
};

export const ARITHMETIC: GradientRules = new Map([
  ...gradientFor('Identity', (b) => [b.gradient]),
  ...gradientFor('Add Sum', (b) => b.node.inputs.map((_, i) => wanted(b, i, () => b.gradient))),
  ...gradientFor('Sub', (b) => {
    const second = wanted(b, 1, () => b.gradient);
    return [wanted(b, 0, () => b.gradient), second && b.g.add('Neg', [second])];
  }),
  ...gradientFor('Mul', (b) => [
    wanted(b, 0, () => times(b.g, b.gradient, b.input(1))),
    wanted(b, 1, () => times(b.g, b.gradient, b.input(0))),
  ]),
  ...gradientFor('Div', (b) => {
    const { g } = b;
    const first = over(g, b.gradient, b.input(1));
    const second = wanted(b, 1, () => times(g, first, b.output(0)));
    return [wanted(b, 0, () => first), second && g.add('Neg', [second])];
  }),
  ...gradientFor('Pow', (b) => {
    const { g } = b;
    if (b.needs(1)) refuse(b.node, 'its exponent is not constant');
    const exponent = constantNumber(b.input(1));
    if (exponent === null) refuse(b.node, 'its exponent is not one constant number');
    if (exponent === 1) return [b.gradient];
    const x = b.input(0);
    const power = exponent === 2 ? x : g.add('Pow', [x, scalarLike(g, x, exponent - 1)]);
    return [times(g, b.gradient, scaled(g, power, exponent))];
  }),
  ...gradientFor('Max Min', extreme),
  ...gradientFor('Where', (b) => {
    const { g } = b;
    const zero = scalarLike(g, b.gradient, 0);
    return [
      null,
      wanted(b, 1, () => g.add('Where', [b.input(0), b.gradient, zero])),
      wanted(b, 2, () => g.add('Where', [b.input(0), zero, b.gradient])),
    ];
  }),
  // What is within the bounds, and on them, passes.
  ...gradientFor('Clip', (b) => {
    const { g, gradient } = b;
    const kept = g.add('Equal', [b.input(0), b.output(0)]);
    return [times(g, gradient, indicator(g, kept, gradient.elementType))];
  }),
  ...gradientFor(
    'Neg',
    unary((b) => b.g.add('Neg', [b.gradient])),
  ),
  ...gradientFor(
    'Abs',
    unary(({ g, gradient, ...b }) => {
      const zero = scalarLike(g, gradient, 0);
      const sign = minus(
        g,
        indicator(g, g.add('Greater', [b.input(0), zero]), gradient.elementType),
        indicator(g, g.add('Less', [b.input(0), zero]), gradient.elementType),
      );
      return times(g, gradient, sign);
    }),
  ),
  ...gradientFor(
    'Sqrt',
    unary((b) => over(b.g, scaled(b.g, b.gradient, 0.5), b.output(0))),
  ),
  ...gradientFor(
    'Reciprocal',
    unary((b) => {
      const square = times(b.g, b.output(0), b.output(0));
      return b.g.add('Neg', [times(b.g, b.gradient, square)]);
    }),
  ),
  ...gradientFor(
    'Exp',
    unary((b) => times(b.g, b.gradient, b.output(0))),
  ),
  ...gradientFor(
    'Log',
    unary((b) => over(b.g, b.gradient, b.input(0))),
  ),
  ...gradientFor(
    'Sin',
    unary((b) => times(b.g, b.gradient, b.g.add('Cos', [b.input(0)]))),
  ),
  ...gradientFor(
    'Cos',
    unary((b) => b.g.add('Neg', [times(b.g, b.gradient, b.g.add('Sin', [b.input(0)]))])),
  ),
]);
