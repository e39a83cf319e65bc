/** What was asked of one run, or twice, never shows as the answer to something else. */
import { expect, it } from 'vitest';
import { Keep } from '../../../src/app/state/keep.svelte';
import { FilePrediction } from '../../../src/app/state/predict.svelte';
import { FullReport } from '../../../src/app/state/report.svelte';
import type { ExportKind } from '../../../src/engine';
import { FakeEngine } from '../../helpers/fake-engine';

/** Its files are ready when they are let go, each as large as its name is long. */
class Held extends FakeEngine {
  readonly waiting: (() => void)[] = [];
  readonly predicted: string[] = [];

  override async *export(_project: string, _run: string | null, kind: ExportKind) {
    yield { phase: '', done: 0, total: 1, unit: 'files', rate: null, secondsLeft: null };
    await new Promise<void>((resolve) => this.waiting.push(resolve));
    const bytes = new Uint8Array(kind.length);
    return { name: kind, mime: '', bytes, containsTexts: false };
  }

  override async *predictFile(
    _project: string,
    run: string,
  ): ReturnType<FakeEngine['predictFile']> {
    yield { phase: '', done: 0, total: 1, unit: 'rows', rate: null, secondsLeft: null };
    this.predicted.push(run);
    throw new Error('not looked at here');
  }

  override async runRows() {
    return { total: 0, rows: [] };
  }
}

it('the size of a file that was made of one run is not shown for the next', async () => {
  const engine = new Held();
  const keep = new Keep(engine, 'p');
  const made = keep.make('first', 'onnx');
  await expect.poll(() => engine.waiting.length).toBe(1);
  keep.reset();
  engine.waiting[0]?.();
  expect((await made)?.name).toBe('onnx');
  expect(keep.sizes).toEqual({});
  expect(keep.active).toBeNull();
});

it('a file that another one took the place of leaves that one marked as being made', async () => {
  const engine = new Held();
  const keep = new Keep(engine, 'p');
  const first = keep.make('r', 'onnx');
  await expect.poll(() => engine.waiting.length).toBe(1);
  const second = keep.make('r', 'head');
  engine.waiting[0]?.();
  await first;
  expect(keep.active).toBe('head');
  await expect.poll(() => engine.waiting.length).toBe(2);
  engine.waiting[1]?.();
  await second;
  expect(keep.active).toBeNull();
  expect(keep.sizes.head).toBe(4);
});

it('a file that was still being read when another run was shown is not predicted', async () => {
  const engine = new Held();
  const prediction = new FilePrediction(engine, 'p');
  const asked = prediction.predict('first', new File(['a,b\n1,2\n'], 'a.csv'), null);
  prediction.reset();
  await asked;
  expect(engine.predicted).toEqual([]);
  expect(prediction.name).toBeNull();
});

it('whoever asks for the full report while it is computed gets it, and it is computed once', async () => {
  const engine = new Held();
  const full = new FullReport(engine, 'p', 'r');
  const opened = full.open();
  await full.open();
  expect(full.report?.run).toBe('r');
  expect(full.mistakes).not.toBeNull();
  await opened;
});
