/** Node's processor behind the interface of a device with memory of its own; counts what is left in it. */
import type {
  DeviceTensor,
  Feeds,
  OnnxRuntime,
  RuntimeSession,
  TensorData,
} from '../../../../src/platform';

export interface DeviceRuntime {
  readonly runtime: OnnxRuntime;
  /** Tensors on the device that nobody has disposed of. */
  live(): number;
  /** Bytes that came back from the device, by `read` or as outputs. */
  bytesRead(): number;
}

export function deviceRuntime(inner: OnnxRuntime): DeviceRuntime {
  const live = new Map<object, TensorData>();
  let bytesRead = 0;
  const put = (tensor: TensorData): DeviceTensor => {
    const handle: DeviceTensor = {
      location: 'device',
      type: tensor.type,
      dims: tensor.dims,
      read() {
        const kept = live.get(handle);
        if (kept === undefined) throw new Error('read after it was disposed of');
        bytesRead += kept.data.byteLength;
        return Promise.resolve(kept);
      },
      dispose: () => void live.delete(handle),
    };
    live.set(handle, { ...tensor, data: tensor.data.slice() } as TensorData);
    return handle;
  };
  const unwrap = (feeds: Feeds): Record<string, TensorData> =>
    Object.fromEntries(
      Object.entries(feeds).map(([name, tensor]) => {
        if (!('location' in tensor)) return [name, tensor];
        const kept = live.get(tensor);
        if (kept === undefined) throw new Error(`${name} was fed after it was disposed of`);
        return [name, kept];
      }),
    );
  const runtime: OnnxRuntime = {
    ...inner,
    async createSession(model, options) {
      const session = await inner.createSession(model, { ...options, device: 'cpu' });
      const keep = new Set(options.keepOnDevice ?? []);
      const run = async (
        feeds: Feeds,
        keeping: boolean,
      ): Promise<Record<string, TensorData | DeviceTensor>> => {
        const outputs = await session.run(unwrap(feeds));
        const given: Record<string, TensorData | DeviceTensor> = {};
        for (const [name, tensor] of Object.entries(outputs)) {
          const stays = keeping && keep.has(name);
          if (!stays) bytesRead += tensor.data.byteLength;
          given[name] = stays ? put(tensor) : tensor;
        }
        return given;
      };
      const wrapped: RuntimeSession = {
        inputNames: session.inputNames,
        outputNames: session.outputNames,
        run: async (feeds) => (await run(feeds, false)) as Record<string, TensorData>,
        runKeeping: (feeds) => run(feeds, true),
        release: () => session.release(),
      };
      return wrapped;
    },
    toDevice: (tensor) => Promise.resolve(put(tensor)),
  };
  return { runtime, live: () => live.size, bytesRead: () => bytesRead };
}
