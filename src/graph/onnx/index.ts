/** ONNX as data: read, write, build. */
export {
  attribute,
  GraphBuilder,
  MICROSOFT,
  type GraphBuilderOptions,
  type Value,
} from './builder';
export { inferTypes, nodeTitle } from './infer';
export * from './model';
export { withoutDeadCode } from './prune';
export { readModel } from './read';
export { broadcastDims, inferOutputs, type OperatorCall, type OperatorInput } from './shapes';
export {
  byteLength,
  elementCount,
  makeTensor,
  tensorValues,
  type ArrayElementType,
  type ArrayOf,
  type TensorArray,
} from './tensor';
export { writeModel } from './write';
