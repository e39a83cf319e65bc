/** Promise: `headlight models` fetches, lists, checks and removes what is kept, as a person runs it. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { createProgram } from '../../../companion/program';
import { toHeadlightError } from '../../../src/base';
import { runHeadlight, type CommandResult } from '../../helpers/command';
import { startHubServer, type HubServer } from '../../helpers/hub-server';
import { temporaryFolder } from '../../helpers/temporary-folder';
import { tinyModelFiles } from '../../helpers/tiny-model';

const COMMIT = 'a1'.repeat(20);
const ID = 'lab/tiny-bert';
const WEIGHTS = 'model.safetensors';
const files = tinyModelFiles({ seed: 1 });
const weights = files.find(({ name }) => name === WEIGHTS)?.bytes ?? new Uint8Array();

let hub: HubServer;
let folder: string;
/** A process of its own, as for a person. */
const inProcess = (args: readonly string[]): Promise<CommandResult> =>
  runHeadlight(folder, ['models', ...args], undefined, { HEADLIGHT_MODEL_HOST: hub.host });

/** The same command without the seconds that a process takes to start. */
async function models(args: readonly string[], interruptAt?: RegExp): Promise<CommandResult> {
  let [stdout, stderr, code] = ['', '', 0];
  let interrupted = false;
  const out = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    stdout += String(text);
    return true;
  });
  const err = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    stderr += String(text);
    if (!interrupted && interruptAt?.test(stderr) === true) {
      interrupted = true;
      setTimeout(() => process.emit('SIGINT'), 200);
    }
    return true;
  });
  try {
    await createProgram().parseAsync(['node', 'headlight', 'models', ...args]);
  } catch (error) {
    const { code: kind, message, hint } = toHeadlightError(error);
    stderr += `${message}\n${hint ?? ''}\n`;
    code = kind === 'aborted' ? 130 : 1;
  } finally {
    out.mockRestore();
    err.mockRestore();
    process.removeAllListeners('SIGINT');
    process.removeAllListeners('SIGTERM');
  }
  return { code, stdout, stderr };
}
const asked = () =>
  hub.requests.filter(({ path }) => path.startsWith('/lfs/') && path.endsWith(WEIGHTS));

beforeAll(async () => {
  folder = await temporaryFolder();
  hub = await startHubServer();
  hub.put({ id: ID, commit: COMMIT, files, licence: 'mit' });
  vi.stubEnv('HEADLIGHT_HOME', join(folder, 'home'));
  vi.stubEnv('HEADLIGHT_MODEL_HOST', hub.host);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await hub.close();
});

test('a model is planned, stopped, gone on with, listed, damaged, checked, mended, removed', async () => {
  expect((await models(['list'])).stdout).toMatch(
    /^No models are kept here\. Get one with: npx headlight models fetch/,
  );

  const plan = await models(['fetch', ID, '--plan']);
  expect(plan.stdout).toMatch(/^config\.json +\d+ kB$/m);
  expect(plan.stdout).toMatch(
    new RegExp(`^${ID}@${COMMIT}: 1\\d\\d kB, 0 kB of it here, [\\d.]+ GB free$`, 'm'),
  );

  // The line is slow, and the person presses Ctrl-C in the middle of the weights.
  hub.behave(WEIGHTS, ({ bytes, etag, start, response }) => {
    const from = start ?? 0;
    response.writeHead(start === null ? 200 : 206, {
      etag,
      'content-length': bytes.length - from,
      ...(start === null
        ? {}
        : { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
    });
    response.write(bytes.subarray(from, from + 50_000));
  });
  const stopped = await models(['fetch', ID], /model\.safetensors/);
  expect(stopped.code).toBe(130);
  expect(stopped.stderr).toMatch(/What was done so far is kept/);
  const unfinished = await models(['list']);
  expect(unfinished.stdout).toMatch(
    /^lab\/tiny-bert +a1a1a1a1a1a1 +\d+ kB of 1\d\d kB +not whole, for fp32 +used 2\d\d\d-/,
  );
  expect((await models(['check'])).stdout).toMatch(/not whole, not checked/);

  hub.behave(WEIGHTS, null);
  hub.requests.length = 0;
  const fetched = await models(['fetch', `${ID}@main`]);
  expect(fetched).toMatchObject({ code: 0, stdout: `${ID}@${COMMIT}\n` });
  expect(asked().map(({ range }) => range)).toEqual(['bytes=50000-']);

  const listed = await models(['list', '--json']);
  expect(JSON.parse(listed.stdout)).toMatchObject([
    { source: 'hub', id: ID, revision: COMMIT, state: 'whole', licence: 'mit' },
  ]);
  expect((await models(['check', ID])).stdout).toMatch(
    /lab\/tiny-bert a1a1a1a1a1a1: \d files, each is what was kept/,
  );

  // A bit of the disk flips.
  const parts = join(
    folder,
    'home/models/hub+/lab+/tiny-bert+',
    `${COMMIT}+/parts+`,
    `${WEIGHTS}+`,
  );
  const [piece = ''] = await readdir(parts);
  const bytes = await readFile(join(parts, piece));
  bytes[100] = (bytes[100] ?? 0) ^ 1;
  await writeFile(join(parts, piece), bytes);
  const check = await models(['check']);
  expect(check.code).toBe(1);
  expect(check.stdout).toMatch(/lab\/tiny-bert a1a1a1a1a1a1: damaged: model\.safetensors/);
  expect(check.stderr).toMatch(/npx headlight models fetch gets what is damaged again/);
  const mended = await models(['fetch', ID]);
  expect(mended.code).toBe(0);
  expect(mended.stderr).toMatch(/model\.safetensors is not what was kept\. It is fetched again/);
  expect((await models(['check', '--quiet'])).code).toBe(0);

  const wrong = await models(['remove', 'lab/other']);
  expect(wrong.code).toBe(1);
  expect(wrong.stderr).toMatch(/lab\/other is not kept here[^]*These are: lab\/tiny-bert/);
  expect((await models(['remove', ID])).stdout).toMatch(
    /^lab\/tiny-bert a1a1a1a1a1a1 is removed: 1\d\d kB/,
  );
  expect((await models(['list', '--json'])).stdout).toBe('[]\n');
  expect(await readdir(join(folder, 'home/models'))).toEqual([]);
});

test('two processes that want one model download it once', async () => {
  hub.requests.length = 0;
  let open: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  hub.behave(WEIGHTS, ({ usual }) => void gate.then(usual));
  const one = inProcess(['fetch', ID]);
  while (asked().length === 0) await new Promise((resolve) => setTimeout(resolve, 50));
  const two = inProcess(['fetch', ID]);
  // The second one has found the first once it has asked which files there are, and a moment more.
  while (hub.requests.filter(({ path }) => path.startsWith('/api/')).length < 2)
    await new Promise((resolve) => setTimeout(resolve, 50));
  setTimeout(open, 1000);
  const [first, second] = await Promise.all([one, two]);
  expect([first.code, second.code]).toEqual([0, 0]);
  expect(second.stderr).toMatch(/downloaded already, in another tab or program/);
  expect(asked()).toHaveLength(1);
  expect(weights.length).toBeGreaterThan(100_000);
});
