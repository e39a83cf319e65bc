/** Projects are kept whole or not at all, leave nothing behind, and travel as a zip that opens exactly. */
import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { sha256, type HeadlightError } from '../../../src/base';
import type { LinearHead } from '../../../src/learning/heads';
import {
  headDocument,
  jsonBytes,
  parseJson,
  probeRun,
  ProjectStore,
  readArchive,
  readPredictions,
  readProjectRecord,
  readProjectZip,
  readRun,
  writeArchive,
  writePredictions,
  writeProjectZip,
  type PartPredictions,
  type ProbeRun,
  type ProjectRecord,
  type WholeRun,
} from '../../../src/project';
import { memoryStorage, type MemoryStorage } from '../../helpers/memory-storage';

const fixture = (name: string): unknown =>
  parseJson(
    new Uint8Array(readFileSync(new URL(`../../fixtures/documents/${name}`, import.meta.url))),
    name,
  );
const csv = new TextEncoder().encode('text,label\nübung,yes\n');

const probe: LinearHead = {
  classes: ['no', 'yes'],
  coef: Float64Array.of(0.5, -0.25, 1 / 3),
  intercept: Float64Array.of(0.125),
  features: 3,
  scaler: null,
};
let storage: MemoryStorage;
let store: ProjectStore;
let record: ProjectRecord;
let run: WholeRun & { readonly document: ProbeRun };

beforeEach(async () => {
  storage = memoryStorage();
  store = new ProjectStore(storage);
  record = {
    ...readProjectRecord(fixture('project-v2.json')),
    files: [{ name: 'train.csv', sha256: await sha256(csv), bytes: csv.length }],
  };
  const fixed = probeRun(readRun(fixture('run-v2.json')));
  const document = {
    ...fixed,
    record: {
      ...fixed.record,
      encoder: { ...fixed.record.encoder, hidden_size: 3 },
      split: { ...fixed.record.split, train_rows: 3, test_rows: 1, dropped_from_train: 6 },
    },
  };
  run = {
    document,
    model: null,
    head: jsonBytes(headDocument(probe, document.recipe)),
    predictions: writePredictions({
      train: {
        indices: Int32Array.of(4, 2, 9),
        labels: Int32Array.of(0, 1, 1),
        probabilities: Float64Array.of(0.9, 0.1, 0.2, 0.8, 1 / 3, 2 / 3),
        targets: null,
      },
      validation: null,
      test: {
        indices: Int32Array.of(1),
        labels: Int32Array.of(0),
        probabilities: Float64Array.of(0.6, 0.4),
        targets: null,
      },
    }),
  };
});

describe('the store', () => {
  it('writes a project record after its files, and a run.json after its parts', async () => {
    await store.create(record, [{ name: 'train.csv', bytes: csv }]);
    await store.writeRun('p-1', run);
    expect(storage.writes[1]).toBe('projects/p-1');
    expect(storage.writes.at(-1)).toBe('runs/p-1/m1-abcdef01/run.json');
  });

  it('does not list a project whose files did not fit', async () => {
    storage.quota = 10;
    const error: unknown = await store
      .create(record, [{ name: 'train.csv', bytes: csv }])
      .catch((thrown: unknown) => thrown);
    expect((error as HeadlightError).code).toBe('storage-full');
    expect(await store.ids()).toEqual([]);
    expect(await storage.entries('files')).toEqual([]);
  });

  it('leaves nothing of a deleted project in any area', async () => {
    await store.create(record, [{ name: 'train.csv', bytes: csv }]);
    await store.writeRun('p-1', run);
    await storage.write('features', 'p-1/key/0', new Uint8Array(8));
    await storage.write('features', 'p-10/key/0', new Uint8Array(8));
    await store.delete('p-1');
    expect(await storage.entries('projects')).toEqual([]);
    expect(await storage.entries('files')).toEqual([]);
    expect(await storage.entries('runs')).toEqual([]);
    expect((await storage.entries('features')).map(({ key }) => key)).toEqual(['p-10/key/0']);
  });

  it('sweeps away what belongs to no project, once it is old enough not to be at work', async () => {
    await store.create(record, [{ name: 'train.csv', bytes: csv }]);
    for (const area of ['files', 'features', 'runs'] as const) {
      await storage.write(area, 'gone/x', new Uint8Array(8));
    }
    const keys = async (): Promise<string[]> =>
      (
        await Promise.all(
          (['files', 'features', 'runs'] as const).map((area) => storage.entries(area)),
        )
      ).flatMap((entries) => entries.map(({ key }) => key));
    await store.sweep();
    expect(await keys()).toContain('gone/x');
    await store.sweep(Date.now() + 2 * 3_600_000);
    expect(await keys()).toEqual(['p-1/train.csv']);
  });

  it('says what is gone', async () => {
    const error: unknown = await store.read('nope').catch((thrown: unknown) => thrown);
    expect((error as HeadlightError).code).toBe('not-found');
  });

  it('keeps predictions to the last bit', () => {
    const { train, test } = readPredictions(run.predictions);
    expect([...train.probabilities]).toEqual([0.9, 0.1, 0.2, 0.8, 1 / 3, 2 / 3]);
    expect([...train.indices]).toEqual([4, 2, 9]);
    expect([...test.labels]).toEqual([0]);
  });
});

describe('the project zip', () => {
  async function zipped(): Promise<Uint8Array> {
    await store.create(record, [{ name: 'train.csv', bytes: csv }]);
    await store.writeRun('p-1', run);
    return writeProjectZip(store, 'p-1');
  }

  it('opens again exactly', async () => {
    const content = await readProjectZip({ name: 'p.zip', bytes: await zipped() });
    expect(content.record).toEqual(record);
    expect(content.files).toEqual([{ name: 'train.csv', bytes: csv }]);
    expect(content.runs).toEqual([run]);
  });

  it.each(['files/train.csv', 'runs/m1-abcdef01/predictions.safetensors', 'project.json'])(
    'is refused when %s was changed, and names it',
    async (name) => {
      const files = new Map(readArchive(await zipped(), 'p.zip'));
      files.set(name, new TextEncoder().encode('changed'));
      const error: unknown = await readProjectZip({
        name: 'p.zip',
        bytes: writeArchive(files),
      }).catch((thrown: unknown) => thrown);
      expect((error as HeadlightError).code).toBe('bad-project');
      expect((error as HeadlightError).message).toContain(name);
    },
  );

  const part = (changes: Partial<PartPredictions>): PartPredictions => ({
    ...readPredictions(run.predictions).train,
    ...changes,
  });
  const damaged = (changes: Partial<PartPredictions>): (() => Pick<WholeRun, 'predictions'>) => {
    return () => ({
      predictions: writePredictions({
        train: part(changes),
        validation: null,
        test: readPredictions(run.predictions).test,
      }),
    });
  };
  const head = (changes: Partial<LinearHead>): (() => Pick<WholeRun, 'head'>) => {
    return () => ({
      head: jsonBytes(headDocument({ ...probe, ...changes }, run.document.recipe)),
    });
  };
  it.each([
    ['a head that is none', () => ({ head: jsonBytes({ classes_: ['no', 'yes'] }) }), 'head.json'],
    ['a head that is no JSON', () => ({ head: csv }), 'head.json'],
    ['a head of other classes', head({ classes: ['no', 'maybe'] }), 'head.json'],
    [
      'a head of another encoder',
      head({ features: 2, coef: Float64Array.of(1, 2) }),
      'takes 2 features',
    ],
    ['predictions that are none', () => ({ predictions: csv }), 'predictions.safetensors'],
    [
      'too few rows',
      damaged({
        indices: Int32Array.of(4, 2),
        labels: Int32Array.of(0, 1),
        probabilities: Float64Array.of(0.5, 0.5, 0.5, 0.5),
      }),
      '2 rows instead of 3',
    ],
    ['fewer labels than rows', damaged({ labels: Int32Array.of(0) }), 'train.labels'],
    ['too few classes', damaged({ probabilities: Float64Array.of(1, 1, 1) }), 'instead of 3 x 2'],
    ['a row beyond the file', damaged({ indices: Int32Array.of(4, 2, 10) }), 'row that is not'],
    ['a class beyond the last', damaged({ labels: Int32Array.of(0, 2, 1) }), 'class that is not'],
    [
      'no probability',
      damaged({ probabilities: Float64Array.of(0.9, 0.1, NaN, 0.8, 0, 1) }),
      'not between 0 and 1',
    ],
  ] as const)('is refused with %s, at the door', async (_, change, words) => {
    run = { ...run, ...change() };
    const error: unknown = await readProjectZip({ name: 'p.zip', bytes: await zipped() }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({
      code: 'bad-project',
      message: expect.stringContaining(words) as string,
    });
    expect((error as HeadlightError).message).toContain('p.zip: runs/m1-abcdef01/');
  });

  it('is refused when it is some other zip', async () => {
    const bytes = writeArchive(new Map([['a.txt', csv]]));
    const error: unknown = await readProjectZip({ name: 'a.zip', bytes }).catch(
      (thrown: unknown) => thrown,
    );
    expect((error as HeadlightError).message).toContain('not a project that Headlight saved');
  });
});
