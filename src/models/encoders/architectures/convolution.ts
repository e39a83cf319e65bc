/** DeBERTa-v2's convolution over neighbouring tokens, beside the first layer. */
import { attribute, type Value } from '../../../graph/onnx';
import type { Writer } from '../architecture';
import { activationOf } from '../config-fields';

/**
 * LayerNorm(output + activation(convolution of input)), with zeros for padding.
 * @param input rows before the layer.
 * @param output rows after it.
 * @param kernel an odd number of tokens.
 */
export function convolution(
  w: Writer,
  input: Value,
  output: Value,
  size: number,
  kernel: number,
  activation: string,
): Value {
  const { b } = w;
  const reach = (kernel - 1) / 2;
  const wide = b.add('Pad', [w.stacked(input, size), b.integers(0, reach, 0, 0, reach, 0)]);
  // The neighbours side by side, so that one product does it all.
  const neighbours = Array.from({ length: kernel }, (_, at) => {
    const end = at === kernel - 1 ? Number.MAX_SAFE_INTEGER : at - kernel + 1;
    return b.add('Slice', [wide, b.integers(at), b.integers(end), b.integers(1)]);
  });
  const joined = b.add('Concat', neighbours, { axis: attribute.int(2) });
  const weight = w.parameter('encoder.conv.conv.weight', [size, size, kernel], 'kernel');
  const turned = b.add('Transpose', [weight], { perm: attribute.ints([2, 1, 0]) });
  const matrix = b.add('Reshape', [turned, b.integers(kernel * size, size)]);
  const product = w.rows(b.add('MatMul', [joined, matrix]), size);
  const sum = b.add('Add', [product, w.parameter('encoder.conv.conv.bias', [size], 'bias')]);
  const dropped = w.dropout(b.add('Mul', [sum, w.maskRows()]), 'hidden');
  const active =
    activation === 'tanh'
      ? b.add('Tanh', [dropped])
      : w.activate(dropped, activationOf(activation));
  const normal = w.norm('encoder.conv.LayerNorm', b.add('Add', [output, active]), size);
  return b.add('Mul', [normal, w.maskRows()]);
}
