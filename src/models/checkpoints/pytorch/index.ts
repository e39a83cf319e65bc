/** `pytorch_model.bin`: what `torch.save(model.state_dict(), …)` writes. Nothing of it is executed. */
import { HeadlightError } from '../../../base';
import type { Checkpoint } from '../checkpoint';
import { readArchive } from './archive';
import { isLegacy, readLegacy } from './legacy';

/**
 * Reads a state dict. Tensors are views into `bytes` where they are kept row by row.
 * @param file its name, for the error message.
 * @throws HeadlightError `bad-model` when it is damaged, holds more than weights, or asks to run something.
 */
export async function readPytorch(
  bytes: Uint8Array,
  file = 'pytorch_model.bin',
): Promise<Checkpoint> {
  // A plain Uint8Array: the subarray of Node's Buffer is a Buffer, whose slice does not copy.
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (plain[0] === 0x50 && plain[1] === 0x4b) return readArchive(plain, file);
  if (isLegacy(plain)) return readLegacy(plain, file);
  throw new HeadlightError('bad-model', `${file} is not a file that torch.save wrote.`, {
    hint: 'Download or copy the file again; if it stays so, choose a model with model.safetensors.',
  });
}
