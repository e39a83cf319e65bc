/**
 * The readers of models against mutated files: `npm run bench -- models-fuzz READER [INPUTS = 100000] [FIRST SEED = 1]`.
 * Ends with 1 and the seeds when a promise is broken. The tests run a small share; a reader is added to `READERS`.
 */
import { fuzzModel, newCount, type FuzzReader } from '../../test/helpers/model-fuzz';

const READERS: Readonly<Record<string, () => Promise<FuzzReader>>> = {
  zip: async () => (await import('../../test/helpers/fuzz-sources')).zipReader(),
  manifest: async () => (await import('../../test/helpers/fuzz-sources')).manifestReader(),
  safetensors: async () =>
    (await import('../../test/helpers/fuzz-checkpoints')).safetensorsReader(),
  index: async () => (await import('../../test/helpers/fuzz-checkpoints')).indexReader(),
  pytorch: async () => (await import('../../test/helpers/fuzz-checkpoints')).pytorchReader(),
  hub: async () => (await import('../../test/helpers/fuzz-kept')).hubReader(),
  config: async () => (await import('../../test/helpers/fuzz-kept')).configReader(),
  tokenizer: async () => (await import('../../test/helpers/fuzz-kept')).tokenizerReader(),
  kept: async () => (await import('../../test/helpers/fuzz-kept')).keptReader(),
  sentencepiece: async () =>
    (await import('../../test/helpers/fuzz-sentencepiece')).sentencePieceReader(),
  onnx: async () => (await import('../../test/helpers/fuzz-onnx')).onnxReader(),
};

const MOST_BROKEN = 5;
const EVERY = 5000;

/** @returns the exit code. */
export async function fuzzModels(args: readonly string[]): Promise<number> {
  const [name = '', inputs = '100000', first = '1'] = args;
  const reader = await READERS[name]?.();
  if (reader === undefined) {
    process.stderr.write(`Name a reader: ${Object.keys(READERS).join(', ')}.\n`);
    return 2;
  }
  const count = newCount();
  let broken = 0;
  for (let seed = Number(first); seed < Number(first) + Number(inputs); seed++) {
    try {
      await fuzzModel(reader, seed, count);
    } catch (error) {
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
      if (++broken === MOST_BROKEN) break;
    }
    if (count.inputs % EVERY === 0) process.stderr.write(`${JSON.stringify(count)}\n`);
  }
  process.stdout.write(`${JSON.stringify({ reader: name, ...count, broken })}\n`);
  return broken === 0 ? 0 : 1;
}
