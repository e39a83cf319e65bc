/** Shape rules of operators that work on each element, or along an axis without changing the shape. */
import { ELEMENT_TYPES, type ElementType } from '../model';
import {
  axisOf,
  elementwise,
  firstOutputs,
  input,
  int,
  mismatch,
  rulesFor,
  same,
  type Rules,
} from './rule';

export const ELEMENTWISE: Rules = new Map([
  ...rulesFor(
    'Identity Sqrt Erf Tanh Relu Sign Neg Exp Log Abs Floor Ceil Round Sin Cos Reciprocal Sigmoid Softplus Softmax LogSoftmax Clip Not CumSum LeakyRelu Elu Gelu HardSigmoid',
    (call) => same(call),
  ),
  ...rulesFor('Gelu FastGelu QuickGelu', (call) => same(call), 'com.microsoft'),
  ...rulesFor(
    'Add Sub Mul Div Pow Mod Max Min Sum PRelu',
    elementwise((call) => input(call, 0).elementType),
  ),
  ...rulesFor(
    'Equal Greater Less GreaterOrEqual LessOrEqual And Or Xor',
    elementwise(() => 'bool'),
  ),
  ...rulesFor(
    'Where',
    elementwise((call) => input(call, 1).elementType, 1),
  ),
  ...rulesFor('Cast', (call) => {
    const code = int(call, 'to', 0);
    const found = Object.entries(ELEMENT_TYPES).find(([, type]) => type.code === code);
    if (!found) throw mismatch(`Cast to the element type ${code}`);
    return [{ elementType: found[0] as ElementType, dims: input(call, 0).dims }];
  }),
  ...rulesFor('IsNaN IsInf', (call) => [{ elementType: 'bool', dims: input(call, 0).dims }]),
  ...rulesFor('Dropout', (call) => {
    const { elementType, dims } = input(call, 0);
    return firstOutputs(call, [
      { elementType, dims },
      { elementType: 'bool', dims },
    ]);
  }),
  // Its statistics are float32 whatever its input is (stash_type).
  ...rulesFor('LayerNormalization', (call) => {
    const { elementType, dims } = input(call, 0);
    const axis = dims && axisOf(int(call, 'axis', -1), dims.length);
    const statistics = dims && dims.map((dim, i) => (i >= (axis ?? 0) ? 1 : dim));
    return firstOutputs(call, [
      { elementType, dims },
      { elementType: 'float32', dims: statistics },
      { elementType: 'float32', dims: statistics },
    ]);
  }),
]);
