/** Promise: the command line carries models: from a folder to a web server, into a zip, to a machine without network. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findEncoder } from '../../../companion/encoder-option';
import { downloadToken, uploadToken } from '../../../companion/hub-token';
import { ProgressLine } from '../../../companion/progress-line';
import { createEngine } from '../../../src/engine';
import { createNodePlatform } from '../../../src/platform/node';
import { runHeadlight, writeTinyEncoder, type CommandResult } from '../../helpers/command';
import { startGatedHub } from '../../helpers/gated-hub';
import { startHubServer } from '../../helpers/hub-server';
import { serveFolder, type StaticServer } from '../../helpers/static-server';
import { tinyModelFiles } from '../../helpers/tiny-model';

const TOKEN = 'hf_QzLkNvTqXwPmRsYbGdHjFcZa';
const ID = 'ada/private-bert';
let folder: string;
let web: StaticServer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headlight-carry-'));
  await writeTinyEncoder(join(folder, 'tiny'), 3);
  web = await serveFolder(folder);
});
afterAll(async () => {
  await web.close();
  await rm(folder, { recursive: true });
});

/** @param home another one is another machine. */
function headlight(args: readonly string[], home = 'home', variables = {}): Promise<CommandResult> {
  return runHeadlight(folder, args, undefined, {
    HEADLIGHT_HOME: join(folder, home),
    ...variables,
  });
}

it('a folder is kept, and known by its name to every process of this home', async () => {
  const added = await headlight(['models', 'add', 'tiny', '--quiet'], 'kept');
  expect(added).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^tiny@[0-9a-f]{64}\n$/) as string,
  });
  const platform = await createNodePlatform({ home: join(folder, 'kept') });
  const engine = createEngine(platform);
  const [, revision] = added.stdout.trim().split('@');
  expect((await engine.listEncoders()).map(({ info }) => info.reference)).toContainEqual({
    source: 'folder',
    id: 'tiny',
    revision,
    precision: 'fp32',
  });
  const found = await findEncoder(
    engine,
    'tiny',
    'q8',
    new ProgressLine(process.stderr, true),
    new AbortController().signal,
  );
  expect(found.info.reference).toMatchObject({ source: 'folder', id: 'tiny', revision });
});

it('a manifest, an address, a zip, another machine', async () => {
  const made = await headlight([
    'models',
    'manifest',
    'tiny',
    '--name',
    'Lab BERT',
    '--licence',
    'MIT',
  ]);
  expect(made).toMatchObject({ code: 0, stdout: expect.stringContaining('4 files') as string });
  const address = `${web.url}tiny/`;
  expect(await headlight(['models', 'add', address, '--quiet'])).toMatchObject({
    code: 0,
    stdout: `${address}\n`,
  });
  const packed = await headlight(['models', 'export', address, '--out', 'lab.zip', '--quiet']);
  expect(packed).toMatchObject({ code: 0, stdout: 'lab.zip\n' });
  expect((await readdir(folder)).filter((name) => name.endsWith('.part'))).toEqual([]);
  const inside = unzipSync(new Uint8Array(await readFile(join(folder, 'lab.zip'))));
  const manifest = JSON.parse(new TextDecoder().decode(inside['headlight-model.json'])) as object;
  expect(manifest).toMatchObject({ source: 'host', id: address, name: 'Lab BERT', licence: 'MIT' });
  expect(await headlight(['models', 'add', 'lab.zip'], 'other')).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/Lab BERT is kept here.*by way of a zip file/) as string,
  });
  // There it is used by its address, without asking for it again beyond the manifest.
  const wrong = await headlight(['models', 'export', 'nobody/nothing']);
  expect(wrong).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('not on this device') as string,
  });
});

it('a model whose name has no owner leaves by that name', async () => {
  const hub = await startHubServer();
  try {
    hub.put({ id: 'tiny', commit: 'f00d'.padEnd(40, '0'), files: tinyModelFiles() });
    const got = await headlight(['models', 'fetch', 'tiny', '--model-host', hub.host, '--quiet']);
    expect(got).toMatchObject({ code: 0 });
    const packed = await headlight(['models', 'export', 'tiny', '--out', 'tiny.zip', '--quiet']);
    expect(packed).toMatchObject({ code: 0, stdout: 'tiny.zip\n' });
  } finally {
    await hub.close();
  }
});

it('a gated model with a token from the environment or a file; it stands in no output', async () => {
  const hub = await startGatedHub({
    ...{ id: ID, commit: 'c0ffee'.padEnd(40, '0'), files: tinyModelFiles(), token: TOKEN },
  });
  try {
    await writeFile(join(folder, 'token.txt'), `${TOKEN}\n`);
    const fetch = ['models', 'fetch', ID, '--model-host', hub.host, '--quiet'];
    const without = await headlight(fetch, 'gated');
    expect(without).toMatchObject({ code: 1, stderr: expect.stringContaining('gated') as string });
    // That of huggingface.co is not for a mirror.
    hub.seen.length = 0;
    expect((await headlight(fetch, 'gated', { HF_TOKEN: TOKEN })).code).toBe(1);
    expect(hub.seen.map(({ authorization }) => authorization)).toEqual([null]);
    const wrong = await headlight(fetch, 'gated', { HEADLIGHT_HUB_TOKEN: 'hf_wrongWrongWrong' });
    expect(wrong.stderr).toContain('does not accept the token');
    const good = await headlight([...fetch, '--token-file', 'token.txt'], 'gated');
    expect(good.code).toBe(0);
    for (const { stdout, stderr } of [without, wrong, good])
      expect(stdout + stderr).not.toMatch(/hf_\w{8}/);
  } finally {
    await hub.close();
  }
});

it('which token is for whom', async () => {
  const hub = 'https://huggingface.co';
  expect(await downloadToken(undefined, null, { HF_TOKEN: 'a' })).toBe('a');
  expect(await downloadToken(undefined, hub, { HF_TOKEN: 'a' })).toBe('a');
  expect(await downloadToken(undefined, 'https://mirror.example', { HF_TOKEN: 'a' })).toBeNull();
  expect(
    await downloadToken(undefined, 'https://mirror.example', { HEADLIGHT_HUB_TOKEN: 'b' }),
  ).toBe('b');
  expect(uploadToken({ HF_TOKEN: 'a', HEADLIGHT_HUB_TOKEN: 'b' })).toBe('b');
  expect(() => uploadToken({})).toThrow('needs a token');
});
