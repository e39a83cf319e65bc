/**
 * What type and shape an operator's outputs have, given its inputs: one rule an operator, the
 * operators that Headlight builds graphs from (opset 17, `com.microsoft` 1). The rules lie by family beside
 * this file. Rules for differentiation (`graph/autodiff`) are keyed in the same way.
 *
 * Source: https://github.com/onnx/onnx/blob/main/docs/Operators.md,
 * https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
 */
import { HeadlightError } from '../../../base';
import type { TensorType } from '../model';
import { ELEMENTWISE } from './elementwise';
import { MATRIX } from './matrix';
import { PACKED } from './packed';
import type { OperatorCall, Rules } from './rule';
import { STRUCTURE } from './structure';

export { broadcastDims, type OperatorCall, type OperatorInput } from './rule';

const RULES: Rules = new Map([...ELEMENTWISE, ...MATRIX, ...PACKED, ...STRUCTURE]);

/**
 * The types of the outputs of one node.
 * @throws HeadlightError `internal` when there is no rule for the operator or its inputs do not fit:
 *   a graph that we build is wrong, not a file.
 */
export function inferOutputs(domain: string, call: OperatorCall): readonly TensorType[] {
  const apply = RULES.get(`${domain}:${call.opType}`);
  if (apply === undefined)
    throw new HeadlightError('internal', `There is no shape rule for the operator ${call.opType}.`);
  return apply(call);
}

/** Whether `inferOutputs` knows the operator. */
export function hasShapeRule(domain: string, opType: string): boolean {
  return RULES.has(`${domain}:${opType}`);
}
