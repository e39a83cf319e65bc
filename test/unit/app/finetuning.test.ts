import { beforeEach, describe, expect, it } from 'vitest';
import { HeadlightError, type CurvePoint } from '../../../src/base';
import { App } from '../../../src/app/state/app.svelte';
import { Curves } from '../../../src/app/state/curves.svelte';
import { Theme } from '../../../src/app/state/theme.svelte';
import { FINETUNE_DEFAULTS, parseFinetuneSettings, PRESETS } from '../../../src/learning/finetune';
import { FakeEngine } from '../../helpers/fake-engine';
import { fakeShell } from '../../helpers/fake-shell';

let engine: FakeEngine;
let app: App;

beforeEach(async () => {
  engine = new FakeEngine();
  app = new App(engine, fakeShell(), new Theme(() => undefined));
  await app.start(null);
  await app.takeSample();
});

function open(of = app) {
  if (of.project === null) throw new Error('no project is open');
  return of.project;
}

/** Waits until so many steps have been made. */
async function reaches(step: number): Promise<void> {
  await expect
    .poll(() => (open().finetuning.work.progress?.done ?? 0) >= step, { interval: 1 })
    .toBe(true);
}

function slow(): void {
  engine.finetuneOptions = { steps: 60, stepsAnEpoch: 20, delay: 2 };
}

describe('a fine-tune', () => {
  it('estimates first, goes on by itself when all is well, and ends in a run', async () => {
    await app.finetune('start');
    expect(engine.estimated).toHaveLength(1);
    expect(engine.finetuned).toHaveLength(1);
    expect(open().runs).toHaveLength(1);
    expect(app.isOpen('report')).toBe(true);
    expect(open().finetuning.unfinished).toBeNull();
  });

  it('waits when the estimate advises against it, and starts when asked again', async () => {
    engine.estimateAdvice = () => ['It will not fit.'];
    await app.finetune('start');
    expect(engine.finetuned).toHaveLength(0);
    expect(open().finetuning.warned).toBe(true);
    await app.finetune('start');
    expect(engine.estimated).toHaveLength(1);
    expect(engine.finetuned).toHaveLength(1);
  });

  it('forgets an estimate once a setting has changed', async () => {
    const { finetuning } = open();
    await finetuning.measure();
    expect(finetuning.estimate).not.toBeNull();
    finetuning.form.type('max_length', '64');
    expect(finetuning.estimate).toBeNull();
  });

  it('each fix changes the settings so that the estimate is another', async () => {
    const { form } = open().finetuning;
    expect(form.fixes.length).toBeGreaterThan(2);
    for (const fix of form.fixes) {
      const before = JSON.stringify(form.settings);
      form.set(fix.change);
      expect(JSON.stringify(form.settings), fix.label).not.toBe(before);
      expect(form.valid, fix.label).toBe(true);
    }
  });

  it('pairs come with all they need, and leave nothing behind', () => {
    const { form } = open().finetuning;
    const before = JSON.stringify(form.settings);
    form.setObjective('contrastive');
    expect(form.valid).toBe(true);
    expect(parseFinetuneSettings(form.settings)).toEqual(form.settings);
    expect(form.settings).toMatchObject({ objective: 'contrastive', head: 'mean', head_C: 1 });
    form.type('num_iterations', '5');
    expect(form.settings.num_iterations).toBe(5);
    form.type('num_iterations', '');
    expect(form.settings.num_iterations).toBeNull();
    form.setMethod('head');
    expect(form.problems['objective']).toContain('head alone');
    form.setMethod('full');
    form.set({ head: 'stock' });
    expect(form.problems['head']).toContain('mean');
    form.setObjective('classification');
    expect(form.valid).toBe(true);
    expect(parseFinetuneSettings(form.settings)).toEqual(form.settings);
    for (const name of ['objective', 'num_iterations', 'sampling_strategy', 'head_C'])
      expect(name in form.settings, name).toBe(false);
    form.choosePreset(PRESETS.find(({ name }) => name === 'few-labels'));
    expect(form.preset?.name).toBe('few-labels');
    form.choosePreset(PRESETS[0]);
    expect(JSON.stringify(form.settings)).toBe(before);
  });

  it('recommends pairs where there are few texts a class, and only there', () => {
    const { form } = open().finetuning;
    const { trainRows, classes } = form.bounds;
    expect(trainRows).toBeLessThanOrEqual(64 * classes);
    expect(form.recommended?.name).toBe('few-labels');
  });

  it('adding up gradients keeps the number of texts a step has', () => {
    const { form } = open().finetuning;
    const texts = () =>
      form.settings.per_device_train_batch_size * form.settings.gradient_accumulation_steps;
    const before = texts();
    const half = form.fixes.find(({ change }) => change.gradient_accumulation_steps !== undefined);
    form.set(half?.change ?? {});
    expect(texts()).toBe(before);
  });

  it('runs on the chosen encoder; an encoder without layers cannot be fine-tuned', () => {
    const { finetuning } = open();
    expect(finetuning.choice?.encoder.id).toBe('all-MiniLM-L6-v2');
    const { instant } = app.encoders;
    if (instant !== null) app.encoders.choose(instant);
    expect(finetuning.choice).toBeNull();
  });
});

describe('paused', () => {
  it('keeps a checkpoint with its curves, and resumes with the settings it was started with', async () => {
    slow();
    open().finetuning.form.type('seed', '7');
    const training = app.finetune('start');
    await reaches(25);
    open().finetuning.pause();
    await training;
    const { unfinished } = open().finetuning;
    expect(unfinished?.step).toBeGreaterThanOrEqual(25);
    expect(unfinished?.history).toHaveLength(unfinished?.step ?? 0);
    expect(open().runs).toHaveLength(0);
    expect(open().finetuning.work.error).toBeNull();

    open().finetuning.form.type('seed', '8');
    await app.finetune('resume');
    expect(engine.finetuned.map(({ from }) => from)).toEqual([0, unfinished?.step]);
    expect(engine.finetuned[1]?.choice.settings.seed).toBe(7);
    expect(open().finetuning.curves.points).toHaveLength(60);
    expect(open().runs).toHaveLength(1);
  });

  it('is found again when the project is opened anew, as after a killed tab', async () => {
    slow();
    const training = app.finetune('start');
    await reaches(25);
    open().finetuning.pause();
    await training;
    const again = new App(engine, fakeShell(), new Theme(() => undefined));
    await again.start(open().id);
    expect(open(again).way).toBe('finetune');
    expect(again.isOpen('train')).toBe(true);
    expect(open(again).finetuning.curves.points.length).toBeGreaterThanOrEqual(25);
    await again.finetune('resume');
    expect(open(again).runs).toHaveLength(1);
  });

  it('is discarded for good', async () => {
    slow();
    const training = app.finetune('start');
    await reaches(12);
    open().finetuning.pause();
    await training;
    await open().finetuning.discard();
    expect(open().finetuning.unfinished).toBeNull();
    expect(await engine.unfinishedFinetune(open().id)).toBeNull();
  });
});

describe('an unfinished one, after something else was chosen', () => {
  async function paused(): Promise<number> {
    slow();
    const training = app.finetune('start');
    await reaches(25);
    open().finetuning.pause();
    await training;
    return open().finetuning.unfinished?.step ?? NaN;
  }
  const named = () => open().finetuning.differences.map(({ setting }) => setting);
  const split = { method: 'stratified', testShare: 0.5, seed: 3 } as const;

  it('belongs to what is chosen as long as nothing was changed', async () => {
    await paused();
    expect(open().finetuning.differences).toEqual([]);
    await open().configure({ split });
    await open().configure({ split: open().finetuning.unfinished?.data.split ?? split });
    expect(open().finetuning.differences).toEqual([]);
  });

  it('says which settings differ, with both values', async () => {
    await paused();
    await open().configure({ split });
    expect(open().finetuning.differences).toEqual([
      {
        setting: 'Split',
        was: '20\u00a0% for the test, seed 0',
        now: '50\u00a0% for the test, seed 3',
      },
    ]);
    const { textColumn, label } = open().view.choice;
    const column = label?.kind === 'column' ? label.column : '';
    await open().configure({
      textColumn: column,
      label: { kind: 'column', column: textColumn ?? '' },
    });
    const { instant } = app.encoders;
    if (instant !== null) app.encoders.choose(instant);
    expect(named()).toEqual(['Column of texts', 'Labels', 'Split', 'Encoder']);
    expect(open().finetuning.differences.at(-1)?.was).toContain('all-MiniLM-L6-v2');
  });

  it('resumes with the settings it was begun with, at the step where it stopped', async () => {
    const step = await paused();
    const before = open().view.choice;
    await open().configure({ split });
    const { instant } = app.encoders;
    if (instant !== null) app.encoders.choose(instant);
    await app.finetune('resume');
    expect(open().view.choice).toEqual(before);
    expect(app.encoders.chosen?.info.reference.id).toBe('all-MiniLM-L6-v2');
    expect(engine.finetuned.map(({ from }) => from)).toEqual([0, step]);
    expect(open().runs[0]?.recipe.split).toEqual(before.split);
  });

  it('stays when the way back fails, and when another is asked to start', async () => {
    const step = await paused();
    await open().configure({ split });
    engine.failures.set('configureData', new HeadlightError('bad-file', 'The file is gone.'));
    await app.finetune('resume');
    await app.finetune('start');
    expect(engine.finetuned).toHaveLength(1);
    expect((await engine.unfinishedFinetune(open().id))?.step).toBe(step);
    expect(open().data.error?.code).toBe('bad-file');
  });

  it('is thrown away only on the person’s word, and the new one starts with what is chosen', async () => {
    await paused();
    await open().configure({ split });
    await app.finetune('anew');
    expect(engine.finetuned.map(({ from }) => from)).toEqual([0, 0]);
    expect(open().runs[0]?.recipe.split).toEqual(split);
    expect(open().finetuning.unfinished).toBeNull();
  });

  it('stays when it cannot be thrown away', async () => {
    const step = await paused();
    await open().configure({ split });
    engine.failures.set('discardFinetune', new HeadlightError('storage', 'The disk is gone.'));
    await app.finetune('anew');
    expect(engine.finetuned).toHaveLength(1);
    expect((await engine.unfinishedFinetune(open().id))?.step).toBe(step);
    expect(open().finetuning.looking.error?.code).toBe('storage');
  });
});

describe('stop and keep the best', () => {
  it('ends in a run of the best so far', async () => {
    slow();
    const training = app.finetune('start');
    await reaches(25);
    open().finetuning.stopAndKeep();
    await training;
    expect(open().runs).toHaveLength(1);
    expect(open().finetuning.unfinished).toBeNull();
    expect(engine.finetuned).toHaveLength(1);
  });

  it('keeps the best of a paused one as well', async () => {
    slow();
    const training = app.finetune('start');
    await reaches(25);
    open().finetuning.pause();
    await training;
    await app.finetune('keep');
    expect(open().runs).toHaveLength(1);
  });
});

describe('a failure', () => {
  it('says what happened, and offers the last checkpoint to go on from', async () => {
    engine.failAt = {
      step: 37,
      error: new HeadlightError('bad-setting', 'The loss is no number any more at step 37.', {
        hint: 'Lower learning_rate, then resume from step 30.',
      }),
    };
    await app.finetune('start');
    expect(open().finetuning.work.error?.message).toContain('step 37');
    expect(open().finetuning.unfinished?.step).toBe(30);
    await app.finetune('resume');
    expect(open().finetuning.work.error).toBeNull();
    expect(open().runs).toHaveLength(1);
  });

  it('of the estimate starts nothing', async () => {
    engine.failures.set('estimateFinetune', new HeadlightError('device', 'No memory.'));
    await app.finetune('start');
    expect(engine.finetuned).toHaveLength(0);
    expect(open().finetuning.estimating.error?.code).toBe('device');
  });
});

describe('settings', () => {
  it('start from the first preset', () => {
    const { form } = open().finetuning;
    expect(form.settings).toEqual({ ...FINETUNE_DEFAULTS, ...PRESETS[0]?.settings });
    expect(form.preset).toBe(PRESETS[0]);
  });

  it('of every preset can be used as they are, and the engine takes them', () => {
    const { form } = open().finetuning;
    for (const preset of PRESETS) {
      form.choosePreset(preset);
      expect(form.problems, preset.name).toEqual({});
      expect(form.preset).toBe(preset);
      expect(parseFinetuneSettings(form.settings)).toEqual(form.settings);
    }
  });

  it('a value that cannot be used is told at its field and stops the start, and the field keeps it', () => {
    const { form } = open().finetuning;
    form.type('learning_rate', 'fast');
    expect(form.problems['learning_rate']).toContain('no number');
    expect(form.textOf('learning_rate')).toBe('fast');
    expect(open().finetuning.choice).toBeNull();
    form.type('learning_rate', '3e-5');
    expect(form.problems).toEqual({});
    expect(form.settings.learning_rate).toBe(3e-5);
  });

  it.each([
    ['num_train_epochs', '0', 'above 0'],
    ['per_device_train_batch_size', '2.5', 'whole number'],
    ['max_length', '5000', 'to 512'],
    ['validation_share', '0.9', 'up to 0.5'],
    ['early_stopping_patience', '-1', 'or nothing'],
    ['max_steps', '0', 'No step'],
    ['warmup_steps', '2.5', 'whole number'],
  ] as const)('%s = %s: %s', (name, text, said) => {
    const { form } = open().finetuning;
    form.type(name, text);
    expect(form.problems[name]).toContain(said);
  });

  it('more rows than there are cannot be used', () => {
    const { form } = open().finetuning;
    form.type('train_rows', '1000000');
    expect(form.problems['train_rows']).toBeDefined();
    form.type('train_rows', '');
    expect(form.settings.train_rows).toBeNull();
    expect(form.valid).toBe(true);
  });

  it('keeping the best without evaluations is a contradiction, told where it is mended', () => {
    const { form } = open().finetuning;
    form.set({ eval_strategy: 'no', save_strategy: 'no', load_best_model_at_end: true });
    expect(Object.keys(form.problems)).toContain('load_best_model_at_end');
    form.set({ load_best_model_at_end: false });
    expect(form.valid).toBe(true);
  });

  it('adapters at the rate of a full fine-tune are warned about, and mended with one press', () => {
    const { form } = open().finetuning;
    expect(form.betterRate).toBeNull();
    form.setMethod('lora');
    expect(form.betterRate).toBe(5e-4);
    form.set({ learning_rate: form.betterRate ?? 0 });
    expect(form.betterRate).toBeNull();
  });

  it('a preset is in force until a setting changes, and leaves rows and seed alone', () => {
    const { form } = open().finetuning;
    const first = form.preset;
    expect(first).not.toBeNull();
    form.type('seed', '3');
    expect(form.preset).toBe(first);
    form.type('learning_rate', '0.001');
    expect(form.preset).toBeNull();
    form.choosePreset(first ?? undefined);
    expect(form.preset).toBe(first);
    expect(form.settings.seed).toBe(3);
  });

  it('adapters go beside layers that the chosen encoder has', () => {
    const { form } = open().finetuning;
    form.set({
      method: {
        name: 'lora',
        rank: 8,
        alpha: 16,
        dropout: 0,
        targets: ['q_lin', 'v_lin'],
        base: 'fp32',
      },
    });
    const { method } = form.settings;
    expect(method.name === 'lora' && method.targets).toEqual(['query', 'value']);
  });
});

describe('whether it is worth it', () => {
  it('is said after a probe of an encoder that can be fine-tuned, by itself', async () => {
    await app.train();
    await expect.poll(() => open().advice.value?.likely).toBe('yes');
  });

  it('is not asked after a probe of the instant encoder', async () => {
    const { instant } = app.encoders;
    if (instant !== null) app.encoders.choose(instant);
    await app.train();
    expect(open().advice.work.running).toBe(false);
    expect(open().advice.value).toBeNull();
  });

  it('is not said of another run than the one it was asked about', async () => {
    await app.train();
    await expect.poll(() => open().advice.value).not.toBeNull();
    const [newest, first] = open().runs;
    open().advice.turnTo(first ?? null);
    expect(open().advice.value).toBeNull();
    open().advice.turnTo(newest ?? null);
    expect(open().advice.value?.likely).toBe('yes');
  });
});

describe('curves', () => {
  const point = (step: number, loss: number): CurvePoint => ({
    step,
    epoch: 0,
    loss,
    learning_rate: null,
    grad_norm: null,
    evaluation: null,
  });
  const event = (...points: CurvePoint[]) => ({
    step: points.at(-1)?.step ?? 0,
    steps: 9,
    epoch: 0,
    epochs: 1,
    tokensPerSecond: null,
    points,
    bestStep: null,
    savedStep: null,
  });

  it('steps that are done again after a resume replace what was there', () => {
    const curves = new Curves();
    curves.start([point(1, 1), point(2, 0.9), point(3, 0.8)]);
    curves.add(event(point(2, 0.5)));
    curves.add(event(point(3, 0.4), point(4, 0.3)));
    curves.flush();
    expect(curves.points.map(({ step, loss }) => [step, loss])).toEqual([
      [1, 1],
      [2, 0.5],
      [3, 0.4],
      [4, 0.3],
    ]);
  });
});
