/** A training that was cut off is taken up as it was asked for, whatever the last whole run was made with. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Job } from '../../../src/base';
import type { TrainSettings } from '../../../src/engine';
import type { ProbeRun } from '../../../src/project';
import { App } from '../../../src/app/state/app.svelte';
import { Theme } from '../../../src/app/state/theme.svelte';
import { FakeEngine } from '../../helpers/fake-engine';
import { fakeShell } from '../../helpers/fake-shell';

/** Never comes to the end of the chosen encoder's training, as when the tab is killed meanwhile. */
class CutOff extends FakeEngine {
  override async *train(
    project: string,
    settings: TrainSettings,
    signal?: AbortSignal,
  ): Job<ProbeRun> {
    if (settings.encoder.id === 'instant') return yield* super.train(project, settings, signal);
    return new Promise<never>(() => undefined);
  }
}

let kept: Map<string, string>;

beforeEach(() => {
  kept = new Map();
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
    removeItem: (key: string) => kept.delete(key),
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
});

async function openPage(engine: FakeEngine): Promise<App> {
  const app = new App(engine, fakeShell(), new Theme(() => undefined));
  await app.start(null);
  return app;
}

const remembered = (): string[] =>
  [...kept.keys()].filter((key) => key.startsWith('headlight.unfinished.'));

it('opens with the encoder, features, device and probe of the training that was cut off', async () => {
  const engine = new CutOff();
  const app = await openPage(engine);
  await app.takeSample();
  app.encoders.setEmbed({ pooling: 'max' });
  app.encoders.setDevice('wasm');
  app.project?.training.setHead({ C: 3 });
  void app.train();
  // The first look is kept; then the tab is gone.
  await vi.waitFor(() => expect(app.project?.runs).toHaveLength(1));

  const again = await openPage(engine);
  expect(again.project?.runs).toHaveLength(1);
  expect(again.encoders.chosen?.info.reference.id).toBe('all-MiniLM-L6-v2');
  expect(again.encoders.embed?.pooling).toBe('max');
  expect(again.encoders.device).toBe('wasm');
  expect(again.project?.training.head.C).toBe(3);
  expect(again.project?.training.unfinished).toBe(true);
});

it('remembers nothing of a training that came to its end, and of a project that is deleted', async () => {
  const engine = new FakeEngine();
  const app = await openPage(engine);
  await app.takeSample();
  await app.train();
  expect(app.project?.training.unfinished).toBe(false);
  expect(remembered()).toEqual([]);

  const cutOff = await openPage(new CutOff());
  await cutOff.takeSample();
  const id = cutOff.project?.id ?? '';
  void cutOff.train();
  await vi.waitFor(() => expect(cutOff.project?.runs).toHaveLength(1));
  expect(remembered()).toEqual([`headlight.unfinished.${id}`]);
  await cutOff.delete(id);
  expect(remembered()).toEqual([]);
});

it.each([
  ['not JSON', '{'],
  ['of another shape', '{"encoder":"all-MiniLM-L6-v2"}'],
])('what is remembered but %s is of no use, and does no harm', async (_, text) => {
  const engine = new FakeEngine();
  const app = await openPage(engine);
  await app.takeSample();
  kept.set(`headlight.unfinished.${app.project?.id ?? ''}`, text);
  const again = await openPage(engine);
  expect(again.project?.id).toBe(app.project?.id);
  expect(again.project?.training.unfinished).toBe(false);
  expect(again.encoders.chosen?.info.reference.id).toBe('all-MiniLM-L6-v2');
});
