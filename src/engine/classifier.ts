/**
 * A classifier that was taken away, used again: an ONNX graph with its tokenizer and config, from a folder or
 * zip that `export` makes, of a probe or of a fine-tune. Needs no project and no encoder.
 */
import * as v from 'valibot';
import { HeadlightError, type Job } from '../base';
import type { FileBytes } from '../data';
import { DEFAULT_THRESHOLD } from '../learning/heads';
import type { Device, Platform } from '../platform';
import {
  parseDocument,
  parseJson,
  readArchive,
  readRecipe,
  type ArchiveFiles,
  type Task,
} from '../project';
import { answer } from './answer';
import type { PredictedFile, Predictions } from './engine';
import { FinetunedModel } from './finetuned-model';
import { predictTable } from './predict-table';
import { parseToPredict, textRows } from './text-rows';
import { tokenize } from './tokenize';

const configSchema = v.object({
  id2label: v.record(v.string(), v.string()),
  architectures: v.optional(v.array(v.string()), []),
  problem_type: v.optional(v.nullable(v.string()), null),
  headlight: v.optional(v.object({ thresholds: v.optional(v.array(v.number())) })),
});
const tokenizerConfigSchema = v.object({
  model_max_length: v.pipe(v.number(), v.integer(), v.minValue(3)),
});

/** transformers.js' names; the most exact first. */
const GRAPHS = [
  'onnx/model.onnx',
  'onnx/model_fp16.onnx',
  'onnx/model_quantized.onnx',
  'onnx/model_q4.onnx',
] as const;

export interface Classifier {
  readonly task: Task;
  readonly classes: readonly string[];
  /** @returns `[texts, classes]` row-major: softmax of the graph's logits, sigmoids for several labels a text. */
  probabilities(texts: readonly string[], signal?: AbortSignal): Job<Float64Array>;
  /**
   * As `predictFile` of the engine.
   * @param textColumn null: found.
   */
  predictFile(file: FileBytes, textColumn: string | null, signal?: AbortSignal): Job<PredictedFile>;
  /**
   * As `predictTexts` of the engine.
   * @throws HeadlightError `bad-setting` when a classifier of pairs is given single texts.
   */
  predict(texts: readonly string[], pairs: readonly string[] | null): Promise<Predictions>;
  close(): Promise<void>;
}

/** The columns of training. */
export interface ClassifierColumns {
  readonly text: string;
  /** Of second texts; null for single texts. */
  readonly pair: string | null;
}

/** The files of a classifier by name, from the zip the page saves. */
export function classifierArchive(bytes: Uint8Array, name: string): ArchiveFiles {
  return readArchive(bytes, name);
}

/**
 * @param files by name: `config.json`, `tokenizer.json`, `tokenizer_config.json`, `onnx/model.onnx`; with
 *   `recipe.json` the columns of training are known.
 * @param columns where there is no `recipe.json`; absent: as the recipe says, else found.
 * @throws HeadlightError `bad-model` naming the file that is missing or wrong.
 */
export async function openClassifier(
  platform: Pick<Platform, 'runtime'>,
  files: ArchiveFiles,
  device: Device,
  columns: ClassifierColumns | null = columnsOf(files),
): Promise<Classifier> {
  const name = GRAPHS.find((graph) => files.has(graph)) ?? GRAPHS[0];
  const config = document(configSchema, files, 'config.json');
  const { model_max_length: maxLength } = document(
    tokenizerConfigSchema,
    files,
    'tokenizer_config.json',
  );
  const graph = need(files, name);
  const classes = classesOf(config.id2label);
  const task: Task = config.architectures.some((architecture) =>
    /ForTokenClassification$/.test(architecture),
  )
    ? 'token_classification'
    : config.problem_type === 'multi_label_classification'
      ? 'multi_label'
      : 'classification';
  const thresholds =
    task === 'multi_label'
      ? (config.headlight?.thresholds ?? classes.map(() => DEFAULT_THRESHOLD))
      : null;
  if (thresholds !== null && thresholds.length !== classes.length)
    throw new HeadlightError('bad-model', 'config.json: there is not a threshold for each label.');
  const shape = { task, head: 'stock', classes: classes.length } as const;
  const model = await FinetunedModel.ofGraph(platform, graph, files, shape, device);
  const pairColumn = columns?.pair ?? null;
  const trained = columns?.text ?? null;
  const about = { task, classes, thresholds, pairColumn, maxLength };
  return {
    task,
    classes,
    async *probabilities(texts, signal) {
      const sequences = texts.map((text) =>
        tokenize(model.tokenizer, { text, pair: null, isWords: false }, maxLength),
      );
      const rows = yield* model.probabilities(sequences, signal);
      const flat = new Float64Array(texts.length * classes.length);
      rows.forEach((row, at) => {
        flat.set(row, at * classes.length);
      });
      return flat;
    },
    async *predictFile(file, textColumn, signal) {
      const table = yield* parseToPredict(file, textColumn ?? trained, signal);
      const found = textRows(table, textColumn, trained);
      return yield* predictTable(model, about, file, table, found, signal);
    },
    predict: (texts, pairs) => answer(model, about, texts, pairs),
    close: () => model.close(),
  };
}

function columnsOf(files: ArchiveFiles): ClassifierColumns | null {
  const bytes = files.get('recipe.json');
  if (bytes === undefined) return null;
  const { text, text_pair: pair } = readRecipe(parseJson(bytes, 'recipe.json')).data;
  return { text, pair };
}

function need(files: ArchiveFiles, name: string): Uint8Array {
  const bytes = files.get(name);
  if (bytes !== undefined) return bytes;
  throw new HeadlightError(
    'bad-model',
    `This is not a classifier of Headlight: ${name} is missing.`,
    {
      hint: 'Give the folder that `headlight train` or `finetune --out` wrote, or the zip that the page saved.',
    },
  );
}

function document<Value>(
  schema: v.GenericSchema<unknown, Value>,
  files: ArchiveFiles,
  name: string,
): Value {
  return parseDocument(schema, parseJson(need(files, name), name), name);
}

function classesOf(id2label: Readonly<Record<string, string>>): string[] {
  return Object.keys(id2label).map((_, index) => {
    const label = id2label[String(index)];
    if (label === undefined)
      throw new HeadlightError('bad-model', `config.json: id2label lacks class ${index}.`);
    return label;
  });
}
