/** Layer studies in the page: what is asked by default, what is said of what came out, and what is never lost. */
import { describe, expect, it } from 'vitest';
import { Encoders } from '../../../src/app/state/encoders.svelte';
import { LayerStudyForm } from '../../../src/app/state/layers-form.svelte';
import { LayerStudies } from '../../../src/app/state/layers.svelte';
import { checkCost, paceOf, probesOf, studyCost } from '../../../src/app/steps/layers/cost';
import { curvePicture } from '../../../src/app/steps/layers/curve';
import { StudyCells, withInterval } from '../../../src/app/steps/layers/measures';
import {
  controlSaid,
  layersDiffer,
  overlap,
  untrainedSaid,
  wordsSaid,
} from '../../../src/app/steps/layers/said';
import { taken } from '../../../src/app/steps/layers/use-layer';
import type { DrawSummary, LayerStudy, LayerStudySettings } from '../../../src/engine';
import { finish } from '../../../src/base';
import { FakeEngine } from '../../helpers/fake-engine';
import { fakeStudy } from '../../helpers/fake-layers';

const REFERENCE = {
  source: 'shipped',
  id: 'all-MiniLM-L6-v2',
  revision: 'f'.repeat(64),
  precision: 'q8',
} as const;

const SETTINGS: LayerStudySettings = {
  models: [{ encoder: REFERENCE, maxTokens: null, layers: null }],
  poolings: ['mean', 'cls', 'max'],
  task: { kind: 'labels' },
  device: 'auto',
  family: { kind: 'linear' },
  repeats: { method: 'seeds', seeds: [0, 1, 2] },
  rows: 10_000,
  control: true,
  untrained: false,
  descriptionLength: false,
  variational: false,
  rankings: false,
  mix: false,
  alignment: false,
  capacity: false,
};

function summary(mean: number, half: number | null): DrawSummary {
  return { values: [mean], mean, interval: half === null ? null : [mean - half, mean + half] };
}

/** A study of one pooling whose layers have these test figures; the best by validation is the first highest. */
function studyOf(test: readonly number[], half: number | null): LayerStudy {
  const study = fakeStudy('s', { ...SETTINGS, poolings: ['mean'] }, test.length - 1);
  const cells = study.cells.map((cell) => ({
    ...cell,
    validation: summary(test[cell.layer] ?? 0, half),
    test: summary(test[cell.layer] ?? 0, half),
  }));
  return {
    ...study,
    cells,
    best: { model: 0, layer: test.indexOf(Math.max(...test)), pooling: 'mean' },
  };
}

async function formOf(): Promise<{ form: LayerStudyForm; encoders: Encoders; engine: FakeEngine }> {
  const engine = new FakeEngine();
  const encoders = new Encoders(engine);
  await encoders.load();
  const csv =
    'text,topic\n' +
    Array.from({ length: 40 }, (_, at) => `text ${at},${at % 2 === 0 ? 'a' : 'b'}`).join('\n');
  const view = await finish(
    engine.createProject([{ name: 'a.csv', bytes: new TextEncoder().encode(csv) }]),
  );
  return { form: new LayerStudyForm(encoders, () => view), encoders, engine };
}

describe('what is asked', () => {
  it('follows the chosen encoder and the labels until something is picked', async () => {
    const { form, encoders } = await formOf();
    expect(form.settings).toEqual(SETTINGS);
    const [, instant] = encoders.entries;
    if (instant === undefined) throw new Error('two encoders are there');
    encoders.choose(instant);
    expect(form.settings.models.map(({ encoder }) => encoder.id)).toEqual(['instant']);
    form.pickModel(instant, true);
    const [first] = encoders.entries;
    if (first !== undefined) encoders.choose(first);
    expect(form.settings.models.map(({ encoder }) => encoder.id)).toEqual(['instant']);
  });

  it('counts a static encoder as one cell, and refuses poolings that it does not have', async () => {
    const { form, encoders } = await formOf();
    const [, instant] = encoders.entries;
    if (instant === undefined) throw new Error('two encoders are there');
    form.pickModel(instant, true);
    expect(form.cells).toBe(7 * 3 + 1);
    form.pickPooling(['mean', 'cls', 'max', 'last'], 'mean', false);
    expect(form.problem).toContain('mean');
  });

  it('always has the embeddings and the last layer among every fourth', async () => {
    const { form, encoders } = await formOf();
    form.layerStep = 4;
    const [first] = encoders.entries;
    expect(first === undefined ? null : form.layersOf(first)).toEqual([0, 4, 6]);
  });

  it('does not start with numbers that cannot be used', async () => {
    const { form } = await formOf();
    form.draws = 0;
    expect(form.problem).toContain('1 to 20');
    form.draws = 3;
    form.method = 'folds';
    form.draws = 1;
    expect(form.problem).toContain('Folds');
    form.draws = 5;
    expect(form.problem).toBeNull();
    expect(form.settings.repeats).toEqual({ method: 'folds', folds: 5, seed: 0 });
  });
});

describe('what it takes, said before', () => {
  const shape = { cells: 21, draws: 3, lines: 3, checks: ['control'] } as const;

  it('counts probes: each check by what it adds', () => {
    expect(probesOf({ ...shape, checks: [] })).toBe(63);
    expect(probesOf(shape)).toBe(126);
    expect(probesOf({ ...shape, checks: ['untrained'] })).toBe(126);
    // The engine fits the control task of untrained cells too.
    expect(probesOf({ ...shape, checks: ['control', 'untrained'] })).toBe(252);
    expect(checkCost('untrained', shape, null)).toContain('126 more probes');
    expect(checkCost('control', { ...shape, checks: [] }, null)).toContain('63 more probes');
    expect(checkCost('control', shape, null)).toContain('63 more probes');
    expect(checkCost('rankings', shape, null)).toContain('Trains nothing');
  });

  it('says a time only when a study has shown the pace', () => {
    expect(studyCost(shape, 10_000, null)).not.toContain('About');
    const study = fakeStudy('s', SETTINGS);
    expect(paceOf(study)).toBeCloseTo(42 / 126, 6);
    expect(studyCost(shape, 10_000, paceOf(study))).toContain('About 42');
  });
});

describe('what is said of what came out', () => {
  it('tells layers apart only where their intervals do not meet', () => {
    expect(overlap([0.1, 0.2], [0.2, 0.3])).toBe(true);
    expect(overlap([0.1, 0.2], [0.21, 0.3])).toBe(false);
    expect(layersDiffer(new StudyCells(studyOf([0.5, 0.8, 0.7], 0.01))).text).toMatch(/^Yes/);
    expect(layersDiffer(new StudyCells(studyOf([0.79, 0.8, 0.78], 0.02))).text).toMatch(
      /all intervals .* overlap/,
    );
    const partly = layersDiffer(new StudyCells(studyOf([0.5, 0.8, 0.79, 0.6, 0.785], 0.01))).text;
    expect(partly).toContain('layers 2 and 4');
    expect(partly).toContain('the other 2');
    expect(layersDiffer(new StudyCells(studyOf([0.5, 0.8], null))).text).toContain('One draw');
  });

  it('does not call a layer out of reach that another one exceeds on test rows', () => {
    const study = studyOf([0.5, 0.9, 0.8], 0.01);
    const said = layersDiffer(
      new StudyCells({ ...study, best: { model: 0, layer: 2, pooling: 'mean' } }),
    ).text;
    expect(said).toContain('layer 1 lies above layer 2');
    expect(said).not.toContain('no other layer');
  });

  it('compares with the untrained encoder of the same model, not of another one', () => {
    const study = fakeStudy('s', { ...SETTINGS, untrained: true });
    const other = study.cells
      .filter(({ untrained }) => untrained)
      .map((cell) => ({
        ...cell,
        model: 1,
        validation: summary(0.999, 0),
        test: summary(0.999, 0),
      }));
    const both = { ...study, cells: [...study.cells, ...other] };
    expect(untrainedSaid(new StudyCells(both))).toEqual(untrainedSaid(new StudyCells(study)));
  });

  it('doubts a probe whose selectivity may be nothing', () => {
    const study = studyOf([0.5, 0.8], 0.01);
    const doubtful = {
      ...study,
      cells: study.cells.map((cell) => ({
        ...cell,
        control: summary(0.79, 0.01),
        selectivity: summary(0.01, 0.03),
      })),
    };
    // What a random label of a new text is cannot be learned by heart, that of a known word can.
    expect(controlSaid(new StudyCells(doubtful))?.text).toContain('found nothing');
    const words = { ...doubtful, task: { ...doubtful.task, words: true } };
    expect(controlSaid(new StudyCells(words))?.text).toContain('has learned by heart');
    expect(controlSaid(new StudyCells(study))?.text).toContain('better than random ones');
    // Of texts the control is weaker than of words: that is said.
    expect(controlSaid(new StudyCells(study))?.text).toContain('weaker check');
  });

  it('says when counted words are as good, and what training is worth', () => {
    const study = studyOf([0.5, 0.8], 0.01);
    const alike = { ...study, baselines: { ...study.baselines, words: summary(0.795, 0.01) } };
    expect(wordsSaid(new StudyCells(alike))?.text).toContain('the words alone');
    const less = { ...study, baselines: { ...study.baselines, words: summary(0.6, 0.01) } };
    expect(wordsSaid(new StudyCells(less))?.text).toContain('20.0 points above');
    const trained = new StudyCells(fakeStudy('s', { ...SETTINGS, untrained: true }));
    expect(untrainedSaid(new StudyCells(study))).toBeNull();
    expect(untrainedSaid(trained)?.text).toContain('Training the encoder is worth');
  });

  it('writes a figure with its interval, and none where one draw gives none', () => {
    expect(withInterval({ value: 0.824, interval: [0.809, 0.84] }, 'share')).toBe(
      '82.4\u00a0% (80.9–84.0\u00a0%)',
    );
    expect(withInterval({ value: 0.824, interval: null }, 'share')).toBe('82.4\u00a0%');
  });

  it('draws one line a pooling with the best in front, control and untrained beside it as quiet lines', () => {
    const study = fakeStudy('s', { ...SETTINGS, untrained: true });
    const cells = new StudyCells(study);
    const measure = cells.measures.find(({ name }) => name === 'test');
    if (measure === undefined) throw new Error('a study has test figures');
    const picture = curvePicture(cells, measure, { kind: 'model', model: 0 });
    expect(picture?.spec.lines.map(({ name, rank }) => [name, rank])).toEqual([
      ['untrained encoder', 'dashed'],
      ['random labels', 'dotted'],
      ['mean', 'first'],
      ['CLS', 'second'],
      ['max', 'third'],
    ]);
    expect(picture?.spec.lines[2]?.points).toHaveLength(7);
    expect(picture?.table.rows).toHaveLength(7);
    expect(picture?.spec.marks?.[0]?.x).toBe(study.best.layer);
  });
});

describe('what is never lost', () => {
  it('a study that was stopped goes on after a reload, and is shown', async () => {
    const { engine } = await formOf();
    engine.cellDelay = 1;
    const before = new LayerStudies(engine, 'p');
    const running = before.start(SETTINGS);
    while (before.work.progress === null) await new Promise((resolve) => setTimeout(resolve, 1));
    before.stop();
    expect(await running).toBe(false);
    expect(before.shown).toBeNull();
    const after = new LayerStudies(engine, 'p');
    await after.arrive();
    const waits = after.unfinished;
    expect(waits?.done).toBeLessThan(waits?.cells ?? 0);
    expect(await after.resume(waits?.id ?? '')).toBe(true);
    expect(after.shown?.id).toBe(waits?.id);
    expect(after.unfinished).toBeNull();
  });

  it('the newest finished study is shown again; deleting it takes it away', async () => {
    const { engine } = await formOf();
    await new LayerStudies(engine, 'p').start(SETTINGS);
    const layers = new LayerStudies(engine, 'p');
    await layers.arrive();
    expect(layers.shown?.task.name).toBe('topic');
    await layers.delete(layers.shown?.id ?? '');
    expect(layers.shown).toBeNull();
    expect(layers.studies).toEqual([]);
  });
});

describe('a study that a companion went on with', () => {
  it('is shown when it is here, in place of an older one', async () => {
    const { engine } = await formOf();
    const layers = new LayerStudies(engine, 'p');
    await layers.start(SETTINGS);
    const older = layers.shown?.id;
    await layers.brought();
    expect(layers.shown?.id).toBe(older);
    const elsewhere = new LayerStudies(engine, 'p');
    await elsewhere.start({ ...SETTINGS, control: !SETTINGS.control });
    expect(elsewhere.shown?.id).not.toBe(older);
    await layers.brought();
    expect(layers.shown?.id).toBe(elsewhere.shown?.id);
    expect(layers.studies).toHaveLength(2);
  });
});

describe('taking a layer', () => {
  it('sets encoder, layer, pooling and longest text in the step “Encoder”', async () => {
    const { encoders } = await formOf();
    const [, instant] = encoders.entries;
    if (instant !== undefined) encoders.choose(instant);
    const what = taken(encoders, fakeStudy('s', SETTINGS), { model: 0, layer: 4, pooling: 'max' });
    if (typeof what === 'string') throw new Error(what);
    what.take();
    expect(encoders.chosen?.info.name).toBe('all-MiniLM-L6-v2');
    expect(encoders.embed).toMatchObject({
      layer: 4,
      pooling: 'max',
      maxTokens: 256,
      normalize: false,
    });
    expect(encoders.embed?.layerWeights).toBeUndefined();
  });

  it('says why not where the encoder is gone, or a word’s vector is no text’s', async () => {
    const { encoders } = await formOf();
    const study = fakeStudy('s', SETTINGS);
    const gone = {
      ...study,
      models: study.models.map((model) => ({
        ...model,
        encoder: { ...model.encoder, id: 'gone' },
      })),
    };
    expect(taken(encoders, gone, { model: 0, layer: 4, pooling: 'max' })).toContain('not here');
    expect(taken(encoders, study, { model: 0, layer: 4, pooling: 'first' })).toContain('cannot');
  });
});
