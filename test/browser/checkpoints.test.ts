/**
 * Promise: in the page, too, a model comes as pytorch_model.bin, whole or in parts; and a file that asks to run
 * something is refused by what it asks for.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { archiveOf, checkpointFile, op, statePickle } from '../helpers/checkpoint-files';
import type { PageDriver } from '../helpers/page-driver';
import { look, PageScene } from '../helpers/page-scene';
import { tinyModelFiles } from '../helpers/tiny-model';

const scene = PageScene.ofThisFile('checkpoints');
const config = new URL('../reference/encoders/bert.config.json', import.meta.url);
const common = [
  { name: 'config.json', bytes: new Uint8Array(readFileSync(config)) },
  ...tinyModelFiles().filter(({ name }) => name.startsWith('tokenizer')),
];
const INDEX = 'pytorch_model.bin.index.json';
const parts = ['00001', '00002', '00003'].map((part) => `pytorch_model-${part}-of-00003.bin`);

async function pick(driver: PageDriver, paths: readonly string[]): Promise<void> {
  const input = await driver.page.waitForSelector(
    'input[data-testid="encoder-file-input"]:not(:disabled)',
  );
  await input?.uploadFile(...paths);
}

test('parts of a pytorch_model.bin: a missing one is named, all of them are an encoder', async () => {
  const { driver, context } = await scene.device();
  const named = (name: string) => ({ name, bytes: checkpointFile(`bert-${name}`) });
  const paths = await scene.folder('parts', [...common, ...[INDEX, ...parts].map(named)]);
  await driver.trySample();
  await driver.unfold('encoder');
  await driver.openDetails('bring');
  await pick(
    driver,
    paths.filter((path) => !path.includes('00002-of')),
  );
  await driver.page.waitForSelector('[data-testid="error"]');
  expect(await driver.text('error')).toContain('pytorch_model-00002-of-00003.bin');
  await pick(
    driver,
    paths.filter((path) => path.includes('00002-of')),
  );
  await driver.see('encoder-picked files');
  await context.close();
});

test('a pickle with code is refused by what it asks for, and nothing is kept', async () => {
  const { driver, context } = await scene.device();
  const code = [
    ...op.global('os', 'system'),
    ...op.mark,
    ...op.text('echo'),
    ...op.tuple,
    ...op.call,
  ];
  const bytes = archiveOf(statePickle(code));
  const paths = await scene.folder('code', [...common, { name: 'pytorch_model.bin', bytes }]);
  await driver.trySample();
  await driver.unfold('encoder');
  await driver.openDetails('bring');
  await pick(driver, paths);
  await driver.page.waitForSelector('[data-testid="error"]');
  expect(await driver.text('error')).toContain('asks to run os.system');
  expect(await look(driver.page, 'checkpoint-code', { within: '[data-testid="bring"]' })).toEqual(
    [],
  );
  expect(await driver.isThere('encoder-picked files')).toBe(false);
  await context.close();
});
