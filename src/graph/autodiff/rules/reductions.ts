/** Gradients of reductions: each element that was reduced gets its part of the result's gradient. */
import type { Value } from '../../onnx';
import {
  constantInts,
  count,
  expanded,
  indicator,
  over,
  positive,
  reshaped,
  scaled,
  summed,
  times,
} from '../emit';
import { gradientFor, intOf, intsOf, refuse, type Backward, type GradientRules } from '../rule';

/** The axes that a node reduces, counted from the front; all when it names none. */
function axesOf(b: Backward): number[] {
  const rank = b.inputDims(0).length;
  const axes = intsOf(b, 'axes') ?? (b.has(1) ? constantInts(b.input(1)) : []);
  if (axes === null) refuse(b.node, 'its axes are not constant');
  if (axes.length === 0)
    return intOf(b, 'noop_with_empty_axes', 0) ? [] : Array.from({ length: rank }, (_, i) => i);
  return axes.map((axis) => positive(axis, rank));
}

/** The shape of the result with the reduced axes kept at size 1. */
function keptDims(b: Backward): number[] {
  const reduced = new Set(axesOf(b));
  return b.inputDims(0).map((size, i) => (reduced.has(i) ? 1 : size));
}

const kept = (b: Backward, value: Value): Value => reshaped(b.g, value, keptDims(b));

export const REDUCTIONS: GradientRules = new Map([
  ...gradientFor('ReduceSum', (b) => [expanded(b.g, kept(b, b.gradient), b.inputDims(0))]),
  ...gradientFor('ReduceMean', (b) => {
    const share = count(keptDims(b)) / count(b.inputDims(0));
    return [expanded(b.g, scaled(b.g, kept(b, b.gradient), share), b.inputDims(0))];
  }),
  // Shared evenly where several elements are the largest, as PyTorch's amax does.
  ...gradientFor('ReduceMax ReduceMin', (b) => {
    const { g, gradient } = b;
    const same = g.add('Equal', [b.input(0), kept(b, b.output(0))]);
    const chosen = indicator(g, same, gradient.elementType);
    const ties = summed(g, chosen, axesOf(b), true);
    return [times(g, over(g, kept(b, gradient), ties), chosen)];
  }),
  ...gradientFor('ReduceSumSquare', (b) => [
    times(b.g, scaled(b.g, kept(b, b.gradient), 2), b.input(0)),
  ]),
  ...gradientFor('ReduceL2', (b) => [
    times(b.g, over(b.g, kept(b, b.gradient), kept(b, b.output(0))), b.input(0)),
  ]),
]);
