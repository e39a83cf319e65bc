/**
 * One session: a graph on a device. ONNX Runtime does not survive two things at once (two runs on a
 * WebGPU session hang the page; a second create while one is under way is refused), so create, run and
 * release all wait for one mutex, for all sessions together.
 */
import { HeadlightError } from '../../base';
import type {
  Device,
  DeviceTensor,
  Feeds,
  OnnxRuntime,
  RuntimeSession,
  SessionOptions,
  TensorData,
} from '../../platform';
import { writeModelWithExternal, type Model } from '../onnx';
import { Mutex } from './mutex';

const mutex = new Mutex();

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
 * @param model as data, whose weights are handed to the runtime where they are, or the bytes of a ModelProto.
 * @throws HeadlightError `device` when the device is missing or was lost, `bad-model` when the graph is
 *   refused.
 */
export function openSession(
  runtime: OnnxRuntime,
  model: Model | Uint8Array,
  options: SessionOptions,
): Promise<Session> {
  return mutex.runExclusive(async () => {
    if (model instanceof Uint8Array)
      return new Session(await runtime.createSession(model, options), options.device);
    const { bytes, external } = writeModelWithExternal(model);
    const inner = await runtime.createSession(bytes, { ...options, externalData: external });
    return new Session(inner, options.device);
  });
}

/** As `OnnxRuntime.toDevice`, waiting for the runs under way. */
export function toDevice(
  runtime: OnnxRuntime,
  tensor: TensorData,
  device: Device,
): Promise<TensorData | DeviceTensor> {
  return mutex.runExclusive(() => runtime.toDevice(tensor, device));
}
