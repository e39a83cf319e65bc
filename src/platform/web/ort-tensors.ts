/** Tensors in and out of onnxruntime-web, and those that stay on the GPU between runs. */
import type { Tensor } from 'onnxruntime-web';
import { HeadlightError } from '../../base';
import type { DeviceTensor, TensorData } from '../platform';
import type { OrtModule } from './ort-builds';

/** What ONNX Runtime takes from a GPU buffer. */
export const KEPT_TYPES: ReadonlySet<TensorData['type']> = new Set([
  'float32',
  'float16',
  'int32',
  'uint8',
]);

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
  // The constructor is overloaded by the type's literal, so each one is named.
  switch (tensor.type) {
    case 'float32':
      return new ort.Tensor('float32', tensor.data, tensor.dims);
    case 'float64':
      return new ort.Tensor('float64', tensor.data, tensor.dims);
    case 'float16':
      return new ort.Tensor('float16', tensor.data, tensor.dims);
    case 'int64':
      return new ort.Tensor('int64', tensor.data, tensor.dims);
    case 'int32':
      return new ort.Tensor('int32', tensor.data, tensor.dims);
    case 'int8':
      return new ort.Tensor('int8', tensor.data, tensor.dims);
    case 'uint8':
      return new ort.Tensor('uint8', tensor.data, tensor.dims);
    case 'bool':
      return new ort.Tensor('bool', tensor.data, tensor.dims);
  }
}

/** The values, copied from the GPU where they are there. */
export async function fromOrt(name: string, tensor: Tensor): Promise<TensorData> {
  const { type, dims } = tensor;
  const data = tensor.location === 'cpu' ? tensor.data : await tensor.getData();
  if (type === 'float32' && data instanceof Float32Array) return { type, dims, data };
  if (type === 'float64' && data instanceof Float64Array) return { type, dims, data };
  if (type === 'float16') return { type, dims, data: halfBits(data) };
  if (type === 'int64' && data instanceof BigInt64Array) return { type, dims, data };
  if (type === 'int32' && data instanceof Int32Array) return { type, dims, data };
  if (type === 'int8' && data instanceof Int8Array) return { type, dims, data };
  if (type === 'uint8' && data instanceof Uint8Array) return { type, dims, data };
  if (type === 'bool' && data instanceof Uint8Array) return { type, dims, data };
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
  const { type, dims } = tensor;
  if (!isKept(type))
    throw new HeadlightError('internal', `Output ${name} of type ${type} cannot be kept.`);
  const kept: DeviceTensor = {
    location: 'device',
    type,
    dims,
    read: () => guarded(() => fromOrt(name, tensor)),
    dispose() {
      if (behind.delete(kept)) tensor.dispose();
    },
  };
  behind.set(kept, tensor);
  return kept;
}

function isKept(type: Tensor.Type): type is 'float32' | 'float16' | 'int32' | 'uint8' {
  return (KEPT_TYPES as ReadonlySet<string>).has(type);
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
    return withBytes(tensor, bytes);
  };
  const inner = ort.Tensor.fromGpuBuffer(buffer, {
    dataType: type,
    dims,
    dispose: () => {
      buffer.destroy();
    },
  });
  const kept: DeviceTensor = {
    location: 'device',
    type,
    dims,
    read,
    dispose() {
      if (behind.delete(kept)) inner.dispose();
    },
  };
  behind.set(kept, inner);
  return kept;
}

function withBytes(tensor: TensorData, bytes: ArrayBuffer): TensorData {
  const { dims } = tensor;
  switch (tensor.type) {
    case 'float32':
      return { type: 'float32', dims, data: new Float32Array(bytes) };
    case 'float16':
      return { type: 'float16', dims, data: new Uint16Array(bytes) };
    case 'int32':
      return { type: 'int32', dims, data: new Int32Array(bytes) };
    case 'uint8':
      return { type: 'uint8', dims, data: new Uint8Array(bytes) };
    default:
      throw new HeadlightError('internal', `A tensor of type ${tensor.type} was kept on the GPU.`);
  }
}
