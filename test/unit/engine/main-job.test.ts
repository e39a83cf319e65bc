/**
 * The main job on the engine, in Node, with the encoders that ship: what a run records, that the same
 * recipe gives the same numbers, that stopping loses nothing, and that what is taken away computes the
 * same as what was trained.
 */
import { classFigures } from '../../../src/project';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { finish, type HeadlightError, type Progress } from '../../../src/base';
import {
  classifierArchive,
  createEngine,
  openClassifier,
  type Engine,
  type EncoderEntry,
  type ProjectView,
  type RunView,
  type TrainSettings,
} from '../../../src/engine';
import { DEFAULT_LOGISTIC } from '../../../src/learning/heads';
import type { Platform } from '../../../src/platform';
import { createNodePlatform } from '../../../src/platform/node';
import { thrownBy } from '../../helpers/error-of';

const sample = new URL('../../../public/samples/support-inbox.csv', import.meta.url);

let home: string;
let platform: Platform;
let engine: Engine;
let instant: EncoderEntry;
let project: ProjectView;
let run: RunView;

async function sampleFile(): Promise<{ name: string; bytes: Uint8Array }> {
  return { name: 'support-inbox.csv', bytes: new Uint8Array(await readFile(sample)) };
}

function settings(change: Partial<TrainSettings> = {}): TrainSettings {
  return {
    encoder: instant.info.reference,
    embed: instant.info.defaults,
    device: 'cpu',
    head: DEFAULT_LOGISTIC,
    ...change,
  };
}

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'headlight-engine-'));
  platform = await createNodePlatform({ home });
  engine = createEngine(platform);
  const found = (await engine.listEncoders()).find(({ info }) => info.architecture === 'static');
  if (found === undefined) throw new Error('no instant encoder ships');
  instant = found;
  project = await finish(engine.createProject([await sampleFile()]));
  run = await finish(engine.train(project.id, settings()));
});

afterAll(async () => {
  await rm(home, { recursive: true, force: true });
});

describe('a project made from one file', () => {
  it('finds text and label, splits 80/20, and counts every class on both sides', () => {
    expect(project.choice.textColumn).toBe('message');
    expect(project.choice.label).toEqual({ kind: 'column', column: 'topic' });
    const summary = project.summary;
    if (summary === null) throw new Error('no summary');
    const rows = summary.trainRows + summary.testRows;
    expect(Math.abs(summary.testRows / rows - 0.2)).toBeLessThan(0.02);
    for (const { train, test } of summary.classes) {
      expect(train).toBeGreaterThan(0);
      expect(test).toBeGreaterThan(0);
    }
  });

  it('says what is wrong with a choice instead of failing', async () => {
    const view = await finish(
      engine.configureData(project.id, {
        ...project.choice,
        label: { kind: 'column', column: 'message' },
      }),
    );
    expect(view.summary).toBeNull();
    expect(view.problem?.message).toContain('cannot be text and label at once');
    const back = await finish(engine.configureData(project.id, project.choice));
    expect(back.summary).toEqual(project.summary);
  });

  it('refuses a file name that could not be kept, before anything is kept', async () => {
    const { bytes } = await sampleFile();
    const before = await platform.storage.entries('files');
    for (const name of ['a\\b.csv', `${'x'.repeat(300)}.csv`]) {
      const error = await thrownBy(engine.createProject([{ name, bytes }]));
      expect([error.code, error.hint]).toEqual(['bad-file', expect.stringContaining('Rename')]);
    }
    expect(await platform.storage.entries('files')).toEqual(before);
  });

  it('opens a project whose file has a long name, under a name that fits', async () => {
    const { bytes } = await sampleFile();
    const view = await finish(engine.createProject([{ name: `${'x'.repeat(240)}.csv`, bytes }]));
    expect(view.name).toBe('x'.repeat(200));
    expect((await finish(engine.openProject(view.id))).id).toBe(view.id);
    await engine.deleteProject(view.id);
  });

  it('lists a project that cannot be read with its problem, beside those that can', async () => {
    await platform.storage.write('projects', 'broken', new TextEncoder().encode('{"kind":1}'));
    const listed = await engine.listProjects();
    expect(listed.find(({ id }) => id === 'broken')?.problem).toContain('headlight.project');
    expect(listed.find(({ id }) => id === project.id)?.problem).toBeNull();
    await engine.deleteProject('broken');
    expect((await engine.listProjects()).map(({ id }) => id)).toEqual([project.id]);
  });

  it('refuses three files', async () => {
    const file = await sampleFile();
    const error = await thrownBy(engine.createProject([file, file, file]));
    expect(error.code).toBe('bad-file');
  });
});

describe('a run', () => {
  it('beats always answering the most frequent class, and by more than its interval', () => {
    const { test, baseline } = classFigures(run.record);
    expect(test.accuracy_interval[0]).toBeGreaterThan(baseline.test.accuracy);
    expect(test.rows).toBe(run.record.split.test_rows);
  });

  it('the probe is fitted by native code, which the record says', () => {
    expect(run.record).toMatchObject({ head: { fit: { backend: 'onnxruntime' } } });
  });

  it('gives the same numbers again from the same settings, now without embedding anything', async () => {
    const again = await finish(engine.train(project.id, settings()));
    expect(classFigures(again.record)).toEqual(classFigures(run.record));
    expect(again.recipe).toEqual(run.recipe);
    expect(again.record.timing.texts_embedded).toBe(0);
    await engine.deleteRun(project.id, again.id);
  });

  it('gives the same numbers in another engine that has never seen it', async () => {
    const other = await mkdtemp(join(tmpdir(), 'headlight-engine-'));
    try {
      const fresh = createEngine(await createNodePlatform({ home: other }));
      const view = await finish(fresh.createProject([await sampleFile()]));
      const repeated = await finish(fresh.train(view.id, settings()));
      expect(classFigures(repeated.record)).toEqual(classFigures(run.record));
    } finally {
      await rm(other, { recursive: true, force: true });
    }
  });

  it('shows the rows behind each cell of the confusion matrix, surest first', async () => {
    const matrix = classFigures(run.record).test.confusion_matrix;
    for (const [actual, row] of matrix.entries()) {
      for (const [predicted, count] of row.entries()) {
        const page = await engine.runRows(project.id, run.id, {
          part: 'test',
          actual,
          predicted,
          offset: 0,
          limit: 5,
        });
        expect(page.total).toBe(count);
        const probabilities = page.rows.map(({ probability }) => probability);
        expect(probabilities).toEqual([...probabilities].sort((a, b) => b - a));
      }
    }
  });

  it('keeps every shard that was done when it is stopped, and ends with the same result', async () => {
    const view = await finish(
      engine.createProject([{ ...(await sampleFile()), name: 'again.csv' }]),
    );
    const stop = new AbortController();
    const job = engine.train(view.id, settings(), stop.signal);
    let seen: Progress | null = null;
    const error = await (async () => {
      try {
        for (;;) {
          const step = await job.next();
          if (step.done) return null;
          if (step.value.phase.startsWith('Embedding') && step.value.done > 0) {
            seen = step.value;
            stop.abort();
          }
        }
      } catch (thrown) {
        return thrown;
      }
    })();
    expect((error as HeadlightError | null)?.code).toBe('aborted');
    expect(seen).not.toBeNull();
    const resumed = await finish(engine.train(view.id, settings()));
    expect(resumed.record.timing.texts_from_cache).toBeGreaterThan(0);
    expect(classFigures(resumed.record)).toEqual(classFigures(run.record));
    await engine.deleteProject(view.id);
    expect(await platform.storage.entries('features', `${view.id}/`)).toEqual([]);
  });
});

describe('a project that is deleted while it trains', () => {
  it('leaves nothing behind, in this engine and in another of the same storage', async () => {
    const elsewhere = createEngine(platform); // another tab
    for (const deleting of [engine, elsewhere]) {
      const view = await finish(engine.createProject([{ ...(await sampleFile()), name: 'd.csv' }]));
      const job = engine.train(view.id, settings());
      const ended = (async () => {
        for (;;) {
          const step = await job.next();
          if (step.done) return null;
          if (step.value.phase.startsWith('Fitting')) break;
        }
        const deleted = deleting.deleteProject(view.id);
        try {
          for (;;) if ((await job.next()).done) return null;
        } catch (error) {
          return error;
        } finally {
          await deleted;
        }
      })();
      const error = (await ended) as HeadlightError | null;
      expect(['aborted', 'not-found']).toContain(error?.code);
      for (const area of ['projects', 'files', 'features', 'runs'] as const) {
        expect((await platform.storage.entries(area, view.id)).map(({ key }) => key)).toEqual([]);
      }
    }
  });
});

describe('using a run', () => {
  it('predicts a typed text as it predicts the same row of a file', async () => {
    const texts = ['Where is my parcel? It was due on Monday.', 'I was charged twice this month'];
    const typed = await engine.predictTexts(project.id, run.id, texts);
    const bytes = new TextEncoder().encode(`message\n"${texts[0]}"\n"${texts[1]}"\n`);
    const file = await finish(
      engine.predictFile(project.id, run.id, { name: 'new.csv', bytes }, null),
    );
    expect(file.rows).toBe(2);
    typed.probabilities.forEach((row, index) => {
      expect(row.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 9);
      const best = row.indexOf(Math.max(...row));
      expect(file.preview[index]?.label).toBe(typed.classes[best]);
      expect(file.preview[index]?.probability).toBeCloseTo(Math.max(...row), 5);
    });
  });

  it('names the columns when the text column is not there', async () => {
    const bytes = new TextEncoder().encode('a,b\n1,2\n3,4\n');
    const error = await thrownBy(
      engine.predictFile(project.id, run.id, { name: 'new.csv', bytes }, 'message'),
    );
    expect(error.code).toBe('bad-setting');
    expect(error.hint).toContain('a, b');
  });
});

describe('taking away', () => {
  it('saves a classifier whose probabilities are those of the page to 1e-4', async () => {
    const texts = [
      'Where is my parcel?',
      'refund please',
      'The lamp arrived broken, glass everywhere',
    ];
    const expected = await engine.predictTexts(project.id, run.id, texts);
    const zip = await finish(engine.export(project.id, run.id, 'onnx'));
    expect(zip.containsTexts).toBe(false);
    const classifier = await openClassifier(
      platform,
      classifierArchive(zip.bytes, zip.name),
      'cpu',
    );
    const actual = await finish(classifier.probabilities(texts));
    await classifier.close();
    expect(classifier.classes).toEqual(expected.classes);
    expected.probabilities.flat().forEach((value, index) => {
      expect(Math.abs((actual[index] ?? NaN) - value)).toBeLessThan(1e-4);
    });
  });

  it('saves the test predictions, one row a test text, agreeing with the accuracy', async () => {
    const csv = await finish(engine.export(project.id, run.id, 'predictions'));
    const view = await finish(engine.createProject([{ name: 'p.csv', bytes: csv.bytes }]));
    expect(view.files[0]?.rows).toBe(classFigures(run.record).test.rows);
    await engine.deleteProject(view.id);
  });

  it('opens its project zip elsewhere exactly as it was', async () => {
    const zip = await finish(engine.export(project.id, null, 'project'));
    expect(zip.containsTexts).toBe(true);
    const other = await mkdtemp(join(tmpdir(), 'headlight-engine-'));
    try {
      const fresh = createEngine(await createNodePlatform({ home: other }));
      const opened = await finish(fresh.importProject({ name: zip.name, bytes: zip.bytes }));
      const original = await finish(engine.openProject(project.id));
      expect(opened).toEqual(original);
      const query = { part: 'test', actual: null, predicted: null, offset: 0, limit: 20 } as const;
      expect(await fresh.runRows(opened.id, run.id, query)).toEqual(
        await engine.runRows(project.id, run.id, query),
      );
    } finally {
      await rm(other, { recursive: true, force: true });
    }
  });

  it('gives an imported project a new id when its own is taken', async () => {
    const zip = await finish(engine.export(project.id, null, 'project'));
    const copy = await finish(engine.importProject({ name: zip.name, bytes: zip.bytes }));
    expect(copy.id).not.toBe(project.id);
    expect(copy.runs.map(({ id }) => id)).toEqual([run.id]);
    await engine.deleteProject(copy.id);
  });
});

describe('what is kept', () => {
  it('lists the project with its bytes, and nothing after everything is forgotten', async () => {
    const kept = await engine.kept();
    expect(kept.find((item) => item.project === project.id)?.bytes).toBeGreaterThan(1000);
    const other = await mkdtemp(join(tmpdir(), 'headlight-engine-'));
    try {
      const fresh = createEngine(await createNodePlatform({ home: other }));
      await finish(fresh.createProject([await sampleFile()]));
      await fresh.forgetEverything();
      expect(await fresh.kept()).toEqual([]);
      expect(await fresh.listProjects()).toEqual([]);
    } finally {
      await rm(other, { recursive: true, force: true });
    }
  });

  it('refuses a model host that is not https', async () => {
    await expect(engine.setModelHost('http://example.org')).rejects.toThrow('https');
    await expect(engine.setModelHost('https://mirror.example.org/?a=b')).rejects.toThrow('?a=b');
    await engine.setModelHost('https://mirror.example.org/hf/');
    expect(await engine.modelHost()).toBe('https://mirror.example.org/hf');
    await engine.setModelHost(null);
    expect(await engine.modelHost()).toBeNull();
  });
});
