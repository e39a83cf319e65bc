/** ONNX Runtime of Node for the tests of this folder. */
import type { OnnxRuntime } from '../../../../src/platform';
import { createNodePlatform } from '../../../../src/platform/node';
import { temporaryFolder } from '../../../helpers/temporary-folder';

export async function nodeRuntime(): Promise<OnnxRuntime> {
  return (await createNodePlatform({ home: await temporaryFolder() })).runtime;
}
