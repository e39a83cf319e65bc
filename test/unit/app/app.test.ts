import { beforeEach, describe, expect, it } from 'vitest';
import { HeadlightError } from '../../../src/base';
import { DEFAULT_LOGISTIC, DEFAULT_MLP } from '../../../src/learning/heads/types';
import { App } from '../../../src/app/state/app.svelte';
import { isFirstLook } from '../../../src/app/state/runs-alike';
import { Theme } from '../../../src/app/state/theme.svelte';
import { FakeEngine } from '../../helpers/fake-engine';
import { fakeShell, sampleCsv } from '../../helpers/fake-shell';

let engine: FakeEngine;
let app: App;

beforeEach(async () => {
  engine = new FakeEngine();
  app = new App(engine, fakeShell(), new Theme(() => undefined));
  await app.start(null);
});

function csv(name: string, rows = 60): File {
  return new File([sampleCsv(rows)], name);
}

/** The open project, which a test has made. */
function open() {
  if (app.project === null) throw new Error('no project is open');
  return app.project;
}

describe('from a file to a report', () => {
  it('reads a dropped file, and has every choice made before anything is asked', async () => {
    await app.take([csv('inbox.csv')]);
    expect(open().view.choice).toMatchObject({
      textColumn: 'text',
      label: { kind: 'column', column: 'topic' },
    });
    expect(app.encoders.chosen?.info.reference.id).toBe('all-MiniLM-L6-v2');
    expect(['data', 'encoder', 'train'].every((step) => app.isOpen(step as 'data'))).toBe(true);
  });

  it('takes a train and a test file together', async () => {
    await app.take([csv('train.csv'), csv('test.csv', 30)]);
    expect(open().view.choice).toMatchObject({
      files: { 'train.csv': 'train', 'test.csv': 'test' },
    });
  });

  it('shows the instant encoder’s result first, then the chosen one’s beside it', async () => {
    await app.takeSample();
    await app.train();
    expect(engine.trained.map(({ encoder }) => encoder.id)).toEqual([
      'instant',
      'all-MiniLM-L6-v2',
    ]);
    const { run, instant, runs } = open();
    expect(runs).toHaveLength(2);
    expect(run === null ? null : isFirstLook(run)).toBe(false);
    expect(instant?.recipe.encoder.id).toBe('instant');
    expect(app.isOpen('report')).toBe(true);
    expect(app.isOpen('data')).toBe(false);
  });

  it('does not take the first look twice at the same question, but does after the data changed', async () => {
    await app.takeSample();
    await app.train();
    await app.train();
    expect(engine.trained.filter(({ encoder }) => encoder.id === 'instant')).toHaveLength(1);
    await open().configure({ split: { method: 'stratified', testShare: 0.2, seed: 7 } });
    expect(open().outdated).toBe(true);
    await app.train();
    expect(engine.trained.filter(({ encoder }) => encoder.id === 'instant')).toHaveLength(2);
    expect(open().outdated).toBe(false);
    expect(open().comparable).toHaveLength(2);
  });

  it('trains the instant encoder once when it is the chosen one', async () => {
    await app.takeSample();
    const { instant } = app.encoders;
    if (instant !== null) app.encoders.choose(instant);
    await app.train();
    expect(engine.trained.map(({ encoder }) => encoder.id)).toEqual(['instant']);
  });

  it('a stop during the first look stops the whole training, without an error', async () => {
    await app.takeSample();
    const training = app.train();
    await new Promise((resolve) => setTimeout(resolve, 3));
    open().training.stop();
    await training;
    expect(engine.trained).toHaveLength(1);
    expect(open().training.work.error).toBeNull();
    expect(open().training.work.stopped).toBe(true);
    expect(open().training.running).toBe(false);
  });

  it('trains with scikit-learn’s settings unless told otherwise', async () => {
    await app.takeSample();
    expect(open().training.mlp).toEqual(DEFAULT_MLP);
    await app.train();
    expect(engine.trained.map(({ head }) => head)).toEqual([DEFAULT_LOGISTIC, DEFAULT_LOGISTIC]);
  });
});

describe('what goes wrong', () => {
  it('stays in the step where it happened, and loses nothing else', async () => {
    await app.takeSample();
    await app.train();
    engine.failures.set(
      'train',
      new HeadlightError('storage-full', 'No room.', { hint: 'Free some.' }),
    );
    await app.train();
    expect(open().training.work.error?.code).toBe('storage-full');
    expect(open().runs).toHaveLength(2);
    expect(app.opening.error).toBeNull();
  });

  it('a file that cannot be used leaves the page as it was, and says why', async () => {
    await app.take([new File(['just one column\nmore'], 'bad.csv')]);
    expect(app.project).toBeNull();
    expect(app.opening.error?.code).toBe('bad-table');
    expect(app.opening.error?.hint).not.toBeNull();
  });

  it('a choice that cannot be learned from is told, and mended by the next', async () => {
    await app.takeSample();
    await open().configure({ label: { kind: 'column', column: 'text' } });
    expect(open().view.summary).toBeNull();
    expect(open().view.problem?.hint).toBe('Choose two different columns.');
    await open().configure({ label: { kind: 'column', column: 'topic' } });
    expect(open().view.summary?.classes).toHaveLength(5);
  });
});

describe('projects', () => {
  it('opening one again shows its newest run, with what it was made with', async () => {
    await app.takeSample();
    open().training.setHead({ C: 3, class_weight: 'balanced' });
    app.encoders.setEmbed({ pooling: 'max' });
    await app.train();
    const id = open().id;
    const newest = open().run?.id;
    const again = new App(engine, fakeShell(), new Theme(() => undefined));
    await again.start(id);
    expect(again.project?.run?.id).toBe(newest);
    expect(again.project?.training.head).toMatchObject({ C: 3, class_weight: 'balanced' });
    expect(again.encoders.embed?.pooling).toBe('max');
    expect(again.isOpen('report')).toBe(true);
  });

  it('open with the hidden layer they were trained with; the other head keeps its settings', async () => {
    await app.takeSample();
    open().training.setHead({ C: 3 });
    open().training.chooseHead('mlp');
    open().training.setMlp({ hidden: 32, early_stopping: false });
    open().training.setBaselines(false);
    await app.train();
    expect(engine.trained.at(-1)).toMatchObject({
      head: { type: 'mlp', hidden: 32, early_stopping: false },
      baselines: false,
    });
    const again = new App(engine, fakeShell(), new Theme(() => undefined));
    await again.start(open().id);
    const training = again.project?.training;
    expect(training?.kind).toBe('mlp');
    expect(training?.mlp).toEqual({ ...DEFAULT_MLP, hidden: 32, early_stopping: false });
    training?.chooseHead('logistic_regression');
    expect(training?.chosenHead.type).toBe('logistic_regression');
  });

  it('are listed, renamed and deleted', async () => {
    await app.take([csv('one.csv')]);
    await app.take([csv('two.csv')]);
    expect(app.projects.map(({ name }) => name)).toEqual(['two', 'one']);
    await app.rename(open().id, ' second ');
    expect(open().view.name).toBe('second');
    await app.delete(open().id);
    expect(app.project).toBeNull();
    expect(app.projects.map(({ name }) => name)).toEqual(['one']);
  });

  it('are all gone after “forget everything”', async () => {
    await app.takeSample();
    expect(await app.forgetEverything()).toBe(true);
    expect(app.project).toBeNull();
    expect(app.projects).toHaveLength(0);
  });
});

describe('what has left this device', () => {
  it('counts the page’s requests and the workers’', async () => {
    const before = app.egress.total;
    await app.egress.count();
    expect(app.egress.page.length).toBeGreaterThan(0);
    expect(app.egress.total).toBe(before + 1);
    expect(app.egress.own).toBe(app.egress.total);
    expect(app.egress.others).toEqual([]);
  });
});
