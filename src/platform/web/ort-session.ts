/** A session of onnxruntime-web as the engine sees it, whichever build of it and whatever device. */
import type { InferenceSession, Tensor } from 'onnxruntime-web';
import { HeadlightError } from '../../base';
import type {
  Device,
  DeviceTensor,
  Feeds,
  RuntimeSession,
  SessionOptions,
  TensorData,
} from '../platform';
import { weightOptions } from '../weight-options';
import type { OrtModule } from './ort-builds';
import { fromOrt, keptTensor, toOrt } from './ort-tensors';

/** Weights outside of the graph, as ONNX Runtime takes them. */
export function externalDataOf({
  externalData,
}: Pick<SessionOptions, 'externalData'>): Pick<InferenceSession.SessionOptions, 'externalData'> {
  if (externalData === undefined || externalData.size === 0) return {};
  return { externalData: [...externalData].map(([path, data]) => ({ path, data })) };
}

/**
 * @param guarded runs work on the device, and turns what the device says into errors.
 * @throws HeadlightError `device` when it cannot start, `bad-model` when the graph is refused.
 */
export async function openOrtSession(
  ort: OrtModule,
  model: Uint8Array,
  device: Device,
  guarded: <Result>(work: () => Promise<Result>) => Promise<Result>,
  options: InferenceSession.SessionOptions,
): Promise<RuntimeSession> {
  const settings: InferenceSession.SessionOptions = {
    graphOptimizationLevel: 'all',
    extra: weightOptions({}),
    logSeverityLevel: 3,
    ...options,
  };
  let session: InferenceSession;
  try {
    session = await guarded(() => ort.InferenceSession.create(model, settings));
  } catch (error) {
    throw refusal(error, device);
  }
  const compute = async (feeds: Feeds): Promise<Readonly<Record<string, Tensor>>> => {
    const inputs: Record<string, Tensor> = {};
    for (const [name, tensor] of Object.entries(feeds)) inputs[name] = toOrt(ort, tensor);
    try {
      return await guarded(() => session.run(inputs));
    } catch (error) {
      if (error instanceof HeadlightError) throw error;
      throw new HeadlightError('device', `The model failed on ${device}: ${messageOf(error)}`, {
        hint: 'Try a smaller batch, a shorter text length or the other device.',
        cause: error,
      });
    }
  };
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    async run(feeds) {
      const results: Record<string, TensorData> = {};
      for (const [name, tensor] of Object.entries(await compute(feeds))) {
        results[name] = await guarded(() => fromOrt(name, tensor));
        tensor.dispose();
      }
      return results;
    },
    async runKeeping(feeds) {
      const results: Record<string, TensorData | DeviceTensor> = {};
      for (const [name, tensor] of Object.entries(await compute(feeds))) {
        if (tensor.location === 'gpu-buffer') {
          results[name] = keptTensor(name, tensor, guarded);
          continue;
        }
        results[name] = await fromOrt(name, tensor);
        tensor.dispose();
      }
      return results;
    },
    release: () => session.release(),
  };
}

function refusal(error: unknown, device: Device): HeadlightError {
  if (error instanceof HeadlightError) return error;
  const message = messageOf(error);
  if (/webassembly|backend|out of memory|bad_alloc|allocat|fetch/i.test(message)) {
    return new HeadlightError('device', `ONNX Runtime could not start on ${device}: ${message}`, {
      hint: 'Close other tabs and reload; a smaller model may fit.',
      cause: error,
    });
  }
  return new HeadlightError('bad-model', `ONNX Runtime refused the graph: ${message}`, {
    hint: 'The model file may be damaged or use operators that this version does not know.',
    cause: error,
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
