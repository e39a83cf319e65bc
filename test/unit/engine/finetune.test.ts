/**
 * Fine-tuning through the engine, in Node, on a tiny seeded encoder: what a run records, that stopping loses
 * nothing and changes nothing, that what is taken away computes what was reported, and that nothing stays.
 */
import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  finish,
  type HeadlightError,
  seededRandom,
  type Job,
  type Progress,
} from '../../../src/base';
import { labelSentences, parseTable } from '../../../src/data';
import {
  classifierArchive,
  createEngine,
  FINETUNE_DEFAULTS,
  openClassifier,
  type Engine,
  type EncoderEntry,
  type FinetuneChoice,
  type ProjectView,
  type RunView,
} from '../../../src/engine';
import { DEFAULT_LOGISTIC } from '../../../src/learning/heads';
import { readSafetensors } from '../../../src/models';
import type { Platform } from '../../../src/platform';
import { createNodePlatform } from '../../../src/platform/node';
import {
  choiceOfRecipe,
  classFigures,
  multiLabelFigures,
  parseJson,
  readPredictions,
  readRecipe,
} from '../../../src/project';
import { temporaryFolder } from '../../helpers/temporary-folder';
import { tinyModelFiles, TINY_WORDS } from '../../helpers/tiny-model';
import { thrownBy } from '../../helpers/error-of';

type Settings = FinetuneChoice['settings'];

let platform: Platform;
let engine: Engine;
let tiny: EncoderEntry;
let project: ProjectView;
let run: RunView;

/** Two classes, told by one word among others; every text is different. */
function reviews(rows: number, seed: number): string {
  const random = seededRandom(seed);
  const words = (count: number): string[] =>
    Array.from({ length: count }, () => TINY_WORDS[random.integer(20) + 5] ?? 'the').filter(
      (word) => !['good', 'bad', 'great', 'poor'].includes(word),
    );
  const lines = Array.from({ length: rows }, (_, row) => {
    const label = row % 3 === 0 ? 'blame' : 'praise';
    const judgement = label === 'praise' ? 'great' : 'poor';
    return `${[...words(4), judgement, ...words(5), ...words(row % 5)].join(' ')} ${row},${label}`;
  });
  return `text,label\n${lines.join('\n')}\n`;
}

const SETTINGS: Settings = {
  ...FINETUNE_DEFAULTS,
  learning_rate: 2e-3,
  num_train_epochs: 2,
  per_device_train_batch_size: 8,
  max_length: 32,
};

function choice(change: Partial<Settings> = {}): FinetuneChoice {
  return { encoder: tiny.info.reference, device: 'cpu', settings: { ...SETTINGS, ...change } };
}

function source(name: string, text: string) {
  return { name, bytes: new TextEncoder().encode(text) };
}

async function newProject(name = 'reviews.csv', text = reviews(150, 5)): Promise<ProjectView> {
  return finish(engine.createProject([source(name, text)]));
}

/** Starts a fine-tune and stops it at a step, as a person does. */
async function stoppedAt(step: number, id: string, asked: FinetuneChoice): Promise<HeadlightError> {
  const stop = new AbortController();
  const job = engine.finetune(id, asked, stop.signal);
  return thrownBy(
    (async function* (): Job<unknown> {
      for (;;) {
        const next = await job.next();
        if (next.done) return next.value;
        if ((next.value.training?.step ?? 0) >= step) stop.abort();
        yield next.value;
      }
    })(),
  );
}

async function weightsOf(id: string, kept: RunView): Promise<Map<string, Uint8Array>> {
  const bytes = await platform.storage.read('runs', `${id}/${kept.id}/model/model.safetensors`);
  if (bytes === null) throw new Error('no weights were kept');
  return new Map([...readSafetensors(bytes).tensors].map(([name, { data }]) => [name, data]));
}

beforeAll(async () => {
  platform = await createNodePlatform({ home: await temporaryFolder() });
  engine = createEngine(platform);
  tiny = await finish(engine.addFolderEncoder('tiny', tinyModelFiles(), 'fp32'));
  project = await newProject();
  run = await finish(engine.finetune(project.id, choice()));
});

describe('a fine-tune', () => {
  it('beats always answering the most frequent class, and by more than its interval', () => {
    const { test, baseline } = classFigures(run.record);
    expect(test.accuracy_interval[0]).toBeGreaterThan(baseline.test.accuracy);
    expect(test.rows).toBe(run.record.split.test_rows);
  });

  it('records its settings, its curves, and what was trained', () => {
    const { recipe, record } = run;
    if (recipe.method !== 'finetune' || record.method !== 'finetune')
      throw new Error('no fine-tune');
    expect(recipe.finetune).toEqual(SETTINGS);
    const { fit } = record.finetune;
    expect(fit.train_rows + fit.validation_rows).toBe(record.split.train_rows);
    expect(fit.steps).toBe(2 * Math.ceil(fit.train_rows / 8));
    expect(fit.trainable_parameters).toBe(fit.parameters);
    const evaluated = fit.history.filter(({ evaluation }) => evaluation !== null);
    expect(evaluated.map(({ step }) => step)).toEqual([fit.steps / 2, fit.steps]);
    expect(fit.ended).toBe('finished');
    expect(record.entities).toBeNull();
    expect(record.encoder.notes.join(' ')).toContain('as asked');
  });

  it('is kept as a document that opens', async () => {
    const view = await finish(engine.openProject(project.id));
    expect(view.runs).toEqual([run]);
  });

  it('never trains or evaluates on test rows', async () => {
    const parts = await platform.storage.read('runs', `${project.id}/${run.id}/predictions`);
    if (parts === null) throw new Error('no predictions');
    const { train, test } = readPredictions(parts);
    const tested = new Set(test.indices);
    expect([...train.indices].some((index) => tested.has(index))).toBe(false);
  });

  it('gives the same weights and numbers again', async () => {
    const again = await finish(engine.finetune(project.id, choice()));
    expect(classFigures(again.record)).toEqual(classFigures(run.record));
    expect(await weightsOf(project.id, again)).toEqual(await weightsOf(project.id, run));
    await engine.deleteRun(project.id, again.id);
  });

  it('predicts what its folder predicts in onnxruntime, and what was reported', async () => {
    const page = await engine.runRows(project.id, run.id, {
      part: 'test',
      actual: null,
      predicted: null,
      offset: 0,
      limit: 50,
    });
    const texts = page.rows.map(({ text }) => text);
    const live = await engine.predictTexts(project.id, run.id, texts);
    page.rows.forEach(({ predicted, probability }, row) => {
      expect(live.probabilities[row]?.[predicted]).toBeCloseTo(probability, 6);
    });
    const zip = await finish(engine.export(project.id, run.id, 'huggingface'));
    expect(zip.containsTexts).toBe(false);
    const files = classifierArchive(zip.bytes, zip.name);
    const classifier = await openClassifier(platform, files, 'cpu');
    const elsewhere = await finish(classifier.probabilities(texts));
    await classifier.close();
    expect(classifier.classes).toEqual(live.classes);
    live.probabilities.flat().forEach((value, index) => {
      expect(Math.abs((elsewhere[index] ?? NaN) - value)).toBeLessThan(1e-4);
    });
  });

  it('labels a file as it labels texts', async () => {
    const file = source('new.csv', 'text\na great film\nthe poor cat\n');
    const { counts, preview } = await finish(engine.predictFile(project.id, run.id, file, null));
    const live = await engine.predictTexts(project.id, run.id, ['a great film', 'the poor cat']);
    expect(counts.reduce((sum, { rows }) => sum + rows, 0)).toBe(2);
    preview.forEach(({ probability }, row) => {
      expect(probability).toBeCloseTo(Math.max(...(live.probabilities[row] ?? [])), 6);
    });
  });

  it('travels in the project zip, weights and all', async () => {
    const zip = await finish(engine.export(project.id, null, 'project'));
    const fresh = createEngine(await createNodePlatform({ home: await temporaryFolder() }));
    const opened = await finish(fresh.importProject({ name: zip.name, bytes: zip.bytes }));
    expect(opened.runs).toEqual([run]);
    const there = await fresh.predictTexts(opened.id, run.id, ['a great film']);
    const here = await engine.predictTexts(project.id, run.id, ['a great film']);
    expect(there.probabilities).toEqual(here.probabilities);
  });

  it('trains on as many rows as asked, stratified', async () => {
    const small = await finish(
      engine.finetune(project.id, choice({ train_rows: 30, num_train_epochs: 1 })),
    );
    if (small.record.method !== 'finetune') throw new Error('no fine-tune');
    expect(small.record.finetune.fit.train_rows).toBe(30);
    expect(small.record.finetune.fit.validation_rows).toBe(3);
    expect(classFigures(small.record).train.per_class.map(({ support }) => support)).toEqual([
      10, 20,
    ]);
    await engine.deleteRun(project.id, small.id);
  });
});

describe('stopping', () => {
  it('leaves a checkpoint; going on ends with the weights of an undisturbed run', async () => {
    const error = await stoppedAt(12, project.id, choice());
    expect(error.code).toBe('aborted');
    const unfinished = await engine.unfinishedFinetune(project.id);
    expect(unfinished?.step).toBeGreaterThanOrEqual(12);
    expect(unfinished?.choice).toEqual(choice());
    // Another engine, as after a killed tab.
    const reopened = createEngine(platform);
    const resumed = await finish(reopened.finetune(project.id, choice()));
    if (resumed.record.method !== 'finetune') throw new Error('no fine-tune');
    expect(resumed.record.finetune.fit.resumed_at_step).toBe(unfinished?.step);
    expect(classFigures(resumed.record)).toEqual(classFigures(run.record));
    expect(await weightsOf(project.id, resumed)).toEqual(await weightsOf(project.id, run));
    expect(await engine.unfinishedFinetune(project.id)).toBeNull();
    expect(await platform.storage.entries('checkpoints', `${project.id}/`)).toEqual([]);
    await engine.deleteRun(project.id, resumed.id);
  });

  it('lets the person keep the best so far', async () => {
    if (run.record.method !== 'finetune') throw new Error('no fine-tune');
    const epoch = run.record.finetune.fit.steps / 2;
    await stoppedAt(epoch + 1, project.id, choice());
    const unfinished = await engine.unfinishedFinetune(project.id);
    expect(unfinished?.hasBest).toBe(true);
    const kept = await finish(engine.finishFinetune(project.id));
    if (kept.record.method !== 'finetune') throw new Error('no fine-tune');
    expect(kept.record.finetune.fit).toMatchObject({ step: epoch, ended: 'kept' });
    expect(await engine.unfinishedFinetune(project.id)).toBeNull();
    await engine.deleteRun(project.id, kept.id);
  });

  it('cannot keep what has not been evaluated', async () => {
    await stoppedAt(2, project.id, choice());
    expect((await engine.unfinishedFinetune(project.id))?.hasBest).toBe(false);
    expect((await thrownBy(engine.finishFinetune(project.id))).code).toBe('not-found');
    await engine.discardFinetune(project.id);
    expect(await engine.unfinishedFinetune(project.id)).toBeNull();
  });

  it('starts anew with other settings', async () => {
    await stoppedAt(5, project.id, choice());
    const other = await finish(engine.finetune(project.id, choice({ num_train_epochs: 1 })));
    if (other.record.method !== 'finetune') throw new Error('no fine-tune');
    expect(other.record.finetune.fit.resumed_at_step).toBeNull();
    await engine.deleteRun(project.id, other.id);
  });

  it('refuses to go on with other texts, and keeps what was done', async () => {
    await stoppedAt(5, project.id, choice());
    const before = await engine.unfinishedFinetune(project.id);
    expect(before?.data).toEqual(project.choice);
    const split = { method: 'stratified', testShare: 0.3, seed: 9 } as const;
    await finish(engine.configureData(project.id, { ...project.choice, split }));
    expect((await thrownBy(engine.finetune(project.id, choice()))).code).toBe('bad-setting');
    expect(await engine.unfinishedFinetune(project.id)).toEqual(before);
    await finish(engine.configureData(project.id, project.choice));
    const resumed = await finish(engine.finetune(project.id, choice()));
    if (resumed.record.method !== 'finetune') throw new Error('no fine-tune');
    expect(resumed.record.finetune.fit.resumed_at_step).toBe(before?.step);
    await engine.deleteRun(project.id, resumed.id);
  });

  it('leaves nothing when the project is deleted, and counts its bytes before', async () => {
    const view = await newProject('other.csv');
    const before = (await engine.listProjects()).find(({ id }) => id === view.id)?.bytes ?? 0;
    await stoppedAt(5, view.id, choice());
    const after = (await engine.kept()).find((item) => item.project === view.id)?.bytes ?? 0;
    expect(after).toBeGreaterThan(before + 10_000);
    await engine.deleteProject(view.id);
    for (const area of ['projects', 'files', 'features', 'runs', 'checkpoints'] as const) {
      expect(await platform.storage.entries(area, view.id)).toEqual([]);
    }
  });
});

describe('beside a probe', () => {
  let probe: RunView;
  beforeAll(async () => {
    probe = await finish(
      engine.train(project.id, {
        encoder: tiny.info.reference,
        embed: tiny.info.defaults,
        device: 'cpu',
        head: { ...DEFAULT_LOGISTIC, C: 1 },
      }),
    );
  });

  it('is compared on the same test rows', async () => {
    const { rows, test } = await engine.compareRuns(project.id, run.id, probe.id);
    expect(rows).toBe(classFigures(run.record).test.rows);
    const difference =
      classFigures(run.record).test.accuracy - classFigures(probe.record).test.accuracy;
    expect(test.difference).toBeCloseTo(difference, 10);
    expect((test.onlyFirst - test.onlySecond) / rows).toBeCloseTo(difference, 10);
    const same = await engine.compareRuns(project.id, run.id, run.id);
    expect(same.test).toMatchObject({ onlyFirst: 0, onlySecond: 0, p_value: 1 });
  });

  it('is not compared across other test rows', async () => {
    const split = { method: 'stratified', testShare: 0.3, seed: 1 } as const;
    await finish(engine.configureData(project.id, { ...project.choice, split }));
    const other = await finish(engine.finetune(project.id, choice({ num_train_epochs: 1 })));
    await expect(engine.compareRuns(project.id, run.id, other.id)).rejects.toThrow('same rows');
    await engine.deleteRun(project.id, other.id);
    await finish(engine.configureData(project.id, project.choice));
  });

  it('is advised on from the probe, with figures', async () => {
    const advice = await finish(engine.adviseFinetune(project.id, probe.id));
    expect(advice.rowsPerClass).toBe(run.record.split.train_rows / 2);
    expect(advice.fullAccuracy).toBe(classFigures(probe.record).test.accuracy);
    expect(advice.halfAccuracy).toBeGreaterThan(0.3);
    expect(advice.reasons.join(' ')).toMatch(/\d+ training texts a class/);
    expect((await thrownBy(engine.adviseFinetune(project.id, run.id))).code).toBe('bad-setting');
  });
});

describe('before starting', () => {
  it('estimates time and memory, and changes nothing', async () => {
    const estimate = await finish(engine.estimateFinetune(project.id, choice()));
    if (run.record.method !== 'finetune') throw new Error('no fine-tune');
    expect(estimate.steps).toBe(run.record.finetune.fit.steps);
    expect(estimate.seconds).toBeGreaterThan(0);
    expect(estimate.parameters).toBe(run.record.finetune.fit.parameters);
    expect(await engine.unfinishedFinetune(project.id)).toBeNull();
  });

  it.each([
    ['a setting out of range', { learning_rate: -1 }, 'learning_rate'],
    ['texts longer than the encoder reads', { max_length: 100 }, '64'],
    ['a best model without evaluations', { eval_strategy: 'no' }, 'load_best_model_at_end'],
  ] as const)('refuses %s', async (_, change, words) => {
    const error = await thrownBy(engine.finetune(project.id, choice(change)));
    expect(error.code).toBe('bad-setting');
    expect(`${error.message} ${error.hint ?? ''}`).toContain(words);
  });

  it('refuses static embeddings and a device that is not here', async () => {
    const instant = (await engine.listEncoders()).find(
      ({ info }) => info.architecture === 'static',
    );
    if (instant === undefined) throw new Error('no static encoder ships');
    const error = await thrownBy(
      engine.finetune(project.id, { ...choice(), encoder: instant.info.reference }),
    );
    expect([error.code, error.message]).toEqual([
      'bad-setting',
      expect.stringContaining('no layers'),
    ]);
    const device = await thrownBy(engine.finetune(project.id, { ...choice(), device: 'wasm' }));
    expect(device.code).toBe('device');
  });
});

describe('LoRA', () => {
  it('leaves the encoder, its adapter beside the merged weights', async () => {
    const method = {
      name: 'lora',
      rank: 4,
      alpha: 8,
      dropout: 0,
      targets: ['query', 'value'],
      base: 'fp32',
    } as const;
    const tuned = await finish(
      engine.finetune(project.id, choice({ method, num_train_epochs: 1 })),
    );
    if (tuned.record.method !== 'finetune') throw new Error('no fine-tune');
    const { fit } = tuned.record.finetune;
    expect(fit.trainable_parameters).toBeLessThan(fit.parameters / 4);
    const zip = await finish(engine.export(project.id, tuned.id, 'adapter'));
    expect([...classifierArchive(zip.bytes, zip.name).keys()]).toContain(
      'adapter_model.safetensors',
    );
    const whole = await thrownBy(engine.export(project.id, run.id, 'adapter'));
    expect(whole.code).toBe('bad-setting');
    await engine.deleteRun(project.id, tuned.id);
  });
});

describe('pairs of texts', () => {
  it('are told by the two together', async () => {
    // The label says whether both texts name the same colour; either alone says nothing.
    const random = seededRandom(4);
    const lines = Array.from({ length: 240 }, (_, row) => {
      const [a, b] = [random.integer(2), random.integer(2)];
      const word = (index: number): string => (index === 0 ? 'red' : 'blue');
      return `the ${word(a)} cat ${row},a ${word(b)} mat,${a === b ? 'same' : 'other'}`;
    });
    const view = await newProject('pairs.csv', `first,second,label\n${lines.join('\n')}\n`);
    const asPairs = {
      ...view.choice,
      textColumn: 'first',
      textPairColumn: 'second',
      label: { kind: 'column' as const, column: 'label' },
    };
    const configured = await finish(engine.configureData(view.id, asPairs));
    expect(configured.problem).toBeNull();
    const tuned = await finish(
      engine.finetune(view.id, choice({ num_train_epochs: 8, dropout: 0 })),
    );
    const { test, baseline } = classFigures(tuned.record);
    expect(test.accuracy_interval[0]).toBeGreaterThan(baseline.test.accuracy);
    expect(choiceOfRecipe(tuned.recipe).textPairColumn).toBe('second');
    const answer = await engine.predictTexts(view.id, tuned.id, ['the red cat'], ['a red mat']);
    expect(answer.probabilities[0]).toHaveLength(2);
    await expect(engine.predictTexts(view.id, tuned.id, ['the red cat'])).rejects.toThrow('pairs');
    const file = source('new.csv', 'first,second\nthe red cat,a blue mat\n');
    expect((await finish(engine.predictFile(view.id, tuned.id, file, null))).rows).toBe(1);
    const lacking = source('new.csv', 'first\nthe red cat\n');
    expect(
      (await thrownBy(engine.predictFile(view.id, tuned.id, lacking, null))).message,
    ).toContain('second');
    const probe = {
      encoder: tiny.info.reference,
      embed: tiny.info.defaults,
      device: 'cpu',
      head: DEFAULT_LOGISTIC,
    } as const;
    expect((await thrownBy(engine.train(view.id, probe))).code).toBe('bad-setting');
    await engine.deleteProject(view.id);
  });
});

describe('words with tags', () => {
  /** An animal is one entity, with the colour before it where there is one. */
  function sentences(count: number): string {
    const random = seededRandom(8);
    return Array.from({ length: count }, (_, row) => {
      const lines = [`the O`, `n${row} O`];
      if (random.integer(2) === 0) lines.push('red B-PET', 'cat I-PET');
      else lines.push('dog B-PET');
      lines.push(random.integer(2) === 0 ? 'sat O' : 'ran O');
      if (random.integer(3) === 0) lines.push('on O', 'mat B-THING');
      return `${lines.join('\n')}\n`;
    }).join('\n');
  }

  it('are tagged, and scored as whole entities', async () => {
    const text = sentences(160);
    const view = await newProject('pets.conll', text);
    expect(view.summary?.task).toBe('token_classification');
    expect(view.choice).toMatchObject({
      textColumn: 'words',
      label: { kind: 'column', column: 'tags' },
    });
    const data = labelSentences([parseTable(source('pets.conll', text))], 'words', 'tags');
    expect(view.summary?.classes.map(({ label }) => label)).toEqual(data.classes);
    const counted = view.summary?.tokens?.entities.map(({ type, train, test }) => [
      type,
      train + test,
    ]);
    const begun = (type: string): number => text.match(new RegExp(`B-${type}$`, 'gm'))?.length ?? 0;
    expect(counted).toEqual([
      ['PET', begun('PET')],
      ['THING', begun('THING')],
    ]);
    const tuned = await finish(engine.finetune(view.id, choice({ num_train_epochs: 6 })));
    const { record } = tuned;
    if (record.method !== 'finetune') throw new Error('no fine-tune');
    expect(record.task).toBe('token_classification');
    expect(record.entities?.test.f1_score).toBeGreaterThan(0.9);
    expect(record.entities?.test.per_type.map(({ type }) => type)).toEqual(['PET', 'THING']);
    const answer = await engine.predictTexts(view.id, tuned.id, ['the red  cat ran']);
    expect(answer.words?.[0]?.map(({ word }) => word)).toEqual(['the', 'red', 'cat', 'ran']);
    expect(answer.words?.[0]?.map(({ tag }) => tag)).toEqual(['O', 'B-PET', 'I-PET', 'O']);
    const page = await engine.runRows(view.id, tuned.id, {
      part: 'test',
      actual: data.classes.indexOf('B-THING'),
      predicted: null,
      offset: 0,
      limit: 3,
    });
    for (const { text: sentence, word } of page.rows)
      expect(sentence.split(' ')[word ?? -1]).toBe('mat');
    const file = source('new.csv', 'words\nthe dog sat\n');
    const labelled = await finish(engine.predictFile(view.id, tuned.id, file, null));
    expect(labelled.preview[0]?.label).toBe('O B-PET O');
    const zip = await finish(engine.export(view.id, tuned.id, 'huggingface'));
    const classifier = await openClassifier(
      platform,
      classifierArchive(zip.bytes, zip.name),
      'cpu',
    );
    expect(classifier.task).toBe('token_classification');
    const again = await finish(classifier.predictFile(file, 'words'));
    expect(again.preview.map(({ label }) => label)).toEqual(['O B-PET O']);
    await classifier.close();
    await engine.deleteProject(view.id);
  });

  it('are no task for a probe', async () => {
    const view = await newProject('pets.conll', sentences(30));
    const error = await thrownBy(
      engine.train(view.id, {
        encoder: tiny.info.reference,
        embed: tiny.info.defaults,
        device: 'cpu',
        head: DEFAULT_LOGISTIC,
      }),
    );
    expect(error.code).toBe('bad-setting');
    expect(error.hint).toContain('Fine-tune');
    await engine.deleteProject(view.id);
  });
});

describe('the encoder that ships', () => {
  it('starts from its 8-bit weights; the head alone learns the samples', async () => {
    const url = new URL('../../../public/samples/support-inbox.csv', import.meta.url);
    const view = await newProject('support-inbox.csv', await readFile(url, 'utf8'));
    const shipped = (await engine.listEncoders()).find(
      ({ info }) => info.architecture === 'bert' && info.reference.source === 'shipped',
    );
    if (shipped === undefined) throw new Error('no encoder ships');
    const seen: Progress[] = [];
    const tuned = await finish(
      engine.finetune(view.id, {
        encoder: shipped.info.reference,
        device: 'auto',
        settings: {
          ...SETTINGS,
          method: { name: 'head' },
          head: 'mean',
          learning_rate: 1e-2,
          num_train_epochs: 1,
          per_device_train_batch_size: 4,
          train_rows: 40,
          max_length: 16,
          eval_strategy: 'no',
          save_strategy: 'no',
          load_best_model_at_end: false,
          validation_share: 0,
        },
      }),
      (progress) => seen.push(progress),
    );
    const { test, baseline } = classFigures(tuned.record);
    expect(test.accuracy).toBeGreaterThan(baseline.test.accuracy);
    expect(seen.some(({ training }) => (training?.points.length ?? 0) > 0)).toBe(true);
    const recipe = await finish(engine.export(view.id, tuned.id, 'recipe'));
    expect(readRecipe(parseJson(recipe.bytes, recipe.name))).toEqual(tuned.recipe);
    await engine.deleteProject(view.id);
  });
});

describe('several labels a text', () => {
  it('learns each by binary cross-entropy, tunes thresholds, and leaves as one model with sigmoids', async () => {
    const random = seededRandom(11);
    const filler = TINY_WORDS.slice(5, 25).filter((word) => !['great', 'poor'].includes(word));
    const lines = Array.from({ length: 160 }, (_, row) => {
      const has = [random.next() < 0.5, random.next() < 0.5];
      const words = Array.from({ length: 6 }, () => filler[random.integer(filler.length)] ?? 'the');
      if (has[0] === true) words.splice(random.integer(6), 0, 'great');
      if (has[1] === true) words.splice(random.integer(6), 0, 'poor');
      return `${words.join(' ')} ${row},${has.map(Number).join(',')}`;
    });
    const view = await newProject('both.csv', `text,praise,blame\n${lines.join('\n')}\n`);
    expect(view.choice.label).toEqual({ kind: 'columns', columns: ['praise', 'blame'] });
    const tuned = await finish(
      engine.finetune(view.id, choice({ num_train_epochs: 8, dropout: 0 })),
    );
    const figures = multiLabelFigures(tuned.record);
    expect(tuned.record.task).toBe('multi_label');
    expect(figures?.test.rows).toBe(tuned.record.split.test_rows);
    expect(figures?.test.micro.f1_score).toBeGreaterThan(0.9);
    expect(tuned.record.encoder.notes.join(' ')).toContain('threshold of each label');

    const texts = ['the great cat', 'a poor mat', 'great and poor', 'the cat'];
    const here = await engine.predictTexts(view.id, tuned.id, texts);
    expect(here.thresholds).toEqual(figures?.thresholds);
    const zip = await finish(engine.export(view.id, tuned.id, 'huggingface'));
    const files = classifierArchive(zip.bytes, zip.name);
    const config = parseJson(files.get('config.json') ?? new Uint8Array(), 'config.json');
    expect(config).toMatchObject({
      problem_type: 'multi_label_classification',
      headlight: { thresholds: figures?.thresholds },
    });
    const classifier = await openClassifier(platform, files, 'cpu');
    const away = await finish(classifier.probabilities(texts));
    here.probabilities.flat().forEach((share, at) => {
      expect(away[at]).toBeCloseTo(share, 4);
    });
    await classifier.close();
  });
});
