/** Import of exported ONNX encoders. */
export { cutAt, parametersAsInputs } from './edit';
export { hiddenStates, type HiddenStates } from './hidden-states';
export { importModel, type ImportedModel, type ImportOptions } from './import-model';
