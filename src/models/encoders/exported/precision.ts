/** What an exported graph really keeps its weights in, by what computes with them; names of files may lie. */
import { intAttribute, type Model, type Node } from '../../../graph/onnx';
import type { Precision } from '../../types';

/** Operators whose weights are integers of 8 bits. */
const EIGHT_BITS: ReadonlySet<string> = new Set([
  'MatMulInteger',
  'ConvInteger',
  'QLinearMatMul',
  'DynamicQuantizeMatMul',
  'MatMulIntegerToFloat',
  'QAttention',
  'QEmbedLayerNormalization',
  'QGemm',
]);
const FOUR_BITS: ReadonlySet<string> = new Set(['MatMulBnb4']);
/** Operators that say how many bits. */
const N_BITS: ReadonlySet<string> = new Set(['MatMulNBits', 'GatherBlockQuantized']);

/** Matrices of weights below this many elements decide nothing: scales, norms. */
const SMALL = 64;

/** The fewest bits that any matrix of weights is kept in. */
export function precisionOf({ graph }: Model): Precision {
  const types = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
  let isEight = false;
  for (const node of graph.nodes) {
    const bits = bitsOf(node, (name) => types.get(name)?.elementType ?? null);
    if (bits === 4) return 'q4';
    if (bits === 8) isEight = true;
  }
  if (isEight) return 'q8';
  const elements = { float32: 0, float16: 0 };
  for (const { elementType, data } of graph.initializers)
    if (elementType === 'float32') elements.float32 += data.byteLength / 4;
    else if (elementType === 'float16' || elementType === 'bfloat16')
      elements.float16 += data.byteLength / 2;
  return elements.float16 > SMALL && elements.float16 > elements.float32 ? 'fp16' : 'fp32';
}

/** null: the node keeps no weights in few bits. */
function bitsOf(node: Node, typeOf: (name: string) => string | null): 4 | 8 | null {
  const { opType, inputs } = node;
  if (FOUR_BITS.has(opType)) return 4;
  if (N_BITS.has(opType)) return intAttribute(node, 'bits', 4) === 8 ? 8 : 4;
  if (EIGHT_BITS.has(opType)) return 8;
  if (opType !== 'DequantizeLinear') return null;
  const type = typeOf(inputs[0] ?? '');
  if (type === 'int4' || type === 'uint4') return 4;
  return type === 'int8' || type === 'uint8' ? 8 : null;
}
