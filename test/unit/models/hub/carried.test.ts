/**
 * Promise: a model comes from a folder on the web with a manifest, leaves as a zip, and is the same model, by source,
 * revision and bytes, on a machine without network; files that are not what is said of them are refused.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { unzipSync, zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { finish } from '../../../../src/base';
import { sourceOf } from '../../../../src/data';
import { createEngine, type EncoderEntry, type Engine } from '../../../../src/engine';
import { hostManifest, listKept, type ModelFile } from '../../../../src/models';
import { writeTicket } from '../../../../src/models/hub/kept-manifest';
import { readModelZip } from '../../../../src/models/hub/zip-add';
import { queueLocks, type Network, type Platform } from '../../../../src/platform';
import { createNodeNetwork } from '../../../../src/platform/node/network';
import { exportedModelFiles } from '../../../helpers/exported-model';
import { intoExternal } from '../../../helpers/external-data';
import { startHubServer, type HubServer } from '../../../helpers/hub-server';
import { memoryStorage } from '../../../helpers/memory-storage';
import { serveFolder, type StaticServer } from '../../../helpers/static-server';
import { tinyModelFiles } from '../../../helpers/tiny-model';

const COMMIT = 'abc123'.padEnd(40, '0');
const sentence = { pooling: 'cls', maxTokens: 20 } as const;
const files = tinyModelFiles({ sentenceTransformers: sentence });
const noNetwork: Network = {
  fetch: () => Promise.reject(new Error('no network')),
  requests: () => [],
};
let folder: string;
let web: StaticServer;
let hub: HubServer;

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const listed = (all: readonly ModelFile[]) =>
  all.map(({ name, bytes }) => ({ name, bytes: bytes.length, sha256: sha256(bytes) }));
const ABOUT = { name: 'School BERT', description: 'For the lab course.', licence: 'MIT' };

async function put(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), bytes);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headlight-web-'));
  for (const { name, bytes } of files) await put(`models/tiny/${name}`, bytes);
  await put('models/tiny/headlight-model.json', hostManifest(ABOUT, listed(files)));
  web = await serveFolder(folder);
  hub = await startHubServer();
  hub.put({ id: 'ada/tiny', commit: COMMIT, files, licence: 'mit' });
});
afterAll(async () => {
  await web.close();
  await hub.close();
  await rm(folder, { recursive: true });
});

function machine(network: Network = createNodeNetwork()): Engine {
  const catalogue = '{"format":"headlight.catalogue","version":1,"encoders":[]}';
  const assets = { read: async () => new TextEncoder().encode(catalogue) };
  const rest = { kind: 'node', versions: {} } as unknown as Platform;
  return createEngine({ ...rest, storage: memoryStorage(), locks: queueLocks(), network, assets });
}

async function saved(engine: Engine, entry: EncoderEntry): Promise<Uint8Array<ArrayBuffer>> {
  const { blob } = await finish(engine.exportModel(entry.info.reference));
  return new Uint8Array(await blob.arrayBuffer());
}

const add = (engine: Engine, bytes: Uint8Array<ArrayBuffer>, name = 'model.zip') =>
  finish(engine.addZipEncoder({ name, blob: new Blob([bytes]) }, 'fp32'));

describe('a folder on the web', () => {
  it('is downloaded once, pinned to what its manifest names, and said to be what it says', async () => {
    const engine = machine();
    const address = `${web.url}models/tiny`;
    const entry = await finish(engine.addHostEncoder(address, 'fp32'));
    expect(entry.info).toMatchObject({
      ...{ name: 'School BERT', licence: 'MIT', layers: 2 },
      reference: { source: 'host', id: `${address}/`, precision: 'fp32' },
      defaults: { pooling: 'cls', maxTokens: 20 },
    });
    expect(entry.info.description).toMatch(/^For the lab course\. From 127\.0\.0\.1:\d+\.$/);
    expect(entry.info.reference.revision).toMatch(/^[0-9a-f]{64}$/);
    const asked = web.requests.length;
    const again = await finish(engine.addHostEncoder(`${address}/headlight-model.json`, 'fp32'));
    expect(again.info).toEqual(entry.info);
    expect(web.requests.slice(asked)).toEqual(['/models/tiny/headlight-model.json']);
  });

  it('a file that is not what the manifest says is refused, and nothing is kept', async () => {
    const broken = files.map((file) =>
      file.name === 'model.safetensors'
        ? { ...file, bytes: file.bytes.map((byte) => byte ^ 1) }
        : file,
    );
    for (const { name, bytes } of broken) await put(`models/broken/${name}`, bytes);
    await put('models/broken/headlight-model.json', hostManifest(ABOUT, listed(files)));
    const engine = machine();
    await expect(
      finish(engine.addHostEncoder(`${web.url}models/broken/`, 'fp32')),
    ).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringMatching(/model\.safetensors.*SHA-256/) as string,
    });
    expect(await engine.listEncoders()).toEqual([]);
  });

  it('says what is missing: the manifest, a file, a right manifest', async () => {
    const engine = machine();
    const manifest = (text: string) =>
      put('models/odd/headlight-model.json', new TextEncoder().encode(text));
    const asked = () => finish(engine.addHostEncoder(`${web.url}models/odd/`, 'fp32'));
    await expect(asked()).rejects.toMatchObject({
      code: 'not-found',
      hint: expect.stringContaining('models manifest') as string,
    });
    const one = { name: 'config.json', bytes: 5, sha256: 'a'.repeat(64) };
    await manifest(JSON.stringify({ format: 'headlight.model', version: 1, files: [one] }));
    await expect(asked()).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('models/odd/config.json') as string,
    });
    for (const [wrong, why] of [
      ['<!doctype html>', 'not JSON'],
      ['{"format":"headlight.model","version":2,"files":[]}', 'version'],
      [
        JSON.stringify({
          format: 'headlight.model',
          version: 1,
          files: [{ ...one, name: '../config.json' }],
        }),
        'outside the folder',
      ],
      [JSON.stringify({ format: 'headlight.model', version: 1, files: [one, one] }), 'twice'],
      [
        JSON.stringify({ format: 'headlight.model', version: 1, files: [{ ...one, bytes: 1e15 }] }),
        'bytes',
      ],
    ] as const) {
      await manifest(wrong);
      await expect(asked()).rejects.toMatchObject({
        code: 'bad-model',
        message: expect.stringContaining(why) as string,
      });
    }
  });

  it.each([
    'models',
    'http://example.org/a/',
    'https://u:p@example.org/',
    'https://example.org/?a=1',
    `https://example.org/${'a'.repeat(200)}`,
  ])('an address that cannot be one: %s', async (address) => {
    await expect(finish(machine().addHostEncoder(address, 'fp32'))).rejects.toMatchObject({
      code: 'bad-setting',
    });
  });
});

describe('as a zip to a machine without network', () => {
  async function bothSources(): Promise<{ engine: Engine; entries: EncoderEntry[] }> {
    const engine = machine();
    await engine.setModelHost(hub.host);
    const fromHub = await finish(engine.addHubEncoder('ada/tiny', null, 'fp32'));
    const fromWeb = await finish(engine.addHostEncoder(`${web.url}models/tiny/`, 'fp32'));
    const bytes = files.map(({ name, bytes: content }) => ({
      name,
      blob: new Blob([content as Uint8Array<ArrayBuffer>]),
    }));
    const fromFolder = await finish(engine.addFolderEncoder('tiny', bytes, 'fp32'));
    return { engine, entries: [fromHub, fromWeb, fromFolder] };
  }

  it('source, id, revision and figures stay, so that recipes find it', async () => {
    const { engine, entries } = await bothSources();
    const there = machine(noNetwork);
    for (const entry of entries) {
      const zip = await saved(engine, entry);
      const added = await add(there, zip);
      expect(added.info.reference).toEqual(entry.info.reference);
      expect(added.info.defaults).toEqual(entry.info.defaults);
      expect(added.info.licence).toBe(
        entry.info.reference.source === 'folder' ? null : entry.info.licence,
      );
    }
    expect(entries.map(({ info }) => info.reference.source)).toEqual(['hub', 'host', 'folder']);
    expect(entries[0]?.info.reference.revision).toBe(COMMIT);
    // And once more: nothing is written twice, and the zip of the zip is the same.
    const [hubs] = entries;
    if (hubs !== undefined)
      expect(sha256(await saved(there, hubs))).toBe(sha256(await saved(engine, hubs)));
  });

  it('any program unpacks it: the model’s own files, and the manifest last', async () => {
    const { engine, entries } = await bothSources();
    const [hubs] = entries;
    if (hubs === undefined) throw new Error('nothing added');
    const { name } = await finish(engine.exportModel(hubs.info.reference));
    expect(name).toBe('ada_tiny-abc12300.zip');
    const inside = unzipSync(await saved(engine, hubs));
    expect(Object.keys(inside).at(-1)).toBe('headlight-model.json');
    for (const file of files) {
      const { name: path, bytes } = file;
      expect(sha256(inside[path] ?? new Uint8Array())).toBe(sha256(bytes));
    }
  });

  it('a changed file, a missing one, another model of the same name: refused, and nothing is left', async () => {
    const { engine, entries } = await bothSources();
    const [hubs] = entries;
    if (hubs === undefined) throw new Error('nothing added');
    const inside = unzipSync(await saved(engine, hubs));
    const weights = inside['model.safetensors'] ?? new Uint8Array();
    const wrong = {
      ...inside,
      'model.safetensors': weights.map((byte, at) => (at === weights.length - 4 ? byte ^ 4 : byte)),
    };
    const there = machine(noNetwork);
    const bad = {
      code: 'bad-model',
      message: expect.stringContaining('model.safetensors') as string,
    };
    await expect(add(there, zipSync(wrong, { level: 0 }))).rejects.toMatchObject(bad);
    const { 'model.safetensors': _gone, ...rest } = inside;
    await expect(add(there, zipSync(rest, { level: 0 }))).rejects.toMatchObject(bad);
    expect(await there.kept()).toEqual([]);
    // The manifest made to fit: it is taken on a fresh machine, but never over what is kept already.
    const manifest = JSON.parse(new TextDecoder().decode(inside['headlight-model.json'])) as {
      files: { name: string; sha256: string }[];
    };
    for (const file of manifest.files)
      if (file.name === 'model.safetensors') file.sha256 = sha256(wrong['model.safetensors']);
    const forged = zipSync(
      { ...wrong, 'headlight-model.json': new TextEncoder().encode(JSON.stringify(manifest)) },
      { level: 0 },
    );
    await expect(add(engine, forged)).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringContaining('kept here already') as string,
    });
    expect((await add(there, forged)).info.description).toContain('by way of a zip file');
  });

  it('ends a download of the same that was stopped; one that is left in the middle leaves nothing', async () => {
    const { engine, entries } = await bothSources();
    const [hubs] = entries;
    if (hubs === undefined) throw new Error('nothing added');
    const zip = new Blob([await saved(engine, hubs)]);
    const storage = memoryStorage();
    const place = { storage, locks: queueLocks() };
    const read = () => readModelZip(place, sourceOf({ name: 'a.zip', blob: zip }), 'fp32');
    const left = read();
    for (let step = 0; step < 3; step++) await left.next();
    await left.return(undefined as never);
    expect(await storage.entries('models')).toEqual([]);
    const about = { source: 'hub', id: 'ada/tiny', revision: COMMIT, licence: null } as const;
    await writeTicket(storage, about, 'fp32', [{ name: 'model.safetensors', bytes: null }]);
    await finish(read());
    expect(await listKept(storage)).toMatchObject([{ id: 'ada/tiny', state: 'whole' }]);
  });

  it('a full disk is known before anything is written', async () => {
    const { engine, entries } = await bothSources();
    const [hubs] = entries;
    if (hubs === undefined) throw new Error('nothing added');
    const zip = await saved(engine, hubs);
    const storage = memoryStorage();
    storage.quota = 1000;
    const rest = { kind: 'node', versions: {} } as unknown as Platform;
    const small = createEngine({ ...rest, storage, locks: queueLocks(), network: noNetwork });
    await expect(add(small, zip)).rejects.toMatchObject({ code: 'storage-full' });
    expect(storage.writes).toEqual([]);
  });
});

describe('a zip of another program, and files picked one by one', () => {
  const bytesOf = Object.fromEntries(files.map(({ name, bytes }) => [name, bytes]));
  const at = (prefix: string): Record<string, Uint8Array> =>
    Object.fromEntries(Object.entries(bytesOf).map(([name, bytes]) => [prefix + name, bytes]));

  it('a folder in the zip is the folder that was dropped, junk and other files passed over', async () => {
    const engine = machine(noNetwork);
    const dropped = await finish(
      engine.addFolderEncoder(
        'tiny',
        Object.entries(bytesOf).map(([name, bytes]) => ({ name, bytes })),
        'fp32',
      ),
    );
    const junk = {
      '__MACOSX/tiny/._config.json': new Uint8Array([0]),
      'tiny/.DS_Store': new Uint8Array([1]),
      'tiny/README.md': new Uint8Array(9),
    };
    const added = await add(engine, zipSync({ ...at('tiny/'), ...junk }));
    expect(added.info).toEqual(dropped.info);
  });

  it('a graph in the zip has its weights beside it, whatever it calls them', async () => {
    const all = exportedModelFiles('plain');
    const graph = all.find(({ name }) => name === 'model.onnx')?.bytes ?? new Uint8Array();
    const moved = intoExternal(graph, () => 'weights.of.it');
    const inside = {
      ...Object.fromEntries(all.map(({ name, bytes }) => [name, bytes])),
      'model.onnx': moved.graph,
      ...Object.fromEntries(moved.files),
    };
    const added = await add(machine(noNetwork), zipSync(inside), 'exported.zip');
    expect(added.info).toMatchObject({ layers: 2, reference: { source: 'folder' } });
  });

  it('names as a browser makes them, in any order', async () => {
    const engine = machine(noNetwork);
    const named = [
      'config (1).json',
      'model (2).safetensors',
      'tokenizer.json.txt',
      'tokenizer_config(1).json',
    ];
    const own = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];
    const picked = named
      .map((name, index) => ({ name, bytes: bytesOf[own[index] ?? ''] ?? new Uint8Array() }))
      .reverse();
    const entry = await finish(engine.addFolderEncoder('picked files', picked, 'fp32'));
    expect(entry.info).toMatchObject({
      layers: 2,
      reference: { source: 'folder', id: 'picked files' },
    });
  });

  it.each([
    [['config.json'], /Missing here: tokenizer\.json and weights/, /Files and versions/],
    [['config.json', 'tokenizer.json'], /Missing here: weights/, /Files and versions/],
    [['model.safetensors'], /Missing here: config\.json and tokenizer\.json/, /Files and versions/],
    [
      ['config.json', 'model.safetensors', 'tokenizer.model'],
      /Missing here: tokenizer\.json/,
      /save_pretrained/,
    ],
    [['reviews.csv'], /reviews\.csv is a table/, /step “Data”/],
    [
      ['config.json', 'config (1).json'],
      /Both config\.json and config \(1\)\.json/,
      /only the one/,
    ],
  ])('%j: says what is missing and where it is', async (names, message, hint) => {
    const picked = names.map((name) => ({ name, bytes: new Uint8Array(3) }));
    const job = machine(noNetwork).addFolderEncoder('picked files', picked, 'fp32');
    await expect(finish(job)).rejects.toMatchObject({
      message: expect.stringMatching(message) as string,
      hint: expect.stringMatching(hint) as string,
    });
  });

  it('a project is no model, and neither is a zip of tables', async () => {
    const engine = machine(noNetwork);
    const one = new Uint8Array(1);
    await expect(add(engine, zipSync({ 'headlight.json': one }))).rejects.toMatchObject({
      message: expect.stringContaining('a project') as string,
    });
    await expect(add(engine, zipSync({ 'data/reviews.csv': one }))).rejects.toMatchObject({
      hint: expect.stringContaining('Data') as string,
    });
  });
});
