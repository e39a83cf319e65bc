/**
 * Few labels through the engine, in Node, on a tiny seeded encoder: what a contrastive run records, that its head is
 * the logistic regression that it says, that stopping changes nothing, and that what is taken away computes it.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { finish, seededRandom, type Job } from '../../../src/base';
import {
  classifierArchive,
  createEngine,
  FINETUNE_DEFAULTS,
  openClassifier,
  parseFinetuneSettings,
  type Engine,
  type EncoderEntry,
  type FinetuneChoice,
  type ProjectView,
  type RunView,
} from '../../../src/engine';
import { predictLogits } from '../../../src/learning/finetune';
import {
  float32Values,
  loadTokenizer,
  openTrainableModel,
  readSafetensors,
  safetensorsWeights,
} from '../../../src/models';
import type { Platform } from '../../../src/platform';
import { createNodePlatform } from '../../../src/platform/node';
import { classFigures, multiLabelFigures, readPredictions, readRecipe } from '../../../src/project';
import { temporaryFolder } from '../../helpers/temporary-folder';
import { tinyModelFiles, TINY_WORDS } from '../../helpers/tiny-model';
import { thrownBy } from '../../helpers/error-of';

type Settings = FinetuneChoice['settings'];

let platform: Platform;
let engine: Engine;
let tiny: EncoderEntry;
let project: ProjectView;
let run: RunView;

/** Told by one word among others; every text is different. */
function texts(rows: number, seed: number, line: (row: number) => readonly [string, string]) {
  const random = seededRandom(seed);
  const words = (count: number): string[] =>
    Array.from({ length: count }, () => TINY_WORDS[random.integer(20) + 5] ?? 'the').filter(
      (word) => !['good', 'bad', 'great', 'poor'].includes(word),
    );
  const lines = Array.from({ length: rows }, (_, row) => {
    const [word, label] = line(row);
    return `${[...words(4), word, ...words(row % 5)].join(' ')} ${row},${label}`;
  });
  return `text,label\n${lines.join('\n')}\n`;
}

const NAMES = ['praise', 'blame', 'doubt'] as const;
const reviews = texts(90, 5, (row) => {
  const kind = row % 3;
  return [['great', 'poor', 'good'][kind] ?? '', NAMES[kind] ?? ''];
});

const SETTINGS = parseFinetuneSettings({
  objective: 'contrastive',
  learning_rate: 1e-3,
  num_iterations: 4,
  max_length: 24,
  train_rows: 24,
});

function choice(change: Partial<Settings> = {}): FinetuneChoice {
  return { encoder: tiny.info.reference, device: 'cpu', settings: { ...SETTINGS, ...change } };
}

function newProject(text: string): Promise<ProjectView> {
  const bytes = new TextEncoder().encode(text);
  return finish(engine.createProject([{ name: 'reviews.csv', bytes }]));
}

async function weightsOf(id: string, kept: RunView): Promise<Uint8Array> {
  const bytes = await platform.storage.read('runs', `${id}/${kept.id}/model/model.safetensors`);
  if (bytes === null) throw new Error('no weights were kept');
  return bytes;
}

beforeAll(async () => {
  platform = await createNodePlatform({ home: await temporaryFolder() });
  engine = createEngine(platform);
  tiny = await finish(engine.addFolderEncoder('tiny', tinyModelFiles(), 'fp32'));
  project = await newProject(reviews);
  run = await finish(engine.finetune(project.id, choice()));
});

describe('a contrastive fine-tune', () => {
  it('records its pairs and steps, and leaves an ordinary recipe', () => {
    const { record, recipe } = run;
    if (record.method !== 'finetune' || recipe.method !== 'finetune')
      throw new Error('no fine-tune');
    const { fit, objective } = record.finetune;
    expect(objective).toBe('contrastive');
    expect(fit.train_rows).toBe(24);
    expect(fit.pairs).toMatchObject({ positive: 4 * 24, negative: 4 * 24 });
    expect(fit.steps).toBe((2 * 4 * 24) / 16);
    // The squared error of a cosine.
    for (const { loss } of fit.history) expect(loss).toBeLessThan(4);
    expect(fit.history.at(-1)?.step).toBe(fit.steps);
    expect(readRecipe(JSON.parse(JSON.stringify(recipe)) as unknown, 'recipe.json')).toEqual(
      recipe,
    );
  });

  it('has learned the classes', () => {
    const { test } = classFigures(run.record);
    expect(test.accuracy_interval[0]).toBeGreaterThan(1 / 3);
  });

  it('has as its head the logistic regression on the tuned embeddings, at its optimum', async () => {
    const bytes = await weightsOf(project.id, run);
    const config = new Map(tinyModelFiles().map((file) => [file.name, file.bytes]));
    const need = (name: string): Uint8Array => config.get(name) ?? new Uint8Array();
    const model = openTrainableModel(
      { config: need('config.json'), weights: safetensorsWeights(bytes) },
      {
        task: 'embedding',
        head: 'mean',
        classes: 0,
        method: { name: 'full' },
        dropout: 0,
        seed: 1,
        normalize: false,
      },
    );
    const kept = await platform.storage.read('runs', `${project.id}/${run.id}/predictions`);
    if (kept === null) throw new Error('no predictions');
    const { train } = readPredictions(kept);
    const tokenizer = loadTokenizer(need('tokenizer.json'), null);
    const rows = reviews.trim().split('\n').slice(1);
    const sequences = [...train.indices].map((row) => ({
      ids: tokenizer.encode((rows[row] ?? '').split(',')[0] ?? '', 24),
      types: null,
    }));
    const found = await finish(
      predictLogits({
        model,
        trained: new Map(),
        sequences,
        padId: tokenizer.padId,
        device: 'cpu',
        runtime: platform.runtime,
      }),
    );
    const length = found.reduce((sum, row) => sum + Math.hypot(...row), 0) / found.length;
    const { tensors } = readSafetensors(bytes);
    const [weight, bias] = ['classifier.weight', 'classifier.bias'].map((name) => {
      const tensor = tensors.get(name);
      if (tensor === undefined) throw new Error(`no ${name}`);
      return float32Values(tensor, name);
    }) as [Float32Array, Float32Array];
    // Where 0.5 |W|^2 + C * loss is least, W = C * sum of (label - probability) * x, with x at average length 1.
    const hidden = weight.length / 3;
    const pull = new Float64Array(3 * hidden);
    const lean = new Float64Array(3);
    found.forEach((row, at) => {
      const logits = [0, 1, 2].map(
        (c) => row.reduce((sum, x, h) => sum + x * weight[c * hidden + h]!, 0) + bias[c]!,
      );
      const sum = logits.reduce((all, z) => all + Math.exp(z), 0);
      logits.forEach((z, c) => {
        const off = Number(train.labels[at] === c) - Math.exp(z) / sum;
        lean[c]! += off;
        row.forEach((x, h) => (pull[c * hidden + h]! += (off * x) / length));
      });
    });
    const largest = Math.max(...weight.map(Math.abs)) * length;
    pull.forEach((wanted, at) => {
      expect(Math.abs(weight[at]! * length - wanted)).toBeLessThan(0.01 * largest);
    });
    for (const off of lean) expect(Math.abs(off)).toBeLessThan(0.01);
  });

  it('predicts what its folder predicts in onnxruntime', async () => {
    const asked = ['a great film', 'the poor cat', 'maybe the film'];
    const live = await engine.predictTexts(project.id, run.id, asked);
    const zip = await finish(engine.export(project.id, run.id, 'huggingface'));
    const classifier = await openClassifier(
      platform,
      classifierArchive(zip.bytes, zip.name),
      'cpu',
    );
    const elsewhere = await finish(classifier.probabilities(asked));
    await classifier.close();
    live.probabilities.flat().forEach((value, index) => {
      expect(Math.abs((elsewhere[index] ?? NaN) - value)).toBeLessThan(1e-4);
    });
  });

  it('goes on after a stop and ends with the same weights', async () => {
    const stop = new AbortController();
    const job = engine.finetune(project.id, choice(), stop.signal);
    const error = await thrownBy(
      (async function* (): Job<unknown> {
        for (;;) {
          const next = await job.next();
          if (next.done) return next.value;
          if ((next.value.training?.step ?? 0) >= 1) stop.abort();
          yield next.value;
        }
      })(),
    );
    expect(error.code).toBe('aborted');
    const unfinished = await engine.unfinishedFinetune(project.id);
    expect(unfinished?.choice.settings).toEqual(choice().settings);
    const again = await finish(engine.finetune(project.id, choice()));
    expect(await weightsOf(project.id, again)).toEqual(await weightsOf(project.id, run));
    await engine.deleteRun(project.id, again.id);
  });

  it('is estimated by its pairs', async () => {
    const estimate = await finish(engine.estimateFinetune(project.id, choice()));
    expect(estimate.steps).toBe((2 * 4 * 24) / 16);
  });

  it('trains adapters as well, which leave merged', async () => {
    const method = {
      name: 'lora',
      rank: 2,
      alpha: 4,
      dropout: 0,
      targets: ['query', 'value'],
      base: 'int8',
    } as const;
    const adapted = await finish(
      engine.finetune(project.id, choice({ method, learning_rate: 5e-3, num_iterations: 2 })),
    );
    const asked = ['a great film', 'the poor cat'];
    const live = await engine.predictTexts(project.id, adapted.id, asked);
    const zip = await finish(engine.export(project.id, adapted.id, 'onnx-fp32'));
    const files = classifierArchive(zip.bytes, zip.name);
    const classifier = await openClassifier(platform, files, 'cpu');
    const elsewhere = await finish(classifier.probabilities(asked));
    await classifier.close();
    live.probabilities.flat().forEach((value, index) => {
      expect(Math.abs((elsewhere[index] ?? NaN) - value)).toBeLessThan(1e-4);
    });
    expect(classFigures(adapted.record).test.accuracy).toBeGreaterThan(1 / 3);
    await engine.deleteRun(project.id, adapted.id);
  });

  it('evaluates pairs of held-out texts on the way, and keeps the best', async () => {
    const watched = await finish(
      engine.finetune(
        project.id,
        choice({
          eval_strategy: 'epoch',
          save_strategy: 'epoch',
          load_best_model_at_end: true,
          validation_share: 0.25,
          num_train_epochs: 2,
          num_iterations: 2,
        }),
      ),
    );
    if (watched.record.method !== 'finetune') throw new Error('no fine-tune');
    const { fit } = watched.record.finetune;
    expect(fit.validation_rows).toBe(6);
    const evaluations = fit.history.flatMap(({ evaluation }) => evaluation ?? []);
    expect(evaluations.length).toBe(2);
    for (const { loss } of evaluations) expect(loss).toBeGreaterThanOrEqual(0);
    await engine.deleteRun(project.id, watched.id);
  });
});

describe('several labels a text', () => {
  it('are alike where they share one, and have a logistic regression each', async () => {
    const several = await newProject(
      texts(60, 7, (row) => {
        const kind = row % 3;
        return [
          ['great', 'poor', 'great poor'][kind] ?? '',
          ['praise', 'blame', 'praise;blame'][kind] ?? '',
        ];
      }),
    );
    const view = await finish(
      engine.configureData(several.id, {
        ...several.choice,
        label: { kind: 'delimited', column: 'label', delimiter: ';' },
      }),
    );
    const done = await finish(
      engine.finetune(view.id, choice({ train_rows: null, num_iterations: 3 })),
    );
    const figures = multiLabelFigures(done.record);
    expect(figures?.test.micro.f1_score).toBeGreaterThan(0.6);
  });
});

describe('what cannot be learned from pairs', () => {
  it.each([
    ['head', { head: 'stock' }],
    ['method', { method: { name: 'head' } }],
    ['label_smoothing_factor', { label_smoothing_factor: 0.1 }],
  ] as const)('a wrong %s is refused before anything is loaded', async (name, change) => {
    const error = await thrownBy(engine.finetune(project.id, choice(change)));
    expect(error.code).toBe('bad-setting');
    expect(error.message).toContain(name);
  });

  it('pairs’ settings without pairs are refused, and those of before stay as they were', () => {
    expect(() => parseFinetuneSettings({ num_iterations: 3 })).toThrow('num_iterations');
    expect(parseFinetuneSettings({})).toEqual(FINETUNE_DEFAULTS);
    expect('objective' in parseFinetuneSettings({})).toBe(false);
  });

  it('a class that no text is left of is named before the training', async () => {
    const rare = await newProject(
      texts(60, 9, (row) =>
        row === 3 ? ['good', 'doubt'] : row % 2 === 0 ? ['great', 'praise'] : ['poor', 'blame'],
      ),
    );
    const error = await thrownBy(engine.finetune(rare.id, choice({ train_rows: 4 })));
    expect(error.code).toBe('bad-labels');
    expect(error.message).toContain('doubt');
  });
});
