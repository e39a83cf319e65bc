/** Gradients of matrix products. Weights get one Gemm with transposes, never a transposed copy. */
import { attribute, MICROSOFT, type Value } from '../../onnx';
import { count, product, reshaped, scaled, sizes, summedTo, type Turned } from '../emit';
import {
  floatOf,
  gradientFor,
  intOf,
  refuse,
  type Backward,
  type GradientRule,
  type GradientRules,
} from '../rule';

const as = (value: Value): Turned => ({ value, turn: false });
const turned = (value: Value): Turned => ({ value, turn: true });

/** y = alpha op(A) op(B), where op turns the last two axes or not. */
function productGradients(
  b: Backward,
  turnA: boolean,
  turnB: boolean,
  alpha: number,
): (Value | null)[] {
  const { g, device } = b;
  const dimsA = b.inputDims(0);
  const dimsB = b.inputDims(1);
  if (dimsA.length === 1 || dimsB.length === 1) return vectorGradients(b, alpha);
  if (dimsB.length === 2 && dimsA.length > 2 && !turnA) return flatGradients(b, turnB, alpha);
  const y = b.gradient;
  const first = (): Value =>
    turnA
      ? product(g, device, { value: b.input(1), turn: turnB }, turned(y), alpha)
      : product(g, device, as(y), { value: b.input(1), turn: !turnB }, alpha);
  const second = (): Value =>
    turnB
      ? product(g, device, turned(y), { value: b.input(0), turn: turnA }, alpha)
      : product(g, device, { value: b.input(0), turn: !turnA }, as(y), alpha);
  return [
    b.needs(0) ? summedTo(g, first(), dimsA) : null,
    b.needs(1) ? summedTo(g, second(), dimsB) : null,
  ];
}

/** A stack times one matrix (a weight): as one tall matrix, so that the weight's gradient is one Gemm. */
function flatGradients(b: Backward, turnB: boolean, alpha: number): (Value | null)[] {
  const { g, device } = b;
  const tall = (value: Value): Value => {
    const columns = sizes(value).at(-1) ?? 1;
    return reshaped(g, value, [count(sizes(value)) / columns, columns]);
  };
  const y = tall(b.gradient);
  const first = (): Value => product(g, device, as(y), { value: b.input(1), turn: !turnB }, alpha);
  const second = (): Value => {
    const a = tall(b.input(0));
    return turnB
      ? product(g, device, turned(y), as(a), alpha)
      : product(g, device, turned(a), as(y), alpha);
  };
  return [b.needs(0) ? reshaped(g, first(), b.inputDims(0)) : null, b.needs(1) ? second() : null];
}

/** MatMul with a vector: as with a matrix of one row (first input) or one column (second). */
function vectorGradients(b: Backward, alpha: number): (Value | null)[] {
  const { g, device } = b;
  const [dimsA, dimsB] = [b.inputDims(0), b.inputDims(1)];
  const shapeA = dimsA.length === 1 ? [1, ...dimsA] : dimsA;
  const shapeB = dimsB.length === 1 ? [...dimsB, 1] : dimsB;
  const outer = shapeA.length > shapeB.length ? shapeA.slice(0, -2) : shapeB.slice(0, -2);
  const y = reshaped(g, b.gradient, [...outer, shapeA.at(-2) ?? 1, shapeB.at(-1) ?? 1]);
  const first = (): Value =>
    product(g, device, as(y), turned(reshaped(g, b.input(1), shapeB)), alpha);
  const second = (): Value =>
    product(g, device, turned(reshaped(g, b.input(0), shapeA)), as(y), alpha);
  return [
    b.needs(0) ? reshaped(g, summedTo(g, first(), shapeA), dimsA) : null,
    b.needs(1) ? reshaped(g, summedTo(g, second(), shapeB), dimsB) : null,
  ];
}

const gemm: GradientRule = (b) => {
  const [first, second] = productGradients(
    b,
    intOf(b, 'transA', 0) !== 0,
    intOf(b, 'transB', 0) !== 0,
    floatOf(b, 'alpha', 1),
  );
  const third = b.needs(2)
    ? scaled(b.g, summedTo(b.g, b.gradient, b.inputDims(2)), floatOf(b, 'beta', 1))
    : null;
  return [first ?? null, second ?? null, third];
};

const fusedMatMul: GradientRule = (b) => {
  if (intOf(b, 'transBatchA', 0) || intOf(b, 'transBatchB', 0))
    refuse(b.node, 'it turns batch axes');
  const [turnA, turnB] = [intOf(b, 'transA', 0) !== 0, intOf(b, 'transB', 0) !== 0];
  return productGradients(b, turnA, turnB, floatOf(b, 'alpha', 1));
};

export const MATRIX: GradientRules = new Map([
  ...gradientFor('MatMul', (b) => productGradients(b, false, false, 1)),
  ...gradientFor('Gemm', gemm),
  ...gradientFor('FusedMatMul', fusedMatMul, MICROSOFT),
  ...gradientFor('CumSum', (b) => {
    const reverse = intOf(b, 'reverse', 0) === 0 ? 1 : 0;
    return [
      b.g.add('CumSum', [b.gradient, b.input(1)], {
        reverse: attribute.int(reverse),
        exclusive: attribute.int(intOf(b, 'exclusive', 0)),
      }),
    ];
  }),
]);
