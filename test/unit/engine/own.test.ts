/**
 * Promise: a checkpoint that was fine-tuned elsewhere is used and evaluated as it is. Its probabilities are those of
 * transformers (test/reference/own/make_own.py), under the labels of the data; the run is like every other.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { finish, toHeadlightError, type HeadlightError, type Job } from '../../../src/base';
import {
  classifierArchive,
  createEngine,
  openClassifier,
  type ClassMatches,
  type Engine,
  type EncoderEntry,
  type OwnChoice,
  type ProjectView,
  type RunView,
} from '../../../src/engine';
import type { Platform } from '../../../src/platform';
import { createNodePlatform } from '../../../src/platform/node';
import {
  classFigures,
  multiLabelFigures,
  parseJson,
  readPredictions,
  readRecipe,
} from '../../../src/project';
import {
  namesConll,
  ownFiles,
  ownGolden,
  sentimentCsv,
  topicsCsv,
  type OwnName,
} from '../../helpers/own-models';
import { temporaryFolder } from '../../helpers/temporary-folder';

let platform: Platform;
let engine: Engine;

async function added(
  name: OwnName,
  config: Readonly<Record<string, unknown>> = {},
): Promise<EncoderEntry> {
  return finish(engine.addFolderEncoder(name, ownFiles(name, config), 'fp32'));
}

async function opened(name: string, text: string): Promise<ProjectView> {
  return finish(engine.createProject([{ name, bytes: new TextEncoder().encode(text) }]));
}

function choice({ info }: EncoderEntry, classes: ClassMatches | null = null): OwnChoice {
  return { encoder: info.reference, device: 'cpu', classes, max_length: null };
}

async function refused(job: Job<unknown>): Promise<HeadlightError> {
  return finish(job).then(
    () => {
      throw new Error('nothing was thrown');
    },
    (error: unknown) => toHeadlightError(error),
  );
}

async function testPredictions(project: string, run: RunView) {
  const bytes = await platform.storage.read('runs', `${project}/${run.id}/predictions`);
  if (bytes === null) throw new Error('no predictions were kept');
  return readPredictions(bytes).test;
}

beforeAll(async () => {
  platform = await createNodePlatform({ home: await temporaryFolder() });
  engine = createEngine(platform);
});

describe('one class a text', () => {
  const { texts, labels, classes, probabilities } = ownGolden.sentiment;
  let entry: EncoderEntry;
  let project: ProjectView;
  let run: RunView;
  beforeAll(async () => {
    entry = await added('sentiment');
    project = await opened('reviews.csv', sentimentCsv());
    run = await finish(engine.evaluateOwn(project.id, choice(entry)));
  });

  it('is known by its classes before anything is computed', () => {
    expect(entry.info.classifier).toEqual({ task: 'classification', classes, problem: null });
  });

  it('gives each text the probabilities of transformers, under the labels of the data', async () => {
    const found = await testPredictions(project.id, run);
    const own = run.record.data.classes;
    expect(new Set(own)).toEqual(new Set(['negative', 'neutral', 'positive']));
    found.indices.forEach((row, at) => {
      own.forEach((label, k) => {
        const wanted = probabilities[row]?.[classes.indexOf(label.toUpperCase())] ?? NaN;
        expect(found.probabilities[at * own.length + k]).toBeCloseTo(wanted, 5);
      });
    });
    const right = [...found.indices].filter((row, at) => {
      const shares = found.probabilities.subarray(at * 3, at * 3 + 3);
      return own[shares.indexOf(Math.max(...shares))] === labels[row];
    });
    expect(classFigures(run.record).test.accuracy).toBeCloseTo(
      right.length / found.indices.length,
      12,
    );
  });

  it('stands beside words alone, and says that it may have seen the texts', () => {
    expect(run.record.method).toBe('own');
    expect(run.record.baselines?.tfidf_logistic).not.toBeNull();
    expect(run.record.baselines?.k_nearest).toBeNull();
  });

  it('answers typed texts and a file as it was evaluated', async () => {
    const [first = ''] = texts;
    const { probabilities: typed } = await engine.predictTexts(project.id, run.id, [first]);
    run.record.data.classes.forEach((label, k) => {
      const wanted = probabilities[0]?.[classes.indexOf(label.toUpperCase())] ?? NaN;
      expect(typed[0]?.[k]).toBeCloseTo(wanted, 5);
    });
    const file = {
      name: 'new.csv',
      bytes: new TextEncoder().encode(`text\n${texts.slice(0, 9).join('\n')}\n`),
    };
    const { counts, rows } = await finish(engine.predictFile(project.id, run.id, file, null));
    expect(rows).toBe(9);
    expect(counts.reduce((sum, one) => sum + one.rows, 0)).toBe(9);
  });

  it('is repeated by its recipe, and reports', async () => {
    const recipe = readRecipe(parseJson(new TextEncoder().encode(JSON.stringify(run.recipe)), 'r'));
    if (recipe.method !== 'own') throw new Error('another method');
    const again = await finish(
      engine.evaluateOwn(project.id, { ...choice(entry), ...recipe.own, encoder: recipe.encoder }),
    );
    expect(again.record.metrics).toEqual(run.record.metrics);
    const report = await finish(engine.runReport(project.id, run.id));
    expect(report.figures.length).toBeGreaterThan(3);
    expect((await finish(engine.openProject(project.id))).runs).toHaveLength(2);
    await engine.deleteRun(project.id, again.id);
  });

  it('leaves as a folder and as ONNX that give the same, in the order of the labels', async () => {
    for (const kind of ['huggingface', 'onnx-fp32', 'onnx'] as const) {
      const zip = await finish(engine.export(project.id, run.id, kind));
      const files = classifierArchive(zip.bytes, zip.name);
      const taken = await openClassifier(platform, files, 'cpu');
      expect(taken.classes).toEqual(run.record.data.classes);
      const found = await finish(taken.probabilities(texts.slice(0, 20)));
      await taken.close();
      taken.classes.forEach((label, k) => {
        const at = classes.indexOf(label.toUpperCase());
        for (let row = 0; row < 20; row++)
          expect(found[row * 3 + k]).toBeCloseTo(probabilities[row]?.[at] ?? NaN, 5);
      });
    }
  });

  it('opens again from its project’s zip', async () => {
    const zip = await finish(engine.export(project.id, run.id, 'project'));
    const view = await finish(engine.importProject(zip));
    expect(view.runs[0]?.recipe).toEqual(run.recipe);
  });

  it('joins classes that mean one label, and shares out what is left out', async () => {
    const two = sentimentCsv().replaceAll(',neutral', ',negative');
    const view = await opened('two.csv', two);
    const joined = [
      { name: 'NEGATIVE', label: 'negative' },
      { name: 'NEUTRAL', label: 'negative' },
      { name: 'POSITIVE', label: 'positive' },
    ];
    const left = joined.map((one) => (one.name === 'NEUTRAL' ? { ...one, label: null } : one));
    for (const [matches, share] of [
      [joined, ([a = 0, b = 0]: readonly number[]) => a + b],
      [left, ([a = 0, , c = 0]: readonly number[]) => a / (a + c)],
    ] as const) {
      const one = await finish(engine.evaluateOwn(view.id, choice(entry, matches)));
      const found = await testPredictions(view.id, one);
      const negative = one.record.data.classes.indexOf('negative');
      found.indices.forEach((row, at) => {
        const wanted = share(probabilities[row] ?? []);
        expect(found.probabilities[at * 2 + negative]).toBeCloseTo(wanted, 5);
      });
      // As ONNX the graph joins them; a folder of transformers cannot.
      const zip = await finish(engine.export(view.id, one.id, 'onnx'));
      const taken = await openClassifier(platform, classifierArchive(zip.bytes, zip.name), 'cpu');
      const again = await finish(taken.probabilities(texts.slice(0, 9)));
      await taken.close();
      for (let row = 0; row < 9; row++)
        expect(again[row * 2 + negative]).toBeCloseTo(share(probabilities[row] ?? []), 5);
      if (matches === joined) {
        const error = await refused(engine.export(view.id, one.id, 'huggingface'));
        expect(error.message).toContain('one label for several classes');
        expect(error.hint).toContain('ONNX');
      }
    }
  });

  it('never predicts a label that no class means, and says so', async () => {
    const view = await opened('four.csv', sentimentCsv().replace(/,neutral/g, ',mixed'));
    const one = await finish(engine.evaluateOwn(view.id, choice(entry)));
    const figures = classFigures(one.record).test;
    expect(figures.per_class.find(({ label }) => label === 'mixed')?.recall).toBe(0);
    expect(Number.isFinite(figures.log_loss)).toBe(true);
    expect(one.record.encoder.notes.join(' ')).toContain('No class of the model means “mixed”');
  });

  it('refuses what cannot be: other labels, another task, a class or label that is not there', async () => {
    const others = await opened('o.csv', sentimentCsv().replaceAll(/,(\w)\w+$/gm, ',topic $1'));
    const nothing = await refused(engine.evaluateOwn(others.id, choice(entry)));
    expect(nothing).toMatchObject({ code: 'bad-setting' });
    expect(nothing.hint).toContain('“NEGATIVE”');
    const tags = await opened('tags.conll', namesConll());
    const task = await refused(engine.evaluateOwn(tags.id, choice(entry)));
    expect(task.message).toContain('it gives one class a text, and the data have a tag');
    const wrong = [{ name: 'NEGATIVE', label: 'negative' }];
    const short = await refused(engine.evaluateOwn(project.id, choice(entry, wrong)));
    expect(short.code).toBe('bad-setting');
    const strange = ownGolden.sentiment.classes.map((name) => ({ name, label: 'nowhere' }));
    const label = await refused(engine.evaluateOwn(project.id, choice(entry, strange)));
    expect(label.message).toContain('“nowhere”');
  });
});

describe('fewer bits', () => {
  it.each(['fp16', 'q8', 'q4'] as const)(
    '%s: evaluated with the weights as they are kept',
    async (bits) => {
      const entry = await finish(engine.addFolderEncoder('sentiment', ownFiles('sentiment'), bits));
      const project = await opened('reviews.csv', sentimentCsv());
      const run = await finish(engine.evaluateOwn(project.id, choice(entry)));
      expect(run.record.encoder.precision).toBe(bits);
      const exact = ownGolden.sentiment.probabilities;
      const found = await testPredictions(project.id, run);
      let apart = 0;
      found.indices.forEach((row, at) => {
        const wanted = exact[row]?.[ownGolden.sentiment.classes.indexOf('POSITIVE')] ?? NaN;
        const positive = run.record.data.classes.indexOf('positive');
        apart = Math.max(apart, Math.abs((found.probabilities[at * 3 + positive] ?? NaN) - wanted));
      });
      expect(apart).toBeGreaterThan(0);
      expect(apart).toBeLessThan(bits === 'q4' ? 0.5 : 0.1);
    },
  );
});

describe('several labels a text', () => {
  it('takes a sigmoid each, 0.5 as threshold without validation rows', async () => {
    const { classes, probabilities } = ownGolden.topics;
    const entry = await added('topics');
    const project = await opened('news.csv', topicsCsv());
    const label = { kind: 'delimited', column: 'topics', delimiter: ';' } as const;
    const view = await finish(engine.configureData(project.id, { ...project.choice, label }));
    const run = await finish(engine.evaluateOwn(view.id, choice(entry)));
    const found = await testPredictions(view.id, run);
    const own = run.record.data.classes;
    found.indices.forEach((row, at) => {
      own.forEach((name, k) => {
        const wanted = probabilities[row]?.[classes.indexOf(name)] ?? NaN;
        expect(found.probabilities[at * own.length + k]).toBeCloseTo(wanted, 5);
      });
    });
    expect(multiLabelFigures(run.record)?.thresholds).toEqual([0.5, 0.5, 0.5]);
  });
});

describe('a tag a word', () => {
  it('gives each word the tag of transformers, its words read after a space', async () => {
    const { classes, probabilities } = ownGolden.names;
    const entry = await added('names');
    const project = await opened('names.conll', namesConll());
    const run = await finish(engine.evaluateOwn(project.id, choice(entry)));
    const found = await testPredictions(project.id, run);
    const own = run.record.data.classes;
    expect(new Set(own)).toEqual(new Set(classes));
    let word = 0;
    found.indices.forEach((row, at) => {
      word = at > 0 && found.indices[at - 1] === row ? word + 1 : 0;
      own.forEach((tag, k) => {
        const wanted = probabilities[row]?.[word]?.[classes.indexOf(tag)] ?? NaN;
        expect(found.probabilities[at * own.length + k]).toBeCloseTo(wanted, 5);
      });
    });
    if (run.record.method !== 'own') throw new Error('another method');
    expect(run.record.entities?.test.f1_score).toBeGreaterThan(0.5);
    const { words } = await engine.predictTexts(project.id, run.id, ['Alan went to Oslo']);
    expect(words?.[0]?.map(({ tag }) => tag)).toEqual(['B-PER', 'O', 'O', 'B-LOC']);
  });
});

describe('what has no classifier to use', () => {
  it.each([
    [{ num_labels: 1, problem_type: 'regression' }, /a number for each text/],
    [{ id2label: { 0: 'A', 1: 'B' } }, /does not name each of the 3 classes/],
  ])('%j is refused in words', async (config, words) => {
    const entry = await added('sentiment', config);
    expect(entry.info.classifier?.problem).toMatch(words);
    const project = await opened('reviews.csv', sentimentCsv());
    const error = await refused(engine.evaluateOwn(project.id, choice(entry)));
    expect(error.message).toMatch(words);
  });

  it('an encoder is none, and a nameless classifier goes by numbers', async () => {
    const bare = await added('sentiment', { architectures: ['DistilBertModel'] });
    expect(bare.info.classifier).toBeUndefined();
    const project = await opened('reviews.csv', sentimentCsv());
    const error = await refused(engine.evaluateOwn(project.id, choice(bare)));
    expect(error.message).toContain('has no classifier of its own');
    const nameless = await added('sentiment', { id2label: null, label2id: null });
    expect(nameless.info.classifier?.classes).toEqual(['LABEL_0', 'LABEL_1', 'LABEL_2']);
    const numbers = sentimentCsv()
      .replaceAll(',negative', ',0')
      .replaceAll(',neutral', ',1')
      .replaceAll(',positive', ',2');
    const view = await opened('numbers.csv', numbers);
    const run = await finish(engine.evaluateOwn(view.id, choice(nameless)));
    expect(classFigures(run.record).test.accuracy).toBeGreaterThan(0.9);
  });
});

describe('a file without labels', () => {
  it('is labelled under the names of the model’s own classes', async () => {
    const { texts, classes, probabilities } = ownGolden.sentiment;
    const entry = await added('sentiment');
    const file = {
      name: 'new.csv',
      bytes: new TextEncoder().encode(`text\n${texts.join('\n')}\n`),
    };
    const found = await finish(engine.predictOwn(entry.info.reference, file, null, 'cpu'));
    const lines = new TextDecoder().decode(found.bytes).trim().split(/\r?\n/);
    expect(lines[0]).toBe(
      ['text', 'prediction', ...classes.map((name) => `probability: ${name}`)].join(','),
    );
    texts.forEach((_, at) => {
      const row = probabilities[at] ?? [];
      expect(lines[at + 1]?.split(',')[1]).toBe(classes[row.indexOf(Math.max(...row))]);
    });
  });
});
