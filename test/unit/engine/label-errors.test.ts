/**
 * Likely wrong labels of a project, in Node, with the instant encoder that ships: labels that were flipped are listed,
 * a person mends them or says that they are right, and both stay.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { finish } from '../../../src/base';
import { fileOfBytes, readTable, rowsCsv } from '../../../src/data';
import {
  createEngine,
  DEFAULT_LABEL_ERRORS,
  type Engine,
  type LabelErrorQuery,
  type LabelErrorSettings,
  type LabelErrorsView,
  type ProjectView,
} from '../../../src/engine';
import type { Platform } from '../../../src/platform';
import { createNodePlatform } from '../../../src/platform/node';

const sample = new URL('../../../public/samples/support-inbox.csv', import.meta.url);
const FILE = 'inbox.csv';
/** 0-based rows whose label is not what it was. */
const FLIPPED = [3, 21, 48, 77, 101, 140, 166, 203, 240, 277, 310, 340];
const ALL: LabelErrorQuery = {
  state: 'all',
  given: null,
  suggested: null,
  part: null,
  from: 0,
  count: 200,
};

let home: string;
let platform: Platform;
let engine: Engine;
let settings: LabelErrorSettings;
let project: ProjectView;
let view: LabelErrorsView;

/** The sample with some labels flipped, its first row a second time under another label. */
async function flippedFile(): Promise<{ name: string; bytes: Uint8Array }> {
  const bytes = new Uint8Array(await readFile(sample));
  const table = await finish(readTable(fileOfBytes('sample.csv', bytes)));
  const [texts = [], topics = []] = table.columns.map(({ cells }) => [...cells]);
  const classes = [...new Set(topics)].sort();
  const rows = texts.map((text, row) => {
    const topic = topics[row] ?? '';
    const next = classes[(classes.indexOf(topic) + 1) % classes.length] ?? '';
    return [text, FLIPPED.includes(row) ? next : topic];
  });
  const other = classes.find((name) => name !== topics[0]) ?? '';
  const csv = rowsCsv(['message', 'topic'], [...rows, [texts[0] ?? '', other]]);
  return { name: FILE, bytes: new TextEncoder().encode(csv) };
}

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'headlight-label-errors-'));
  platform = await createNodePlatform({ home });
  engine = createEngine(platform);
  const instant = (await engine.listEncoders()).find(
    ({ info }) => info.architecture === 'static',
  )?.info;
  if (instant === undefined) throw new Error('no instant encoder ships');
  const { reference: encoder, defaults: embed } = instant;
  settings = { ...DEFAULT_LABEL_ERRORS, encoder, embed, device: 'cpu' };
  project = await finish(engine.createProject([await flippedFile()]));
  view = await finish(engine.labelErrors(project.id, settings));
});

afterAll(async () => {
  await rm(home, { recursive: true, force: true });
});

async function listed(query: Partial<LabelErrorQuery> = {}) {
  return (await engine.labelErrorRows(project.id, { ...ALL, ...query })).rows;
}

describe('likely wrong labels of a project', () => {
  it('hold those that were flipped, the likeliest first, in every part', async () => {
    const rows = await listed();
    expect(rows).toHaveLength(view.listed);
    const found = rows.filter(({ origin }) => FLIPPED.includes(origin.row));
    expect(found.length).toBeGreaterThanOrEqual(9);
    // The likeliest errors come first; by chance one of thirty were a flipped one.
    const first = rows.slice(0, 12).filter(({ origin }) => FLIPPED.includes(origin.row));
    expect(first.length).toBeGreaterThanOrEqual(5);
    expect(new Set(rows.map(({ part }) => part))).toEqual(new Set(['train', 'test']));
    for (const row of rows) {
      expect(row).toMatchObject({ state: 'open', labels: row.given });
      expect(row.suggested).not.toEqual(row.given);
      expect(row.probability).toBeGreaterThan(row.given_probability);
      expect(row.text).not.toBe('');
    }
    expect(view).toMatchObject({ several: false, outdated: false });
    expect(view.classes.reduce((sum, one) => sum + one.rows, 0)).toBe(view.rows);
    expect(view.classes.reduce((sum, one) => sum + one.listed, 0)).toBe(view.listed);
  });

  it('are the same when they are looked for again, and when they are read again', async () => {
    const before = await listed();
    const again = await finish(engine.labelErrors(project.id, settings));
    expect({ ...again, at: 0, seconds: 0 }).toEqual({ ...view, at: 0, seconds: 0 });
    expect(await listed()).toEqual(before);
    expect(await createEngine(platform).lastLabelErrors(project.id)).toMatchObject({
      listed: view.listed,
      rows: view.rows,
    });
  });

  it('stand beside texts that are alike with different labels', async () => {
    const { pairs, total } = await engine.alikePairs(project.id, 0, 200);
    expect(total).toBe(view.pairs.listed);
    const same = pairs.find(({ a, b }) => a.text === b.text);
    expect(same?.cosine).toBeCloseTo(1, 5);
    expect([same?.a.origin.row, same?.b.origin.row].sort()).toEqual([0, 366]);
    for (const { a, b } of pairs) expect(a.labels).not.toEqual(b.labels);
  });

  it('can be filtered by label and part', async () => {
    const [first] = await listed();
    const given = first?.given[0] ?? '';
    const some = await listed({ given });
    expect(some.length).toBe(view.classes.find(({ name }) => name === given)?.listed);
    expect(some.every((row) => row.given.includes(given))).toBe(true);
    const tested = await listed({ part: 'test' });
    expect(tested.every(({ part }) => part === 'test')).toBe(true);
    await expect(listed({ count: 201 })).rejects.toThrow('1 to 200');
  });

  it('are mended where they stand, kept where they are right, and both taken back', async () => {
    const [first, second] = await listed();
    if (first === undefined || second === undefined) throw new Error('nothing is listed');
    const place = { file: FILE, row: first.origin.row };
    const mended = await finish(
      engine.mendLabels(project.id, [{ ...place, labels: first.suggested }]),
    );
    expect(mended.choice.repairs).toEqual([
      { kind: 'set_label', ...place, labels: first.suggested },
    ]);
    await engine.keepLabels(project.id, [second.origin], true);
    expect(await engine.lastLabelErrors(project.id)).toMatchObject({
      states: { mended: 1, kept: 1, open: view.listed - 2 },
      outdated: false,
    });
    expect((await listed({ state: 'mended' }))[0]).toMatchObject({
      given: first.given,
      labels: first.suggested,
    });
    expect(await listed({ state: 'open' })).toHaveLength(view.listed - 2);
    const csv = new TextDecoder().decode((await engine.labelErrorsFile(project.id)).bytes);
    expect(csv.split('\r\n')).toHaveLength(view.listed + 2);
    expect(csv).toContain(',kept');
    expect(csv).toContain(`${first.suggested.join()},mended`);

    const undone = await finish(engine.mendLabels(project.id, [{ ...place, labels: null }]));
    expect(undone.choice.repairs).toEqual([]);
    await engine.keepLabels(project.id, [second.origin], false);
    expect(await listed({ state: 'open' })).toHaveLength(view.listed);
  });

  it('travel in the zip of the project, with what was found right', async () => {
    const [first] = await listed();
    if (first === undefined) throw new Error('nothing is listed');
    await engine.keepLabels(project.id, [first.origin], true);
    const { name, bytes } = await finish(engine.export(project.id, null, 'project'));
    await engine.keepLabels(project.id, [first.origin], false);
    const other = await finish(engine.importProject({ name, bytes }));
    expect(other.id).not.toBe(project.id);
    expect(await engine.lastLabelErrors(other.id)).toMatchObject({
      listed: view.listed,
      outdated: false,
      states: { mended: 0, kept: 1 },
    });
    await engine.deleteProject(other.id);
  });

  it('refuse labels that are none, and say when the data has changed since', async () => {
    const change = { file: FILE, row: 3, labels: ['nonsense'] };
    await expect(finish(engine.mendLabels(project.id, [change]))).rejects.toThrow(
      'There is no label “nonsense” here.',
    );
    const none = engine.mendLabels(project.id, [{ ...change, labels: [] }]);
    await expect(finish(none)).rejects.toThrow('a row has one class here');
    const split = { method: 'stratified', testShare: 0.3, seed: 1 } as const;
    await finish(engine.configureData(project.id, { ...project.choice, split }));
    expect((await engine.lastLabelErrors(project.id))?.outdated).toBe(true);
    await finish(engine.configureData(project.id, project.choice));
  });

  it('stop when asked, and leave what was found before', async () => {
    const controller = new AbortController();
    const job = engine.labelErrors(project.id, { ...settings, seed: 5 }, controller.signal);
    await job.next();
    controller.abort();
    await expect(finish(job)).rejects.toMatchObject({ code: 'aborted' });
    expect((await engine.lastLabelErrors(project.id))?.settings.seed).toBe(0);
  });

  it('are found of several labels a text, too', async () => {
    const bytes = new Uint8Array(await readFile(sample));
    const table = await finish(readTable(fileOfBytes('sample.csv', bytes)));
    const [texts = [], topics = []] = table.columns.map(({ cells }) => [...cells]);
    const rows = texts.map((text, row) => {
      const topic = topics[row] ?? '';
      const is = (name: string): number => (topic === name ? 1 : 0);
      const billing = [9, 90, 190].includes(row) ? 1 - is('billing') : is('billing');
      return [text, billing, is('delivery'), is('returns')];
    });
    const csv = rowsCsv(['message', 'billing', 'delivery', 'returns'], rows);
    const several = await finish(
      engine.createProject([{ name: 'several.csv', bytes: new TextEncoder().encode(csv) }]),
    );
    const found = await finish(engine.labelErrors(several.id, settings));
    expect(found.several).toBe(true);
    const page = await engine.labelErrorRows(several.id, ALL);
    const flipped = page.rows.filter(({ origin }) => [9, 90, 190].includes(origin.row));
    expect(flipped.length).toBeGreaterThanOrEqual(2);
    for (const { given, suggested } of flipped)
      expect(given.includes('billing')).not.toBe(suggested.includes('billing'));
    await engine.deleteProject(several.id);
  });
});
