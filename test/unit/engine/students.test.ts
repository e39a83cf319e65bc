/**
 * Students of labels that were made: what the settings ask reaches the probe and the fine-tune, rounds of self-training
 * are told and survive a stop, and the teacher stands beside its student on the same rows.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { finish, HeadlightError, seededRandom, type Job } from '../../../src/base';
import {
  createEngine,
  DEFAULT_LOGISTIC,
  FINETUNE_DEFAULTS,
  LABELLING_DEFAULTS,
  reportPage,
  teacherSentences,
  type EncoderEntry,
  type Engine,
  type RunView,
} from '../../../src/engine';
import type { Prepared } from '../../../src/engine/prepare';
import { joinable, sharpened } from '../../../src/engine/students';
import { softened } from '../../../src/learning/finetune';
import { fitLogistic, predictProbabilities } from '../../../src/learning/heads';
import type { LabelRule, StudentSettings } from '../../../src/learning/labelling';
import { readSafetensors } from '../../../src/models';
import type { Platform } from '../../../src/platform';
import { createNodePlatform } from '../../../src/platform/node';
import { classFigures, readPredictions } from '../../../src/project';
import { describeRun } from '../../../companion/report';
import { temporaryFolder } from '../../helpers/temporary-folder';
import { tinyModelFiles } from '../../helpers/tiny-model';
import { useWasmTensors } from '../../helpers/tfjs';

let platform: Platform;
let engine: Engine;
let tiny: EncoderEntry;

/** `great` and `poor` are known to the rules, `good` and `bad` are not; a few texts have a word of either. */
function reviews(rows: number, seed: number): string {
  const random = seededRandom(seed);
  const fillers = ['the', 'film', 'movie', 'book', 'cat', 'dog', 'red', 'blue', 'mat', 'sat'];
  const lines = Array.from({ length: rows }, (_, row) => {
    const label = row % 2 === 0 ? 'praise' : 'blame';
    const [known, unknown, other] =
      label === 'praise' ? ['great', 'good', 'poor'] : ['poor', 'bad', 'great'];
    const words = Array.from({ length: 4 }, () => fillers[random.integer(fillers.length)]);
    const kind = Math.floor(row / 2) % 4;
    if (kind < 2) words.push(known, unknown);
    else if (kind === 2) words.push(unknown);
    else words.push(known, other, unknown);
    return `${random.shuffle(words).join(' ')} ${row},${label}`;
  });
  return `text,label\n${lines.join('\n')}\n`;
}

const RULES: readonly LabelRule[] = [
  { class: 'praise', match: 'keywords', pattern: 'great', ignore_case: true },
  { class: 'blame', match: 'keywords', pattern: 'poor', ignore_case: true },
];

const PROBE = { head: { ...DEFAULT_LOGISTIC, C: 1 }, device: 'cpu', baselines: false } as const;

/** Rules label three in four; a test file says the truth. */
async function project(student: Partial<StudentSettings>): Promise<string> {
  const source = (name: string, text: string) => ({ name, bytes: new TextEncoder().encode(text) });
  const view = await finish(
    engine.createProject([source('train.csv', reviews(96, 1)), source('test.csv', reviews(40, 2))]),
  );
  await finish(
    engine.configureData(view.id, {
      ...view.choice,
      files: { 'train.csv': 'train', 'test.csv': 'test' },
      textColumn: 'text',
      label: {
        kind: 'made',
        classes: ['blame', 'praise'],
        several: false,
        truth: 'label',
        names: {},
      },
      split: { method: 'files' },
    }),
  );
  await engine.configureLabelling(view.id, {
    ...LABELLING_DEFAULTS,
    classes: ['blame', 'praise'].map((name) => ({ name, description: '', examples: [] })),
    several: false,
    teachers: [{ kind: 'rules', rules: RULES }],
    student: { ...LABELLING_DEFAULTS.student, ...student },
  });
  await finish(engine.runTeacher(view.id, 0, 'cpu'));
  return view.id;
}

function probe(id: string): Promise<RunView> {
  return finish(
    engine.train(id, { ...PROBE, encoder: tiny.info.reference, embed: tiny.info.defaults }),
  );
}

const CHOICE = () => ({
  encoder: tiny.info.reference,
  device: 'cpu' as const,
  baselines: false,
  settings: {
    ...FINETUNE_DEFAULTS,
    learning_rate: 2e-3,
    per_device_train_batch_size: 12,
    max_length: 32,
    num_train_epochs: 2,
    eval_strategy: 'no',
    save_strategy: 'no',
    load_best_model_at_end: false,
    validation_share: 0,
  } as const,
});

async function keptTest(id: string, run: RunView) {
  const bytes = await platform.storage.read('runs', `${id}/${run.id}/predictions`);
  if (bytes === null) throw new Error('no predictions were kept');
  return readPredictions(bytes);
}

async function weightsOf(id: string, run: RunView): Promise<Record<string, number[]>> {
  const bytes = await platform.storage.read('runs', `${id}/${run.id}/model/model.safetensors`);
  if (bytes === null) throw new Error('no weights were kept');
  const { tensors } = readSafetensors(bytes);
  return Object.fromEntries([...tensors].map(([name, { data }]) => [name, [...data]]));
}

beforeAll(async () => {
  platform = await createNodePlatform({ home: await temporaryFolder() });
  engine = createEngine(platform);
  tiny = await finish(engine.addFolderEncoder('tiny', tinyModelFiles(), 'fp32'));
});

describe('the teacher beside its student', () => {
  it('is measured on the student’s own test rows, and rows without a vote count as wrong', async () => {
    const id = await project({});
    const run = await probe(id);
    const { test, teacher } = await keptTest(id, run);
    const { teacher: figures } = run.record;
    if (teacher === undefined || figures === undefined) throw new Error('there is no teacher');
    expect(teacher.length).toBe(test.probabilities.length);
    const answers = (values: Float64Array) =>
      Array.from(test.labels, (label, at) => {
        const [first = NaN, second = NaN] = values.subarray(2 * at, 2 * at + 2);
        if (Number.isNaN(first)) return false;
        return (second > first ? 1 : 0) === label;
      });
    const [student, rules] = [answers(test.probabilities), answers(teacher)];
    const share = (right: readonly boolean[]) => right.filter(Boolean).length / right.length;
    expect(figures.value).toBeCloseTo(share(rules), 12);
    expect(classFigures(run.record).test.accuracy).toBeCloseTo(share(student), 12);
    // One text in four has no word that the rules know.
    expect(figures).toMatchObject({ rows: 40, unvoted: 10, figure: 'accuracy', micro_f1: null });
    expect(figures.test.onlyFirst).toBe(student.filter((is, at) => is && !rules[at]).length);
    expect(figures.test.onlySecond).toBe(student.filter((is, at) => !is && rules[at]).length);
    expect(figures.interval![0]).toBeLessThan(figures.value);

    // The same is said everywhere.
    const sentences = teacherSentences(run.record);
    expect(sentences[0]).toContain(
      `${(100 * figures.value).toFixed(1)} % of the same 40 test texts`,
    );
    expect(sentences[1]).toBe('On 10 of them no teacher voted: they count as wrong.');
    const said = describeRun(run);
    const page = reportPage({ name: 'it', run, report: null, pictures: [], mistakes: null });
    for (const sentence of sentences) {
      expect(said).toContain(sentence);
      expect(page).toContain(sentence.replaceAll('<', '&lt;'));
    }
  });

  it('is not there where labels are given', async () => {
    const bytes = new TextEncoder().encode(reviews(60, 1));
    const view = await finish(engine.createProject([{ name: 'given.csv', bytes }]));
    const run = await probe(view.id);
    expect(run.record).not.toHaveProperty('teacher');
    expect(run.record).not.toHaveProperty('student');
    expect(teacherSentences(run.record)).toEqual([]);
    expect((await keptTest(view.id, run)).teacher).toBeUndefined();
  });
});

describe('a probe', () => {
  it('learns from hard labels, soft ones, and weights: each another head', async () => {
    const heads = new Set<string>();
    for (const student of [
      {},
      { labels: 'soft' },
      { labels: 'soft', temperature: 3 },
      { weighted: true },
    ] as const) {
      const id = await project(student);
      const run = await probe(id);
      const { train } = await keptTest(id, run);
      heads.add([...train.probabilities].map((p) => p.toFixed(6)).join());
    }
    expect(heads.size).toBe(4);
  });

  it('trains itself in rounds: who joined is told, and the last round is what is kept', async () => {
    const id = await project({ rounds: 2, round_threshold: 0.55 });
    const run = await probe(id);
    const rounds = run.record.student?.rounds ?? [];
    expect(rounds.length).toBeGreaterThan(1);
    expect(rounds[0]).toMatchObject({ round: 0, joined: 0, classes: [0, 0] });
    for (const { joined, classes } of rounds.slice(1)) {
      expect(joined).toBe(classes[0]! + classes[1]!);
      // A quarter of the texts have no label.
      expect(joined).toBeGreaterThan(0);
      expect(joined).toBeLessThanOrEqual(24);
    }
    expect(rounds.at(-1)!.test).toBe(classFigures(run.record).test.accuracy);
    expect(describeRun(run)).toContain('Round 1: ');
  });

  it('says why there was no round', async () => {
    const id = await project({ rounds: 2, round_threshold: 1 });
    const { record } = await probe(id);
    expect(record.student?.rounds).toHaveLength(1);
    expect(record.encoder.notes.join(' ')).toContain('Self-training did not begin');
  });
});

describe('a head fitted to softer labels and sharpened', () => {
  beforeAll(useWasmTensors);

  it('is the optimum of the distillation: the gradient of its written-out objective vanishes', async () => {
    const random = seededRandom(9);
    const [rows, columns, classes, T, C] = [60, 4, 3, 2.5, 2];
    const data = Float32Array.from({ length: rows * columns }, () => random.normal());
    const soft = Array.from({ length: rows }, () => {
      const raw = [0, 1, 2].map(() => Math.exp(1.5 * random.normal()));
      const sum = raw.reduce((all, one) => all + one, 0);
      return raw.map((one) => one / sum);
    });
    const cooler = soft.map((shares) => softened(shares, T));
    const labels = Int32Array.from(soft, (shares) => shares.indexOf(Math.max(...shares)));
    const { head } = await finish(
      fitLogistic(
        { rows, columns, data },
        labels,
        ['a', 'b', 'c'],
        { ...DEFAULT_LOGISTIC, C, tol: 1e-7 },
        { backend: 'wasm', weighting: { soft: cooler.flat() } },
      ),
    );
    const sharp = sharpened(head, T);
    if ('type' in sharp) throw new Error('it is linear');
    // 0.5 ||w||² + C Σ T² H(softened p, softmax(z / T)): its gradient by w.
    const logits = {
      ...sharp,
      coef: sharp.coef.map((w) => w / T),
      intercept: sharp.intercept.map((b) => b / T),
    };
    const probabilities = predictProbabilities(logits, { rows, columns, data });
    for (let k = 0; k < classes; k++) {
      for (let j = 0; j < columns; j++) {
        let gradient = sharp.coef[k * columns + j]!;
        for (let i = 0; i < rows; i++)
          gradient +=
            C * T * (probabilities[i * classes + k]! - cooler[i]![k]!) * data[i * columns + j]!;
        expect(Math.abs(gradient)).toBeLessThan(2e-2);
      }
    }
  });
});

describe('a fine-tune', () => {
  it('learns from soft labels with weights, and the teacher stands beside it', async () => {
    const id = await project({ labels: 'soft', temperature: 2, weighted: true });
    const run = await finish(engine.finetune(id, CHOICE()));
    expect(run.record.teacher?.rows).toBe(40);
    const hard = await project({});
    const other = await finish(engine.finetune(hard, CHOICE()));
    expect(await weightsOf(id, run)).not.toEqual(await weightsOf(hard, other));
  });

  it('refuses class weights with soft labels', async () => {
    const id = await project({ labels: 'soft' });
    const { settings, ...rest } = CHOICE();
    const job = engine.finetune(id, {
      ...rest,
      settings: { ...settings, class_weight: 'balanced' },
    });
    await expect(finish(job)).rejects.toThrow('Class weights go with hard labels');
  });

  it('refuses rounds of self-training where it learns from pairs', async () => {
    const id = await project({ rounds: 1 });
    const { settings, ...rest } = CHOICE();
    const pairs = { ...settings, objective: 'contrastive', head: 'mean' } as const;
    const job = engine.finetune(id, { ...rest, settings: pairs });
    await expect(finish(job)).rejects.toThrow('do not go with learning from pairs');
  });

  it('stopped in a round goes on in it, to the same weights as without a stop', async () => {
    const student = { rounds: 1, round_threshold: 0.52, labels: 'soft' } as const;
    const whole = await project(student);
    const uninterrupted = await finish(engine.finetune(whole, CHOICE()));
    const rounds = uninterrupted.record.student?.rounds ?? [];
    expect(rounds).toHaveLength(2);
    expect(rounds[1]!.joined).toBeGreaterThan(0);
    expect(rounds[1]!.test).toBe(classFigures(uninterrupted.record).test.accuracy);

    const id = await project(student);
    const stop = new AbortController();
    let round = 0;
    const job = engine.finetune(id, CHOICE(), stop.signal);
    const stopped = (async function* (): Job<unknown> {
      for (;;) {
        const next = await job.next();
        if (next.done) return next.value;
        if (next.value.note?.startsWith('Self-training, round 1') === true) round = 1;
        if (round === 1 && (next.value.training?.step ?? 0) >= 2) stop.abort();
        yield next.value;
      }
    })();
    await expect(finish(stopped)).rejects.toBeInstanceOf(HeadlightError);
    expect(round).toBe(1);
    expect(await engine.unfinishedFinetune(id)).not.toBeNull();

    // A label that is made meanwhile stands, but the training was begun without it.
    const row = { file: 'train.csv', row: 2, labels: ['blame'], held_out: false } as const;
    await engine.labelRow(id, { ...row, how: 'review' });
    const resumed = await finish(engine.finetune(id, CHOICE()));
    expect(resumed.recipe.data.labelling).toEqual(uninterrupted.recipe.data.labelling);
    expect(resumed.record.encoder.notes.join(' ')).toContain(
      'Trained on the labels as they were when this training was begun',
    );
    expect((await engine.labelling(id)).hand).toMatchObject({ labelled: 1 });
    expect(resumed.record.student).toEqual(uninterrupted.record.student);
    expect(await weightsOf(id, resumed)).toEqual(await weightsOf(whole, uninterrupted));
    expect(await platform.storage.entries('checkpoints', `${id}/`)).toEqual([]);
  });

  it('lets no copy of a text that it evaluates by join', () => {
    const texts = ['One', 'two', 'three'];
    const prepared = {
      data: { texts },
      split: { train: Int32Array.of(0, 1), validation: new Int32Array(0), test: Int32Array.of(2) },
      made: { unlabelled: { texts: ['one ', 'THREE', 'four', 'two'], origin: [] } },
    } as unknown as Prepared;
    expect([...joinable(prepared)]).toEqual([0, 2, 3]);
    expect([...joinable(prepared, [0])]).toEqual([2, 3]);
  });

  it('discarded forgets its rounds too', async () => {
    const id = await project({ rounds: 1, round_threshold: 0.52 });
    await platform.storage.write('checkpoints', `${id}/rounds/index.json`, new Uint8Array([1]));
    await engine.discardFinetune(id);
    expect(await platform.storage.entries('checkpoints', `${id}/`)).toEqual([]);
  });
});

describe('so many rows a class', () => {
  it('are trained on and the test part stays whole; more contain fewer, and the recipe says it', async () => {
    const bytes = new TextEncoder().encode(reviews(80, 3));
    const view = await finish(engine.createProject([{ name: 'all.csv', bytes }]));
    const whole = view.summary!;
    const few = async (rows: number) => {
      const choice = { ...view.choice, rowsPerClass: { rows, seed: 4 } };
      const { summary } = await finish(engine.configureData(view.id, choice));
      return summary!;
    };
    expect(await few(5)).toMatchObject({ trainRows: 10, testRows: whole.testRows });
    const run = await probe(view.id);
    expect(run.recipe.data.rows_per_class).toEqual({ rows: 5, seed: 4 });
    expect(run.record.split.notes.join(' ')).toContain('Of each class at most 5 rows');
    const trained = async (one: RunView) => [...(await keptTest(view.id, one)).train.indices];
    const five = await trained(run);
    await few(9);
    const nine = new Set(await trained(await probe(view.id)));
    expect(nine.size).toBe(18);
    expect(five.every((row) => nine.has(row))).toBe(true);
  });
});
