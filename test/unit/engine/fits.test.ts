/** Whether a model fits a device is said before it is downloaded, with the reason and what would fit. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { deviceRoom, memoryNeed, modelFit, type About, type DeviceRoom } from '../../../src/engine';
import type { CatalogueModel, HubCatalogue } from '../../../src/models';

const path = join(import.meta.dirname, '../../../public/models/hub.json');
const { models } = JSON.parse(readFileSync(path, 'utf8')) as HubCatalogue;

function model(id: string): CatalogueModel {
  const found = models.find((one) => one.id === id);
  if (found === undefined) throw new Error(id);
  return found;
}

const GB = 2 ** 30;
const PAGE: DeviceRoom = {
  freeBytes: 60e9,
  memoryBytes: 16 * GB,
  heapBytes: 4 * GB,
  bufferBytes: null,
};
const NODE: DeviceRoom = {
  freeBytes: null,
  memoryBytes: 64 * GB,
  heapBytes: null,
  bufferBytes: null,
};
const minilm = model('sentence-transformers/all-MiniLM-L6-v2');
const large = model('FacebookAI/xlm-roberta-large');
const neo = model('EleutherAI/gpt-neo-1.3B');

test('a small model fits a page for everything', () => {
  expect(modelFit(minilm, 'fp32', PAGE)).toEqual({
    need: memoryNeed(minilm, 'fp32'),
    probe: { verdict: 'fits', reason: '' },
    lora: { verdict: 'fits', reason: '' },
    full: { verdict: 'fits', reason: '' },
    instead: null,
    companion: false,
  });
});

test('training all weights takes the most, LoRA less, embedding the least beside the weights', () => {
  for (const one of models) {
    const need = memoryNeed(one, 'fp32');
    expect(need.lora).toBeLessThan(need.full);
    expect(memoryNeed(one, 'q8').embed).toBeLessThan(need.embed);
  }
});

test('BERT large: all of it does not train in a page, LoRA may', () => {
  const fit = modelFit(model('google-bert/bert-large-uncased'), 'q8', PAGE);
  expect(fit.probe.verdict).toBe('fits');
  expect(fit.lora.verdict).not.toBe('no');
  expect(fit.full).toEqual({
    verdict: 'no',
    reason: expect.stringMatching(
      /^It needs about 1\d\.\d GB; a page’s WASM has 4\.3 GB\.$/,
    ) as string,
  });
});

test('LoRA that does not fit over 32-bit weights says what it needs over 8-bit ones', () => {
  const fit = modelFit(model('FacebookAI/roberta-large'), 'fp32', PAGE);
  expect(fit.lora.verdict).toBe('tight');
  expect(fit.lora.reason).toMatch(
    /^It needs about 4\.4 GB; a page’s WASM has 4\.3 GB\. Over 8-bit weights it needs about 2\.3 GB\.$/,
  );
});

test('what is too large in 32 bits says in which precision it would fit', () => {
  const fit = modelFit(large, 'fp32', { ...PAGE, heapBytes: 2 * GB });
  expect(fit.probe).toEqual({
    verdict: 'no',
    reason: 'It needs 2.5 GB; a page’s WASM has 2.1 GB.',
  });
  expect(fit.instead).toBe('fp16');
  expect(fit.companion).toBe(false);
});

test('what fits the page in no precision is for the command line', () => {
  const fit = modelFit(large, 'fp32', { ...PAGE, heapBytes: GB / 4 });
  expect(fit.instead).toBeNull();
  expect(fit.companion).toBe(true);
  expect(modelFit(large, 'fp32', NODE).probe.verdict).toBe('fits');
});

test('what cannot be read at all is promised to nobody', () => {
  const fit = modelFit(neo, 'q8', PAGE);
  expect(fit.probe.reason).toBe('Its one file has 5.3 GB; at most 4.3 GB can be read at once.');
  expect(fit).toMatchObject({ instead: null, companion: false });
});

test('a full disk says what is missing; no other precision helps, since the same file is downloaded', () => {
  const fit = modelFit(model('FacebookAI/roberta-base'), 'fp32', { ...PAGE, freeBytes: 100e6 });
  expect(fit.probe).toEqual({
    verdict: 'no',
    reason: 'About 499 MB to keep, and this browser lets the page have 100 MB more.',
  });
  expect(fit.instead).toBeNull();
});

test('a small device is warned, not refused', () => {
  const fit = modelFit(model('FacebookAI/roberta-base'), 'fp32', { ...PAGE, memoryBytes: GB });
  expect(fit.probe.verdict).toBe('tight');
  expect(fit.probe.reason).toMatch(/this device has 1 GB or more/);
});

test('a table that is larger than the GPU’s buffers is said', () => {
  const multilingual = model('FacebookAI/xlm-roberta-base');
  const fit = modelFit(multilingual, 'fp32', { ...PAGE, bufferBytes: 2 ** 28 });
  expect(fit.probe.reason).toMatch(/768 MB, more than this GPU’s buffers \(268 MB\)/);
  expect(modelFit(multilingual, 'fp32', { ...PAGE, bufferBytes: 2 ** 31 }).probe.reason).toBe('');
});

test('what the device has is read off what the engine says of itself', () => {
  const about: About = {
    versions: {},
    devices: [
      { device: 'webgpu', label: 'GPU', threads: null, maxBufferBytes: 5 },
      { device: 'wasm', label: 'WASM', threads: 2 },
    ],
    tensorBackends: [],
    storage: { usageBytes: 30, quotaBytes: 100, persisted: false },
    memoryBytes: 8 * GB,
  };
  expect(deviceRoom(about)).toEqual({
    freeBytes: 70,
    memoryBytes: 8 * GB,
    heapBytes: 4 * GB,
    bufferBytes: 5,
  });
  const emulated = {
    device: 'webgpu',
    label: 'GPU',
    threads: null,
    emulated: true,
    maxBufferBytes: 5,
  } as const;
  expect(deviceRoom({ ...about, storage: null, devices: [emulated] })).toMatchObject({
    freeBytes: null,
    heapBytes: null,
    bufferBytes: null,
  });
});
