/**
 * One session: a graph on a device. ONNX Runtime does not survive two things at once (two runs on a
 * WebGPU session hang the page; a second create while one is under way is refused), so create, run and
 * release all wait for one mutex, for all sessions together.
 */
import { HeadlightError, ProgressMeter, throwIfAborted, type Job } from '../../base';
import type {
  Device,
  DeviceTensor,
  Feeds,
  OnnxRuntime,
  RuntimeSession,
  SessionOptions,
  TensorData,
} from '../../platform';
import { byteLength, weightsFirst, writeModelWithExternal, type Model } from '../onnx';
import { Mutex } from './mutex';

const mutex = new Mutex();

/**
 * Nothing of any session runs while the work does; it waits for what runs when it is asked for, and for nothing after.
 * The work itself must not wait for a session.
 */
export function exclusively<Result>(work: () => Promise<Result>): Promise<Result> {
  return mutex.runExclusive(work);
}

export class Session {
  readonly device: Device;
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  #inner: RuntimeSession | null;

  constructor(inner: RuntimeSession, device: Device) {
    this.#inner = inner;
    this.device = device;
    this.inputNames = inner.inputNames;
    this.outputNames = inner.outputNames;
  }

  /**
   * Runs the graph once. Callers may call it at once from several places; the runs take turns.
   * @throws HeadlightError `internal` when an input is missing or the session was released.
   */
  run(feeds: Feeds): Promise<Readonly<Record<string, TensorData>>> {
    return mutex.runExclusive(async () => this.#checked(feeds).run(feeds));
  }

  /**
   * As `run`, but the outputs named in `keepOnDevice` stay on the device where it can keep them; the
   * caller disposes of them.
   */
  runKeeping(feeds: Feeds): Promise<Readonly<Record<string, TensorData | DeviceTensor>>> {
    return mutex.runExclusive(async () => this.#checked(feeds).runKeeping(feeds));
  }

  #checked(feeds: Feeds): RuntimeSession {
    if (this.#inner === null)
      throw new HeadlightError('internal', 'A session was run after it was released.');
    for (const name of this.inputNames)
      if (feeds[name] === undefined)
        throw new HeadlightError('internal', `A session was run without its input "${name}".`);
    return this.#inner;
  }

  /** Frees the graph and its memory. Waits for runs that were asked for before; twice is harmless. */
  release(): Promise<void> {
    return mutex.runExclusive(async () => {
      const inner = this.#inner;
      this.#inner = null;
      await inner?.release();
    });
  }
}

/**
 * Makes a session of an ONNX model.
 * @param model as data, whose weights are handed to the runtime where they are, or the bytes of a ModelProto. Weights
 *   in files are made where they are not there yet: call `prepareWeights` before to show how far that is.
 * @throws HeadlightError `device` when the device is missing or was lost, `bad-model` when the graph is
 *   refused, `storage-full`.
 */
export async function openSession(
  runtime: OnnxRuntime,
  model: Model | Uint8Array,
  options: SessionOptions,
): Promise<Session> {
  if (!(model instanceof Uint8Array))
    for (const { file } of model.graph.initializers) await file?.ready();
  return mutex.runExclusive(async () => {
    if (model instanceof Uint8Array)
      return new Session(await runtime.createSession(model, options), options.device);
    const ordered = options.packedWeights === true ? weightsFirst(model) : model;
    const { bytes, external, folder } = writeModelWithExternal(ordered);
    const weights = folder === null ? { externalData: external } : { externalFolder: folder };
    const inner = await runtime.createSession(bytes, { ...options, ...weights });
    return new Session(inner, options.device);
  });
}

/**
 * Has the files of a graph's weights on the disk, one after the other; whatever was made stays for the next time.
 * Yields nothing where they are there, and for weights in memory.
 * @throws HeadlightError `storage-full`, `bad-model`, `aborted`.
 */
export async function* prepareWeights(model: Model, name: string, signal?: AbortSignal): Job<void> {
  const tensors = model.graph.initializers.filter(({ file }) => file !== undefined);
  const bytes = tensors.map(({ elementType, dims }) => byteLength(elementType, dims));
  const total = bytes.reduce((sum, one) => sum + one, 0);
  const meter = new ProgressMeter(`Preparing the weights of ${name}`, 'MB', total / 1e6);
  let done = 0;
  for (const [index, { file }] of tensors.entries()) {
    throwIfAborted(signal);
    const isNew = (await file?.ready()) === true;
    done += bytes[index] ?? 0;
    if (isNew) yield meter.at(done / 1e6);
  }
}

/** As `OnnxRuntime.toDevice`, waiting for the runs under way. */
export function toDevice(
  runtime: OnnxRuntime,
  tensor: TensorData,
  device: Device,
): Promise<TensorData | DeviceTensor> {
  return mutex.runExclusive(() => runtime.toDevice(tensor, device));
}
