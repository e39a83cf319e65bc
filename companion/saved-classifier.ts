/**
 * A classifier as it was taken away (`train --out`, or the page's “ONNX” zip): the fused graph with its
 * tokenizer. Complete in itself: the encoder it was made from is not needed.
 */
import { HeadlightError, ProgressMeter, throwIfAborted, type Job } from '../src/base';
import { openSession, type Session } from '../src/graph/runtime';
import { loadTokenizer, makeBatches, padBatch, type TextTokenizer } from '../src/models';
import type { Device, OnnxRuntime } from '../src/platform';
import { parseJson, readHeadDocument, readRecipe, type Recipe } from '../src/project';

/** Small batches stay in the CPU's cache. */
const BATCHES = { tokenBudget: 1024, maxBatch: 32, multipleOf: 1 };

export class SavedClassifier {
  readonly recipe: Recipe;
  readonly classes: readonly string[];
  readonly #graph: Uint8Array;
  readonly #tokenizer: TextTokenizer;

  /**
   * @param files by name, as `train --out` writes them.
   * @param what how they are called in an error.
   * @throws HeadlightError `bad-project` when one is missing or not what it should be.
   */
  constructor(files: ReadonlyMap<string, Uint8Array>, what: string) {
    const need = (name: string): Uint8Array => {
      const bytes = files.get(name);
      if (bytes !== undefined) return bytes;
      throw new HeadlightError('bad-project', `${what} lacks ${name}.`, {
        hint: 'Name a folder that headlight train --out wrote, or a zip that the page saved.',
      });
    };
    this.recipe = readRecipe(parseJson(need('recipe.json'), 'recipe.json'), `${what}/recipe.json`);
    this.classes = readHeadDocument(parseJson(need('head.json'), 'head.json')).classes;
    this.#graph = need('onnx/model.onnx');
    const config = files.get('tokenizer_config.json') ?? null;
    this.#tokenizer = loadTokenizer(need('tokenizer.json'), config);
  }

  /** @returns probabilities `[texts][classes]`, by softmax over the graph's logits. */
  async *predict(
    texts: readonly string[],
    runtime: OnnxRuntime,
    device: Device,
    signal: AbortSignal,
  ): Job<number[][]> {
    const tokenizer = this.#tokenizer;
    const maxTokens = this.recipe.embed.maxTokens;
    const sequences = texts.map((text) => tokenizer.encode(text, maxTokens));
    const session = await openSession(runtime, this.#graph, { device });
    try {
      const meter = new ProgressMeter('Predicting', 'texts', texts.length);
      const results = new Array<number[]>(texts.length);
      let done = 0;
      yield meter.at(done);
      const lengths = sequences.map((sequence) => sequence.length);
      for (const { indices, rows, length } of makeBatches(lengths, BATCHES)) {
        throwIfAborted(signal);
        const batch = indices.map((index) => sequences[index] ?? []);
        const logits = await this.#logits(session, batch, rows, length);
        indices.forEach((index, row) => {
          const start = row * this.classes.length;
          results[index] = softmax(logits.subarray(start, start + this.classes.length));
        });
        done += indices.length;
        yield meter.at(done);
      }
      return results;
    } finally {
      await session.release();
    }
  }

  async #logits(
    session: Session,
    batch: readonly number[][],
    rows: number,
    length: number,
  ): Promise<Float32Array> {
    const { inputIds, attentionMask } = padBatch(batch, rows, length, this.#tokenizer.padId);
    const dims = [rows, length];
    const { logits } = await session.run({
      input_ids: { type: 'int64', dims, data: inputIds },
      attention_mask: { type: 'int64', dims, data: attentionMask },
    });
    if (logits?.type === 'float32' && logits.data.length === rows * this.classes.length) {
      return logits.data;
    }
    throw new HeadlightError('bad-model', 'onnx/model.onnx does not give a logit for each class.', {
      hint: 'Save the classifier again from where it was trained.',
    });
  }
}

function softmax(logits: Float32Array): number[] {
  const largest = Math.max(...logits);
  const powers = Array.from(logits, (logit) => Math.exp(logit - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}
