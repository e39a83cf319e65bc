/** Headlight on given rows: a probe, a fine-tune, contrastive learning; and without labels a teacher with its student. */
import { finish } from '../../src/base';
import {
  DEFAULT_LOGISTIC,
  FINETUNE_DEFAULTS,
  LABELLING_DEFAULTS,
  PRESETS,
  type Engine,
  type RunView,
} from '../../src/engine';
import type { FinetuneSettings } from '../../src/learning/finetune';
import type { LabelledClass, SimilarityTeacher } from '../../src/learning/labelling';
import type { EncoderInfo } from '../../src/models';
import { classFigures } from '../../src/project';
import { fileOf } from '../minilm';
import type { Measured } from './state';

export interface Paths {
  readonly train: string;
  readonly test: string;
}

export const WAYS = ['probe', 'fine-tune', 'quick pairs', 'contrastive'] as const;
export type Way = (typeof WAYS)[number];

/**
 * Quick pairs: how many of each kind a text, by labels a class. Fewer where there are many texts, so that a training
 * stays at minutes; the peer learns from as many.
 */
export const QUICK_ITERATIONS: Readonly<Record<number, number>> = { 8: 5, 16: 5, 32: 3, 64: 2 };

const PRESET: Readonly<Record<Exclude<Way, 'probe'>, string>> = {
  'fine-tune': 'few-rows',
  'quick pairs': 'few-labels-quick',
  contrastive: 'few-labels',
};

export async function measure(
  engine: Engine,
  { reference, defaults }: EncoderInfo,
  paths: Paths,
  way: Way,
  { seed, shots }: { readonly seed: number; readonly shots: number },
): Promise<Measured> {
  const started = performance.now();
  const project = await open(engine, paths);
  try {
    const { id, choice } = project;
    const label = { kind: 'column', column: 'label' } as const;
    await finish(engine.configureData(id, { ...choice, textColumn: 'text', label }));
    const run: RunView =
      way === 'probe'
        ? await finish(
            engine.train(id, {
              encoder: reference,
              embed: defaults,
              device: 'cpu',
              head: DEFAULT_LOGISTIC,
              baselines: false,
            }),
          )
        : await finish(
            engine.finetune(id, {
              encoder: reference,
              device: 'cpu',
              settings: { ...settingsOf(way, shots), seed },
              baselines: false,
            }),
          );
    return measured(run, started);
  } finally {
    await engine.deleteProject(project.id);
  }
}

export interface WithoutLabels {
  readonly teacher: Measured;
  readonly student: Measured;
}

/** Every row is labelled by the similarity teacher; nobody looks at the labels of the training rows. */
export async function measureUnlabelled(
  engine: Engine,
  { reference, defaults }: EncoderInfo,
  paths: Paths,
  classes: readonly LabelledClass[],
): Promise<WithoutLabels> {
  const started = performance.now();
  const project = await open(engine, paths);
  try {
    const { id, choice } = project;
    const teacher: SimilarityTeacher = {
      kind: 'similarity',
      encoder: reference,
      temperature: 0.05,
      max_length: 128,
    };
    await finish(
      engine.configureData(id, {
        ...choice,
        textColumn: 'text',
        label: {
          kind: 'made',
          classes: classes.map(({ name }) => name),
          several: false,
          truth: 'label',
          names: {},
        },
      }),
    );
    await engine.configureLabelling(id, {
      ...LABELLING_DEFAULTS,
      classes,
      several: false,
      teachers: [teacher],
    });
    await finish(engine.runTeacher(id, 0, 'cpu'));
    const run = await finish(
      engine.train(id, {
        encoder: reference,
        embed: defaults,
        device: 'cpu',
        head: DEFAULT_LOGISTIC,
        baselines: false,
      }),
    );
    const found = run.record.teacher;
    if (found === undefined) throw new Error('The run says nothing of its teacher.');
    const student = measured(run, started);
    return { student, teacher: { ...student, accuracy: found.value, macro_f1: null } };
  } finally {
    await engine.deleteProject(project.id);
  }
}

async function open(engine: Engine, { train, test }: Paths) {
  const view = await finish(
    engine.createProject([await fileOf(train, 'train.csv'), await fileOf(test, 'test.csv')]),
  );
  return {
    ...view,
    choice: {
      ...view.choice,
      files: { 'train.csv': 'train', 'test.csv': 'test' } as const,
      split: { method: 'files' } as const,
    },
  };
}

function measured({ record }: RunView, started: number): Measured {
  const { test } = classFigures(record);
  return {
    accuracy: test.accuracy,
    macro_f1: test.f1_macro,
    seconds: (performance.now() - started) / 1000,
    train_rows: record.split.train_rows,
    test_rows: record.split.test_rows,
  };
}

function settingsOf(way: Exclude<Way, 'probe'>, shots: number): FinetuneSettings {
  const name = PRESET[way];
  const preset = PRESETS.find((one) => one.name === name);
  if (preset === undefined) throw new Error(`There is no preset ${name}.`);
  const settings = { ...FINETUNE_DEFAULTS, ...preset.settings };
  const iterations = way === 'quick pairs' ? QUICK_ITERATIONS[shots] : undefined;
  return iterations === undefined ? settings : { ...settings, num_iterations: iterations };
}
