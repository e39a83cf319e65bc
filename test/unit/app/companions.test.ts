import { beforeEach, describe, expect, it } from 'vitest';
import { HeadlightError, ProgressMeter, type Job } from '../../../src/base';
import { App } from '../../../src/app/state/app.svelte';
import { hashOf, isCompanionLink, projectInHash } from '../../../src/app/state/address';
import { machineSaid } from '../../../src/app/state/companions.svelte';
import { LayerStudyForm } from '../../../src/app/state/layers-form.svelte';
import { LayerStudies } from '../../../src/app/state/layers.svelte';
import { Theme } from '../../../src/app/state/theme.svelte';
import type { CompanionJob, EncoderEntry, ProjectView } from '../../../src/engine';
import { FAKE_COMPANION } from '../../helpers/fake-companions';
import { ENCODERS, FakeEngine } from '../../helpers/fake-engine';
import { fakeShell } from '../../helpers/fake-shell';

const LINK = 'http://localhost:5273/#companion=token';

let engine: FakeEngine;
let app: App;

beforeEach(() => {
  engine = new FakeEngine();
  app = new App(engine, fakeShell(), new Theme(() => undefined));
});

function open() {
  if (app.project === null) throw new Error('no project is open');
  return app.project;
}
function chosen() {
  const { chosen: entry } = app.encoders;
  if (entry === null) throw new Error('no encoder is chosen');
  return entry.info.reference;
}
function job(change: Partial<CompanionJob>): CompanionJob {
  return {
    id: 'job-1',
    companion: FAKE_COMPANION.id,
    method: 'finetune',
    title: 'Fine-tuning',
    isOwn: true,
    project: open().id,
    state: 'running',
    position: null,
    share: 0.5,
    secondsLeft: 60,
    submitted: 1,
    ...change,
  };
}
async function* reading(view: ProjectView): Job<ProjectView> {
  yield new ProgressMeter('Reading the files', 'files', 1).at(1);
  return Promise.resolve(view);
}
async function eventually(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 200 && !holds(); turn++) await new Promise((go) => setTimeout(go, 2));
  expect(holds()).toBe(true);
}

describe('connecting', () => {
  it('by the link of the page’s address, at once', async () => {
    await app.start(null, LINK);
    expect(app.companions.all.map(({ name }) => name)).toEqual(['lab-4']);
    expect(app.companions.open).toBe(true);
  });

  it('by a pasted link; what is wrong with one is said, and nothing is connected', async () => {
    await app.start(null);
    expect(await app.connectCompanion('https://example.org')).toBe(false);
    expect(app.companions.connecting.error?.code).toBe('bad-setting');
    engine.connectFailure = new HeadlightError('refused', 'This link was used before.');
    expect(await app.connectCompanion(LINK)).toBe(false);
    expect(app.companions.connecting.error?.message).toBe('This link was used before.');
    expect(await app.connectCompanion(` ${LINK} `)).toBe(true);
    expect(app.companions.connecting.error).toBeNull();
  });

  it('a link is no project, and a project no link', () => {
    expect(isCompanionLink('#companion=abc')).toBe(true);
    expect(projectInHash('#companion=abc')).toBeNull();
    expect(isCompanionLink(hashOf('companion=abc'))).toBe(false);
  });

  it('says where it is the companion that serves the page', async () => {
    await app.start(null, LINK);
    expect(app.companions.server).toBeNull();
    const shell = { ...fakeShell(), host: 'localhost:5273' };
    const there = new App(engine, shell, new Theme(() => undefined));
    await there.start(null);
    expect(there.companions.server?.name).toBe('lab-4');
  });

  it('names the GPU with its memory, else the memory of the machine', () => {
    expect(machineSaid(FAKE_COMPANION)).toBe('NVIDIA L4, 24 GB');
    const { machine } = FAKE_COMPANION;
    if (machine === null) throw new Error('no machine');
    const devices = machine.devices.filter(({ device }) => device === 'cpu');
    const without = { ...FAKE_COMPANION, machine: { ...machine, devices, gpuMemoryBytes: null } };
    expect(machineSaid(without)).toBe('no GPU, 69\u00a0GB');
    expect(machineSaid({ ...FAKE_COMPANION, machine: null })).toBe('');
  });
});

describe('where work runs', () => {
  beforeEach(async () => {
    await app.start(null, LINK);
    await app.takeSample();
  });

  it('is here until it is chosen, and nothing can begin there before what is sent can be read', async () => {
    const { place } = open();
    expect(place.isHere).toBe(true);
    expect(place.ready(chosen())).toBe(true);
    await place.choose(FAKE_COMPANION.id);
    expect(place.ready(chosen())).toBe(false);
    await place.plan([chosen()]);
    expect(place.sending([chosen()])?.lines).toEqual(engine.sending.lines);
    expect(place.ready(chosen())).toBe(true);
    // Of another model it is not known yet.
    const other = ENCODERS[1]?.info.reference;
    expect(other !== undefined && place.ready(other)).toBe(false);
  });

  it('a file that was added since is to be read of again before anything can begin', async () => {
    const { place } = open();
    await place.choose(FAKE_COMPANION.id);
    await place.plan([chosen()]);
    expect(place.ready(chosen())).toBe(true);
    const { view } = open();
    const files = view.files.map((file) => ({ ...file, name: 'more.csv' }));
    engine.addFiles = () => reading({ ...view, files: [...view.files, ...files] });
    await open().addFiles([]);
    expect(open().view.files.map(({ name }) => name)).toContain('more.csv');
    expect(place.ready(chosen())).toBe(false);
    await place.plan([chosen()]);
    expect(place.ready(chosen())).toBe(true);
  });

  it('can begin nothing while what was made at the last one is brought home', async () => {
    const { place } = open();
    await place.choose(FAKE_COMPANION.id);
    await place.plan([chosen()]);
    let home: () => void = () => undefined;
    engine.setPlace = () => new Promise((resolve) => (home = resolve));
    const moving = place.choose('here');
    expect(place.choosing).toBe(true);
    expect(place.ready(chosen())).toBe(false);
    home();
    await moving;
    expect(place.isHere && place.ready(chosen())).toBe(true);
  });

  it('of a run whose model is on a companion alone is there, and is said so', async () => {
    await app.train();
    const run = open().run?.id ?? '';
    engine.modelsThere.set(run, FAKE_COMPANION.id);
    await open().place.locate(run);
    expect(open().place.name).toBe('this device');
    expect(open().place.isRunHere(run)).toBe(false);
    expect(open().place.nameOfRun(run)).toBe('lab-4');
  });

  it('is remembered with the project', async () => {
    await open().place.choose(FAKE_COMPANION.id);
    const { id } = open();
    app.close();
    await app.open(id);
    expect(open().place.name).toBe('lab-4');
  });

  it('goes on there while another project is open, and is found as it is by then', async () => {
    const { id } = open();
    await open().place.choose(FAKE_COMPANION.id);
    let asked: AbortSignal | undefined;
    let finish: () => void = () => undefined;
    const ready = new Promise<void>((resolve) => (finish = resolve));
    const train = engine.train.bind(engine);
    engine.train = async function* (project, settings, signal) {
      asked = signal;
      await ready;
      return yield* train(project, settings, signal);
    };
    app.encoders.choose(ENCODERS[1] ?? (ENCODERS[0] as EncoderEntry));
    const training = app.train();
    expect(open().busy).toBe(true);
    expect(open().held).toBe(false);
    expect(app.canLeave).toBe(true);

    await app.takeSample();
    expect(open().id).not.toBe(id);
    expect(open().busy).toBe(false);
    app.encoders.choose(ENCODERS[0] as EncoderEntry);
    expect(asked?.aborted).toBe(false);
    await app.open(id);
    expect(open().training.running).toBe(true);
    expect(app.encoders.chosen).toBe(ENCODERS[1]);

    app.close();
    finish();
    await training;
    await app.open(id);
    expect(open().runs).toHaveLength(1);
    expect(open().busy).toBe(false);
  });

  it('stops with its project where it runs here, and where the project is deleted', async () => {
    const signals: (AbortSignal | undefined)[] = [];
    engine.train = async function* (_project, _settings, signal) {
      signals.push(signal);
      yield new ProgressMeter('Training', 'fits', 1).at(0);
      return new Promise<never>(() => undefined);
    };
    void app.train();
    await eventually(() => signals.length === 1);
    expect(open().held).toBe(true);
    expect(app.canLeave).toBe(false);
    await app.takeSample();
    expect(signals[0]?.aborted).toBe(true);

    const { id } = open();
    await open().place.choose(FAKE_COMPANION.id);
    void app.train();
    await eventually(() => signals.length === 2);
    app.close();
    expect(signals[1]?.aborted).toBe(false);
    await app.delete(id);
    expect(signals[1]?.aborted).toBe(true);
  });

  it('a lost companion can begin nothing; forgotten, the project runs here again', async () => {
    const { place } = open();
    await place.choose(FAKE_COMPANION.id);
    await place.plan([chosen()]);
    engine.companionList = [{ ...FAKE_COMPANION, state: 'lost', problem: 'Start it again.' }];
    await app.companions.refresh();
    expect(place.isLost).toBe(true);
    expect(place.ready(chosen())).toBe(false);
    await app.forgetCompanion(FAKE_COMPANION.id);
    expect(app.companions.all).toEqual([]);
    expect(place.isHere).toBe(true);
    expect(place.ready(chosen())).toBe(true);
  });

  it('offers the companion’s models and devices while it is the place, and no longer', async () => {
    const [first] = ENCODERS;
    if (first === undefined) throw new Error('no encoder');
    const large: EncoderEntry = {
      ...first,
      info: {
        ...first.info,
        name: 'gpt-neo-2.7B',
        reference: { source: 'hub', id: 'EleutherAI/gpt-neo-2.7B', revision: 'r', precision: 'q8' },
      },
    };
    engine.encodersThere = [...ENCODERS, large];
    app.encoders.setDevice('wasm');
    await open().place.choose(FAKE_COMPANION.id);
    expect(app.encoders.entries.map(({ info }) => info.name).at(-1)).toBe('gpt-neo-2.7B');
    expect(app.encoders.entries).toHaveLength(ENCODERS.length + 1);
    // A page's WASM is no device of a companion.
    expect(app.encoders.device).toBe('auto');
    const entry = app.encoders.entries.at(-1);
    if (entry !== undefined) app.encoders.choose(entry);
    expect(app.encoders.chosen?.info.name).toBe('gpt-neo-2.7B');
    await open().place.choose('here');
    expect(app.encoders.entries).toHaveLength(ENCODERS.length);
    expect(app.encoders.chosen?.info.reference.id).toBe('all-MiniLM-L6-v2');
  });

  it('an estimate made here says nothing of there', async () => {
    const { finetuning, place } = open();
    await finetuning.measure();
    expect(finetuning.estimate).not.toBeNull();
    await place.choose(FAKE_COMPANION.id);
    expect(finetuning.estimate).toBeNull();
  });
});

describe('jobs', () => {
  beforeEach(async () => {
    await app.start(null);
    await app.takeSample();
  });

  it('that go on since before the page was loaded are followed, and bring their run', async () => {
    await app.train();
    const { id, runs } = open();
    engine.jobList = [job({}), job({ id: 'other', project: 'another' })];
    engine.companionList = [FAKE_COMPANION];
    // As after a reload: the page knows none of these runs.
    const again = new App(engine, fakeShell(), new Theme(() => undefined));
    await again.start(id);
    expect(again.project?.followed.running).toBe(false);
    again.project?.followed.look();
    expect(again.project?.followed.running).toBe(true);
    expect(again.project?.busy).toBe(true);
    expect(again.project?.followed.in('train').map(({ job: { title } }) => title)).toEqual([
      'Fine-tuning',
    ]);
    await eventually(() => again.project?.followed.running === false);
    expect(engine.followed).toEqual(['job-1']);
    await eventually(() => again.project?.runs.length === runs.length);
    expect(again.project?.followed.in('train')).toEqual([]);
    // Once: its results are here.
    again.project?.followed.look();
    expect(again.project?.followed.running).toBe(false);
  });

  it('bring a layer study, too, which is then shown', async () => {
    const { id } = open();
    engine.jobList = [job({ method: 'layerStudy', title: 'Layers' })];
    engine.companionList = [FAKE_COMPANION];
    const again = new App(engine, fakeShell(), new Theme(() => undefined));
    await again.start(id);
    // What the companion brings home while the page looks on.
    const there = new LayerStudies(engine, id);
    await there.start(new LayerStudyForm(app.encoders, () => open().view).settings);
    expect(again.project?.look.layers.shown).toBeNull();
    again.project?.followed.look();
    await eventually(() => again.project?.look.layers.shown?.id === there.shown?.id);
  });

  it('go on there when the project is left', async () => {
    engine.companionList = [FAKE_COMPANION];
    engine.jobList = [job({ id: 'endless' })];
    const { followed } = open();
    await app.companions.read();
    followed.look();
    await eventually(() => followed.running && engine.followSignal !== null);
    app.close();
    expect(engine.followSignal?.aborted).toBe(false);
  });

  it('of other pages, and those begun by this one, are not followed', async () => {
    await app.connectCompanion(LINK);
    engine.jobList = [job({})];
    await app.companions.refresh();
    open().followed.look();
    expect(open().followed.running).toBe(false);
    expect(app.companions.jobs).toHaveLength(1);
  });

  it('stand in their order: what runs, then the queue, then what has ended', async () => {
    await app.connectCompanion(LINK);
    engine.jobList = [
      job({ id: 'ended', state: 'done' }),
      job({ id: 'second', state: 'queued', position: 1 }),
      job({ id: 'first', state: 'queued', position: 0 }),
      job({ id: 'runs' }),
    ];
    await app.companions.refresh();
    expect(app.companions.jobs.map(({ id }) => id)).toEqual(['runs', 'first', 'second', 'ended']);
    expect(app.companions.active).toBe(3);
    const second = app.companions.jobs[2];
    if (second !== undefined) await app.companions.stopJob(second);
    expect(app.companions.jobs.map(({ id }) => id)).toEqual(['runs', 'first', 'ended']);
  });
});
