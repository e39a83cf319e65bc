/** Tensors in and out of onnxruntime-web, and those that stay on the GPU between runs. */
import type { Tensor } from 'onnxruntime-web';
import { HeadlightError } from '../../base';
import type { DeviceTensor, TensorData } from '../platform';
import { tensorData } from '../tensor-data';
import type { OrtModule } from './ort-builds';

/** What ONNX Runtime takes from a GPU buffer: a tensor of such values, from their bytes. */
const KEPT = {
  float32: (dims, bytes) => ({ type: 'float32', dims, data: new Float32Array(bytes) }),
  float16: (dims, bytes) => ({ type: 'float16', dims, data: new Uint16Array(bytes) }),
  int32: (dims, bytes) => ({ type: 'int32', dims, data: new Int32Array(bytes) }),
  uint8: (dims, bytes) => ({ type: 'uint8', dims, data: new Uint8Array(bytes) }),
} as const satisfies Partial<
  Record<TensorData['type'], (dims: readonly number[], bytes: ArrayBuffer) => TensorData>
>;

export function isKept(type: Tensor.Type): type is keyof typeof KEPT {
  return Object.hasOwn(KEPT, type);
}

/** ONNX Runtime's own buffers are multiples of this; one that it is handed must be too. */
const BUFFER_MULTIPLE = 16;

/** The ORT tensor behind a tensor that was kept. */
const behind = new WeakMap<DeviceTensor, Tensor>();

/** @throws HeadlightError `internal` for a tensor of another runtime, or one that was disposed of. */
export function toOrt(ort: OrtModule, tensor: TensorData | DeviceTensor): Tensor {
  if ('location' in tensor) {
    const found = behind.get(tensor);
    if (found === undefined)
      throw new HeadlightError('internal', 'A tensor was used after it was freed.');
    return found;
  }
  return new ort.Tensor(tensor.type, tensor.data, tensor.dims);
}

/** The values, copied from the GPU where they are there. */
export async function fromOrt(name: string, tensor: Tensor): Promise<TensorData> {
  const { type, dims } = tensor;
  const data = tensor.location === 'cpu' ? tensor.data : await tensor.getData();
  const found = tensorData(type, dims, type === 'float16' ? halfBits(data) : data);
  if (found !== null) return found;
  throw new HeadlightError(
    'bad-model',
    `Output \`${name}\` has the type ${type}, which is not read.`,
    { hint: 'Convert the output to float32 in the graph.' },
  );
}

/** A Float16Array where the browser has one, else a Uint16Array: the bits of either. */
function halfBits(data: Tensor.DataType): Uint16Array {
  if (data instanceof Uint16Array) return data;
  if (!ArrayBuffer.isView(data))
    throw new HeadlightError('internal', 'Half-precision values came as something else.');
  return new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2);
}

/** An output that stays on the GPU. */
export function keptTensor(
  name: string,
  tensor: Tensor,
  guarded: <Result>(work: () => Promise<Result>) => Promise<Result>,
): DeviceTensor {
  return keep(tensor, `Output ${name}`, () => guarded(() => fromOrt(name, tensor)));
}

/** @param read copies its values to the processor. */
function keep(tensor: Tensor, what: string, read: DeviceTensor['read']): DeviceTensor {
  const { type, dims } = tensor;
  if (!isKept(type))
    throw new HeadlightError('internal', `${what} of type ${type} cannot be kept on the GPU.`);
  const kept: DeviceTensor = {
    location: 'device',
    type,
    dims,
    read,
    dispose() {
      if (behind.delete(kept)) tensor.dispose();
    },
  };
  behind.set(kept, tensor);
  return kept;
}

/**
 * Copies a tensor into a GPU buffer of its own.
 * @throws HeadlightError `device` when there is no room for it.
 */
export async function upload(
  ort: OrtModule,
  device: GPUDevice,
  tensor: TensorData,
): Promise<DeviceTensor> {
  const { type, dims, data } = tensor;
  if (!isKept(type))
    throw new HeadlightError('internal', `A tensor of type ${type} cannot be kept on the GPU.`);
  const size = Math.max(1, Math.ceil(data.byteLength / BUFFER_MULTIPLE)) * BUFFER_MULTIPLE;
  device.pushErrorScope('out-of-memory');
  const buffer = device.createBuffer({
    size,
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    mappedAtCreation: true,
  });
  new Uint8Array(buffer.getMappedRange()).set(
    new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  );
  buffer.unmap();
  const full = await device.popErrorScope();
  if (full !== null) {
    buffer.destroy();
    throw new HeadlightError('device', `The GPU has no room for ${size} bytes: ${full.message}`, {
      hint: 'Choose LoRA, a smaller encoder, a smaller batch or shorter texts, or train on WASM.',
    });
  }
  const read = async (): Promise<TensorData> => {
    const staging = device.createBuffer({
      size,
      usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
    });
    const commands = device.createCommandEncoder();
    commands.copyBufferToBuffer(buffer, 0, staging, 0, size);
    device.queue.submit([commands.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const bytes = staging.getMappedRange().slice(0, data.byteLength);
    staging.destroy();
    return KEPT[type](dims, bytes);
  };
  const inner = ort.Tensor.fromGpuBuffer(buffer, {
    dataType: type,
    dims,
    dispose: () => {
      buffer.destroy();
    },
  });
  return keep(inner, 'A tensor', read);
}
