/**
 * A classifier that was taken away, used again: the fused ONNX with its tokenizer and config, from a
 * folder or the zip that `export(…, 'onnx')` makes. Needs no project and no encoder.
 */
import * as v from 'valibot';
import { HeadlightError, ProgressMeter, throwIfAborted, type Job } from '../base';
import { openSession, type Session } from '../graph/runtime';
import { loadTokenizer, makeBatches, padBatch, type TextTokenizer } from '../models';
import type { Device, Platform } from '../platform';
import { parseDocument, parseJson, readArchive, type ArchiveFiles } from '../project';

const configSchema = v.object({
  id2label: v.record(v.string(), v.string()),
  headlight: v.object({ embed: v.object({ maxTokens: v.pipe(v.number(), v.integer()) }) }),
});

const BATCH = { tokenBudget: 4096, maxBatch: 64, multipleOf: 1 } as const;

export interface Classifier {
  readonly classes: readonly string[];
  /** @returns `[texts, classes]` row-major: softmax of the graph's logits. */
  probabilities(texts: readonly string[], signal?: AbortSignal): Job<Float64Array>;
  close(): Promise<void>;
}

/** The files of a classifier by name, from the zip the page saves. */
export function classifierArchive(bytes: Uint8Array, name: string): ArchiveFiles {
  return readArchive(bytes, name);
}

/**
 * @param files by name: `config.json`, `tokenizer.json`, `onnx/model.onnx`.
 * @throws HeadlightError `bad-model` naming the file that is missing or wrong.
 */
export async function openClassifier(
  platform: Platform,
  files: ArchiveFiles,
  device: Device,
): Promise<Classifier> {
  const need = (name: string): Uint8Array => {
    const bytes = files.get(name);
    if (bytes === undefined) {
      throw new HeadlightError(
        'bad-model',
        `This is not a classifier of Headlight: ${name} is missing.`,
        {
          hint: 'Give the folder that `headlight train --out` wrote, or the zip that the page saved.',
        },
      );
    }
    return bytes;
  };
  const config = parseDocument(
    configSchema,
    parseJson(need('config.json'), 'config.json'),
    'config.json',
  );
  const classes = Object.keys(config.id2label).map((_, index) => {
    const label = config.id2label[String(index)];
    if (label === undefined) {
      throw new HeadlightError('bad-model', `config.json: id2label lacks class ${index}.`);
    }
    return label;
  });
  const tokenizer = loadTokenizer(
    need('tokenizer.json'),
    files.get('tokenizer_config.json') ?? null,
  );
  const session = await openSession(platform.runtime, need('onnx/model.onnx'), { device });
  const { maxTokens } = config.headlight.embed;
  return {
    classes,
    probabilities: (texts, signal) =>
      run(session, tokenizer, texts, maxTokens, classes.length, signal),
    close: () => session.release(),
  };
}

async function* run(
  session: Session,
  tokenizer: TextTokenizer,
  texts: readonly string[],
  maxTokens: number,
  classes: number,
  signal?: AbortSignal,
): Job<Float64Array> {
  const sequences = texts.map((text) => tokenizer.encode(text, maxTokens));
  const probabilities = new Float64Array(texts.length * classes);
  const meter = new ProgressMeter('Classifying texts', 'texts', texts.length);
  let done = 0;
  yield meter.at(done);
  const batches = makeBatches(
    sequences.map((sequence) => sequence.length),
    BATCH,
  );
  for (const { indices, rows, length } of batches) {
    throwIfAborted(signal);
    const { inputIds, attentionMask } = padBatch(
      indices.map((index) => sequences[index] ?? []),
      rows,
      length,
      tokenizer.padId,
    );
    const outputs = await session.run({
      input_ids: { type: 'int64', dims: [rows, length], data: inputIds },
      attention_mask: { type: 'int64', dims: [rows, length], data: attentionMask },
    });
    const logits = outputs.logits;
    if (logits?.type !== 'float32' || logits.data.length !== rows * classes) {
      throw new HeadlightError('bad-model', 'The graph does not give one logit a class.', {
        hint: 'config.json and onnx/model.onnx do not belong together.',
      });
    }
    indices.forEach((index, row) => {
      softmaxInto(
        logits.data.subarray(row * classes, (row + 1) * classes),
        probabilities,
        index * classes,
      );
    });
    done += indices.length;
    yield meter.at(done);
  }
  return probabilities;
}

function softmaxInto(logits: Float32Array, target: Float64Array, offset: number): void {
  const most = Math.max(...logits);
  let sum = 0;
  logits.forEach((logit, index) => {
    const value = Math.exp(logit - most);
    target[offset + index] = value;
    sum += value;
  });
  for (let index = 0; index < logits.length; index++) {
    target[offset + index] = (target[offset + index] ?? 0) / sum;
  }
}
