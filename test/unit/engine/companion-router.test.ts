/**
 * A project's work at a companion, through the engine as the page has it: a companion in this process, with a home of
 * its own and the real engine. What runs there comes home as if it had run here, to the same bits; a cut connection and
 * a killed companion lose nothing.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { finish, type Job, type Progress } from '../../../src/base';
import {
  createEngine,
  createLocalEngine,
  HERE,
  type Companion,
  type EncoderEntry,
  type Engine,
  type FinetuneChoice,
  type LocalEngine,
  type ProjectView,
  type TrainSettings,
  type WorkKind,
} from '../../../src/engine';
import type { EngineRunner } from '../../../src/engine/remote';
import { SyncRecords } from '../../../src/engine/remote/sync-record';
import { DEFAULT_LOGISTIC } from '../../../src/learning/heads';
import { LABELLING_DEFAULTS } from '../../../src/learning/labelling';
import type { EncoderReference } from '../../../src/models';
import type { Platform } from '../../../src/platform';
import { createNodePlatform } from '../../../src/platform/node';
import { loopbackCompanion, type LoopbackCompanion } from '../../helpers/loopback-companion';
import { loopbackSockets } from '../../helpers/loopback-sockets';
import { temporaryFolder } from '../../helpers/temporary-folder';
import { TINY_LORA } from '../../helpers/tiny-lora';
import { tinyModelFiles } from '../../helpers/tiny-model';
import { tinySettings } from '../../helpers/tiny-study';
import { thrownBy } from '../../helpers/error-of';

const LINK = 'http://localhost:5273/#companion=token-0123456789abcdef';
const MACHINE = {
  devices: [{ device: 'cpu', label: 'CPU, 2 threads', threads: 2 }],
  memoryBytes: 16 * 2 ** 30,
  gpuMemoryBytes: null,
  versions: { headlight: '0' },
  isThisMachine: false,
};

let here: Platform;
let there: Platform;
let engine: Engine;
let companion: LoopbackCompanion;
let connected: Companion;
let instant: EncoderEntry;
let tiny: EncoderEntry;
let stopEngine: () => void = () => undefined;
/** What the companion's engine was asked, in order. */
const asked: string[] = [];

/** An engine process of the companion: when it is killed, nothing of it goes on. */
function runner(local: LocalEngine): EngineRunner {
  const killed = new AbortController();
  stopEngine = () => killed.abort();
  return {
    async run(method, args, onProgress, signal) {
      asked.push(method);
      const job = (local[method as keyof LocalEngine] as (...given: unknown[]) => Job<unknown>)(
        ...args,
        signal,
      );
      for (;;) {
        const step = await job.next();
        if (killed.signal.aborted) await new Promise<never>(() => undefined);
        if (step.done === true) return step.value;
        onProgress(step.value);
      }
    },
    call(method, args) {
      asked.push(method);
      const call = local[method as keyof LocalEngine] as (...given: unknown[]) => Promise<unknown>;
      return call(...args);
    },
  };
}

async function startCompanion(): Promise<void> {
  companion = await loopbackCompanion({
    storage: there.storage,
    runner: runner(createLocalEngine(there)),
    machine: MACHINE,
  });
}

/** As a crash of that machine; its disk stays. */
async function restartCompanion(): Promise<void> {
  stopEngine();
  companion.kill();
  await startCompanion();
}

function reviews(rows: number): string {
  const lines = Array.from({ length: rows }, (_, row) => {
    const isGood = row % 3 !== 0;
    const words = ['the', 'film', 'was', 'movie', 'of', 'dog', 'cat', 'red', 'blue', 'big'];
    const judged = isGood ? 'great' : 'poor';
    return `${words[row % 10]} ${words[(row * 7) % 9]} ${judged} ${words[(row * 3) % 10]} ${row},${isGood ? 'praise' : 'blame'}`;
  });
  return `text,label\n${lines.join('\n')}\n`;
}

async function newProject(rows = 60): Promise<ProjectView> {
  const bytes = new TextEncoder().encode(reviews(rows));
  return finish(engine.createProject([{ name: 'reviews.csv', bytes }]));
}

function training(encoder = instant): TrainSettings {
  const { reference, defaults } = encoder.info;
  return {
    encoder: reference,
    embed: defaults,
    device: 'cpu',
    head: { ...DEFAULT_LOGISTIC, C: 1 },
    baselines: false,
  };
}

function lora(): FinetuneChoice {
  return {
    encoder: tiny.info.reference,
    device: 'cpu',
    baselines: false,
    settings: TINY_LORA,
  };
}

async function keys(platform: Platform, project: string): Promise<string[]> {
  const found: string[] = [];
  for (const area of ['projects', 'files', 'runs', 'checkpoints', 'labelling', 'features'] as const)
    for (const { key } of await platform.storage.entries(area, project))
      found.push(`${area}/${key}`);
  return found;
}

async function predictionsOf(project: string, run: string): Promise<Uint8Array> {
  const bytes = await here.storage.read('runs', `${project}/${run}/predictions`);
  if (bytes === null) throw new Error(`no predictions of ${run} are here`);
  return bytes;
}

/** Runs a job and does something once, at an event. */
async function at<Result>(
  job: Job<Result>,
  isThen: (progress: Progress) => boolean,
  then: () => Promise<void> | void,
): Promise<Result> {
  let isDone = false;
  for (;;) {
    const step = await job.next();
    if (step.done) return step.value;
    if (isDone || !isThen(step.value)) continue;
    isDone = true;
    await then();
  }
}

beforeAll(async () => {
  there = await createNodePlatform({ home: await temporaryFolder() });
  await startCompanion();
  const sockets = loopbackSockets(() => companion.open());
  here = { ...(await createNodePlatform({ home: await temporaryFolder() })), sockets };
  engine = createEngine(here);
  const entries = await engine.listEncoders();
  const found = entries.find(({ info }) => info.architecture === 'static');
  if (found === undefined) throw new Error('no instant encoder ships');
  instant = found;
  tiny = await finish(engine.addFolderEncoder('tiny', tinyModelFiles(), 'fp32'));
  connected = await engine.connectCompanion(LINK);
});

afterAll(() => companion.kill());

describe('connecting', () => {
  it('trades the token of the link for a key that a reload still has', async () => {
    expect(connected).toMatchObject({
      id: 'loopback',
      name: 'Loopback',
      state: 'connected',
      problem: null,
    });
    expect(connected.machine).toEqual(MACHINE);
    const again = createEngine(here);
    await again.companions();
    await expect.poll(async () => (await again.companions())[0]?.state).toBe('connected');
  });

  it('says that a link was used before, and what to do', async () => {
    const error = await thrownBy(createEngine(here).connectCompanion(LINK));
    expect(error.code).toBe('refused');
    expect(error.hint).toContain('headlight serve');
  });

  it('counts its sockets among the requests that the page made', async () => {
    const counted = (await engine.requests()).find(
      ({ origin }) => origin === 'ws://localhost:5273',
    );
    expect(counted?.count).toBeGreaterThan(0);
  });
});

describe('a record of a companion that is damaged', () => {
  const id = 'damaged-1';
  const key = `companions/${id}`;
  const listed = async (of = createEngine(here)) =>
    (await of.companions()).map(({ name, state }) => [name, state]);

  it.each([
    [
      'cut off',
      '{"kind":"headlight.companion","version":1,"id":"damaged-1","name":"lab-9","addr',
      'lab-9',
    ],
    [
      'without its key',
      '{"kind":"headlight.companion","version":1,"id":"damaged-1","name":"lab-9"}',
      'lab-9',
    ],
    ['no JSON at all', '\u0000\u0000', 'Companion damaged-…'],
  ])('%s, is listed by name beside the others, and can be forgotten', async (_, text, name) => {
    await here.storage.write('settings', key, new TextEncoder().encode(text));
    const again = createEngine(here);
    const all = await again.companions();
    expect(all.map((one) => one.name).sort()).toEqual(['Loopback', name].sort());
    const damaged = all.find((one) => one.id === id);
    expect(damaged).toMatchObject({ state: 'damaged', machine: null });
    expect(damaged?.problem).toContain('Forget it');
    expect((await thrownBy(again.reconnectCompanion(id))).hint).toContain('headlight serve');
    await again.forgetCompanion(id);
    expect(await here.storage.read('settings', key)).toBeNull();
    expect((await again.companions()).map((one) => one.name)).toEqual(['Loopback']);
    expect((await listed()).map(([one]) => one)).toEqual(['Loopback']);
  });
});

describe('a project that runs on a companion', () => {
  let project: ProjectView;

  beforeAll(async () => {
    project = await newProject();
  });

  it('runs here until it is told otherwise, and nothing is sent', async () => {
    expect(await engine.placeOf(project.id)).toBe(HERE);
    expect(await engine.planSending(project.id, HERE, instant.info.reference)).toMatchObject({
      projectBytes: 0,
      modelBytes: 0,
      files: [],
    });
    expect(await keys(there, project.id)).toEqual([]);
  });

  it('says what would be sent, to the byte, and sends none of it by saying so', async () => {
    await engine.setPlace(project.id, connected.id);
    const plan = await engine.planSending(project.id, connected.id, tiny.info.reference);
    const file = new TextEncoder().encode(reviews(60)).length;
    const record = (await here.storage.read('projects', project.id))?.length ?? 0;
    expect(plan).toMatchObject({
      files: ['reviews.csv'],
      projectBytes: file + record,
      hasCopy: false,
    });
    const weights = (await here.storage.entries('models')).reduce(
      (sum, { bytes }) => sum + bytes,
      0,
    );
    expect(plan.modelBytes).toBe(weights);
    expect(plan.lines[0]).toContain('reviews.csv with all texts and labels in it');
    expect(
      (await engine.planSending(project.id, connected.id, instant.info.reference)).modelBytes,
    ).toBe(0);
    expect(await keys(there, project.id)).toEqual([]);
  });

  it('trains there, to the same bits as here', async () => {
    const run = await finish(engine.train(project.id, training()));
    expect(asked).toContain('train');
    expect(await keys(here, project.id)).not.toContainEqual(expect.stringMatching(/^features/));
    expect((await keys(there, project.id)).some((key) => key.startsWith('features/'))).toBe(true);
    await engine.setPlace(project.id, HERE);
    const own = await finish(engine.train(project.id, training()));
    expect(own.id).not.toBe(run.id);
    expect(await predictionsOf(project.id, run.id)).toEqual(
      await predictionsOf(project.id, own.id),
    );
    const view = await finish(engine.openProject(project.id));
    expect(view.runs.map(({ id }) => id).sort()).toEqual([run.id, own.id].sort());
    await engine.setPlace(project.id, connected.id);
  });

  it('has nothing left there to take, once it is home', async () => {
    expect(await engine.companionJobs()).toEqual([]);
  });

  it('sends only what changed', async () => {
    await engine.renameProject(project.id, 'Other name');
    const { files, projectBytes } = await engine.planSending(project.id, connected.id, null);
    expect(files).toEqual([]);
    // Its record, and the run that was made here meanwhile.
    expect(projectBytes).toBeLessThan(60_000);
  });

  it('answers typed texts there, as it would here', async () => {
    const [run] = (await finish(engine.openProject(project.id))).runs;
    const typed = ['the film was great', 'a poor dog'];
    const before = asked.length;
    const answered = await engine.predictTexts(project.id, run?.id ?? '', typed);
    expect(asked.slice(before)).toEqual(['predictTexts']);
    await engine.setPlace(project.id, HERE);
    const own = await engine.predictTexts(project.id, run?.id ?? '', typed);
    expect(answered.probabilities).toEqual(own.probabilities);
    await engine.setPlace(project.id, connected.id);
  });

  it('studies layers there: stopped, its cells are home, and it goes on here', async () => {
    const settings = tinySettings(tiny.info.reference, { alignment: true });
    const stop = new AbortController();
    const before = asked.length;
    const stopped = await thrownBy(
      at(
        engine.layerStudy(project.id, settings, stop.signal),
        ({ phase }) => phase.startsWith('Comparing layers'),
        () => stop.abort(),
      ),
    );
    expect(stopped.code).toBe('aborted');
    expect(asked.slice(before)).toContain('layerStudy');
    const [home] = await engine.layerStudies(project.id);
    expect(home).toMatchObject({ cells: 3, done: 3, best: null, outdated: false });
    const id = home?.id ?? '';
    const study = await finish(engine.resumeLayerStudy(project.id, id));
    expect(asked).toContain('resumeLayerStudy');
    expect(await engine.openLayerStudy(project.id, id)).toEqual(study);
    await engine.setPlace(project.id, HERE);
    // All of its parts came home: nothing is computed here.
    expect(await finish(engine.layerStudy(project.id, settings))).toEqual(study);
    await engine.deleteLayerStudy(project.id, id);
    await engine.setPlace(project.id, connected.id);
    await finish(engine.train(project.id, training()));
    expect((await keys(there, project.id)).filter((key) => key.includes('/layers/'))).toEqual([]);
    expect(await engine.layerStudies(project.id)).toEqual([]);
  });

  it('deletes there what is deleted here', async () => {
    const { runs } = await finish(engine.openProject(project.id));
    const gone = runs[1]?.id ?? '';
    expect((await keys(there, project.id)).some((key) => key.includes(gone))).toBe(true);
    await engine.deleteRun(project.id, gone);
    expect((await keys(there, project.id)).some((key) => key.includes(gone))).toBe(false);
    await engine.deleteProject(project.id);
    expect(await keys(there, project.id)).toEqual([]);
    expect(await keys(here, project.id)).toEqual([]);
  });
});

describe('advice on places', () => {
  const advised = async (kind: WorkKind, encoder: EncoderReference) => {
    const [own, other] = await engine.advisePlaces('any', kind, encoder);
    expect([own?.place, other?.place]).toEqual([HERE, connected.id]);
    return { own, other };
  };
  const large = { source: 'hub', revision: null, precision: 'fp32' } as const;

  it('lets a small model run anywhere', async () => {
    const { own, other } = await advised('embed', tiny.info.reference);
    expect([own?.fits, other?.fits]).toEqual(['yes', 'yes']);
    expect(other?.reasons[0]).toContain('Loopback has 17.2 GB');
  });

  it('proposes the companion for a large teacher, and says why', async () => {
    const catalogue = await engine.catalogue();
    const id = catalogue.find(({ parameters }) => parameters > 300e6 && parameters < 450e6)?.id;
    const { own } = await advised('label', { ...large, id: id ?? '' });
    expect(own?.fits).not.toBe('yes');
    expect(own?.reasons.join(' ')).toContain('hours here. A companion does it');
  });

  it('says no where the weights alone are more than there is', async () => {
    const { own, other } = await advised('embed', { ...large, id: 'EleutherAI/gpt-neo-2.7B' });
    expect(own?.fits).not.toBe('yes');
    expect(other?.fits).toBe('yes');
    const tuned = await advised('finetune', { ...large, id: 'EleutherAI/gpt-neo-2.7B' });
    expect(tuned.other?.fits).not.toBe('yes');
  });

  it('does not guess at a model that nobody has', async () => {
    const { own, other } = await advised('embed', { ...large, id: 'nobody/has-it' });
    expect([own?.fits, other?.fits]).toEqual(['unknown', 'unknown']);
  });
});

describe('what is added after the last job', () => {
  it('is not sent by taking the work back to this device, nor by using a run that is there', async () => {
    const { id } = await newProject(30);
    await engine.setPlace(id, connected.id);
    const run = await finish(engine.train(id, training()));
    const bytes = new TextEncoder().encode('text,label\na secret,praise\n');
    await finish(engine.addFiles(id, [{ name: 'secret.csv', bytes }]));
    const plan = await engine.planSending(id, connected.id, null);
    expect(plan).toMatchObject({ files: ['secret.csv'], hasCopy: true });
    expect(await engine.placeOfRun(id, run.id)).toBe(connected.id);
    await engine.predictTexts(id, run.id, ['the film was great']);
    await engine.setPlace(id, HERE);
    expect(await engine.placeOfRun(id, run.id)).toBe(HERE);
    const copied = await keys(there, id);
    expect(copied.some((key) => key.includes('reviews.csv'))).toBe(true);
    expect(copied.some((key) => key.includes('secret.csv'))).toBe(false);
    await engine.deleteProject(id);
  });
});

describe('a copy that is cleared there', () => {
  it('is sent anew when it is needed again', async () => {
    const { id } = await newProject(30);
    await engine.setPlace(id, connected.id);
    const run = await finish(engine.train(id, training()));
    await engine.clearFromCompanion(id, connected.id);
    expect(await keys(there, id)).toEqual([]);
    expect(await engine.placeOf(id)).toBe(HERE);
    await engine.setPlace(id, connected.id);
    const { probabilities } = await engine.predictTexts(id, run.id, ['the film was great']);
    expect(probabilities).toHaveLength(1);
    await engine.deleteProject(id);
  });
});

describe('a fine-tune there', () => {
  let project: ProjectView;
  let figures: Uint8Array;

  beforeAll(async () => {
    project = await newProject();
    const run = await finish(engine.finetune(project.id, lora()));
    figures = await predictionsOf(project.id, run.id);
    await engine.deleteRun(project.id, run.id);
  });

  it('goes on when the connection is cut and the companion is killed in the middle, to the same bits', async () => {
    await engine.setPlace(project.id, connected.id);
    const run = await at(
      engine.finetune(project.id, lora()),
      ({ training }) => (training?.step ?? 0) >= 3,
      async () => {
        companion.cutAll();
        await restartCompanion();
      },
    );
    expect(await predictionsOf(project.id, run.id)).toEqual(figures);
    expect(await engine.unfinishedFinetune(project.id)).toBeNull();
    const { probabilities } = await engine.predictTexts(project.id, run.id, ['the film was great']);
    expect(probabilities[0]).toHaveLength(2);
  });

  it('is stopped, comes home with its checkpoint, and goes on here', async () => {
    const stop = new AbortController();
    const stopped = await thrownBy(
      at(
        engine.finetune(project.id, lora(), stop.signal),
        ({ training }) => (training?.step ?? 0) >= 2,
        () => stop.abort(),
      ),
    );
    expect(stopped.code).toBe('aborted');
    const unfinished = await engine.unfinishedFinetune(project.id);
    expect(unfinished?.step).toBeGreaterThan(0);
    expect((await keys(here, project.id)).some((key) => key.startsWith('checkpoints/'))).toBe(
      false,
    );
    await engine.setPlace(project.id, HERE);
    expect((await engine.unfinishedFinetune(project.id))?.step).toBe(unfinished?.step);
    const run = await finish(engine.finetune(project.id, lora()));
    expect(await predictionsOf(project.id, run.id)).toEqual(figures);
  });

  it('is found again by a page that was reloaded, and its run comes home', async () => {
    await engine.setPlace(project.id, connected.id);
    const job = engine.finetune(project.id, lora());
    for (;;) {
      const step = await job.next();
      if (step.done === true) throw new Error('it has ended too early');
      if (step.value.training !== undefined) break;
    }
    // The page is closed without a word: nobody asks this job for more.
    const reloaded = createEngine(here);
    await expect.poll(async () => (await reloaded.companions())[0]?.state).toBe('connected');
    const [found] = await reloaded.companionJobs();
    expect(found).toMatchObject({
      method: 'finetune',
      isOwn: true,
      project: project.id,
      title: 'Fine-tuning: tiny',
    });
    const before = (await finish(reloaded.openProject(project.id))).runs.length;
    await finish(reloaded.followCompanionJob(connected.id, found?.id ?? ''));
    const { runs } = await finish(reloaded.openProject(project.id));
    expect(runs).toHaveLength(before + 1);
    expect(await predictionsOf(project.id, runs[0]?.id ?? '')).toEqual(figures);
    expect(await reloaded.companionJobs()).toEqual([]);
  });
});

describe('a model that is too large to come home', () => {
  it('is used and saved where it is, and goes with its run', async () => {
    const { id } = await newProject();
    await engine.setPlace(id, connected.id);
    const run = await finish(engine.finetune(id, lora()));
    await engine.setPlace(id, HERE);
    const typed = ['the film was great', 'the cat was poor'];
    const own = await engine.predictTexts(id, run.id, typed);
    // As it is noted of one above the limit: agreed upon, and left there.
    const records = new SyncRecords(here.storage);
    const record = await records.read(connected.id, id);
    if (record === null) throw new Error('nothing was agreed');
    const agreed = new Map(
      [...record.agreed].map(([key, entry]) => [
        key,
        key.includes('/model/') ? { ...entry, left: true as const } : entry,
      ]),
    );
    await records.write(connected.id, id, { ...record, agreed });
    await here.storage.deleteAll('runs', `${id}/${run.id}/model/`);
    const bytes = new TextEncoder().encode('text,label\na secret,praise\n');
    await finish(engine.addFiles(id, [{ name: 'secret.csv', bytes }]));
    const reloaded = createEngine(here);
    expect(await reloaded.placeOf(id)).toBe(HERE);
    expect(await reloaded.placeOfRun(id, run.id)).toBe(connected.id);
    const before = asked.length;
    const { probabilities } = await reloaded.predictTexts(id, run.id, typed);
    expect(asked.slice(before)).toEqual(['predictTexts']);
    expect(probabilities).toEqual(own.probabilities);
    const saved = await finish(reloaded.export(id, run.id, 'huggingface'));
    expect(asked.at(-1)).toBe('export');
    expect(saved.bytes.length).toBeGreaterThan(10_000);
    expect((await finish(reloaded.export(id, run.id, 'recipe'))).name).toContain('recipe');
    expect(asked.at(-1)).toBe('export');
    const upload = { repository: 'me/it', token: 'hf_secret', private: true };
    const refused = await thrownBy(finish(reloaded.pushToHub(id, run.id, upload)));
    expect(refused.message).toContain('Loopback');
    // The project runs here: of what changed since nothing is sent for it.
    expect((await keys(there, id)).some((key) => key.includes('secret.csv'))).toBe(false);
    expect((await keys(there, id)).some((key) => key.includes(`${run.id}/model/`))).toBe(true);
    await reloaded.deleteRun(id, run.id);
    expect((await keys(there, id)).some((key) => key.includes(run.id))).toBe(false);
  });
});

describe('labels made there', () => {
  it('has votes of a teacher home, and labels by hand on both sides', async () => {
    const { id, choice } = await newProject(40);
    await finish(
      engine.configureData(id, {
        ...choice,
        label: {
          kind: 'made',
          classes: ['praise', 'blame'],
          several: false,
          truth: null,
          names: {},
        },
      }),
    );
    const settings = {
      ...LABELLING_DEFAULTS,
      several: false,
      classes: [
        { name: 'praise', description: 'great', examples: [] },
        { name: 'blame', description: 'poor', examples: [] },
      ],
      teachers: [
        {
          kind: 'similarity' as const,
          encoder: instant.info.reference,
          temperature: 0.05,
          max_length: 32,
        },
      ],
    };
    await engine.configureLabelling(id, settings);
    await engine.setPlace(id, connected.id);
    const said = async (): Promise<string> =>
      (await engine.planSending(id, connected.id, null)).lines[0] ?? '';
    expect(await said()).toContain('the classes and what teachers are asked');
    expect(await said()).not.toMatch(/by hand|votes/);
    const view = await finish(engine.runTeacher(id, 0, 'auto'));
    expect(view.teachers[0]?.done).toBe(40);
    await engine.setPlace(id, HERE);
    expect((await engine.labelling(id)).teachers[0]?.done).toBe(40);
    await engine.setPlace(id, connected.id);
    const active = await finish(
      engine.startActive(id, {
        encoder: instant.info.reference,
        embed: instant.info.defaults,
        device: 'auto',
        strategy: 'random',
        seed: 1,
      }),
    );
    const row = active.next?.origin;
    if (row === undefined) throw new Error('no text was chosen');
    const given = {
      file: row.file,
      row: row.row,
      labels: ['blame'],
      held_out: false,
      how: 'active' as const,
    };
    await engine.labelActive(id, given);
    // Kept here as soon as it answers.
    expect((await engine.labelling(id)).hand.labelled).toBe(1);
    // And one that was made here is seen there.
    const [next] = await engine.nextActive(id, 1);
    expect(next?.origin.row).not.toBe(row.row);
    await engine.labelRow(id, { ...given, row: next?.origin.row ?? -1 });
    expect((await engine.undoActive(id)).labelled).toBe(1);
    expect((await engine.labelling(id)).hand.labelled).toBe(1);
  });
});

describe('a companion that does not answer', () => {
  it('is lost, says why and what to do, and its project runs here again', async () => {
    const { id } = await newProject(30);
    await engine.setPlace(id, connected.id);
    const revive = companion;
    companion.kill();
    await expect.poll(async () => (await engine.companions())[0]?.state).not.toBe('connected');
    const error = await thrownBy(engine.reconnectCompanion(connected.id));
    expect(error.code).toBe('network');
    expect(error.hint).toContain('http://localhost:5273/');
    await engine.setPlace(id, HERE);
    const run = await finish(engine.train(id, training()));
    expect(run.record.split.train_rows).toBeGreaterThan(0);
    expect(revive.connections.size).toBe(0);
    await startCompanion();
    expect((await engine.reconnectCompanion(connected.id)).state).toBe('connected');
  });

  it('is forgotten with its key: nothing of it is left here, and nothing of the person there', async () => {
    const { id } = await newProject(30);
    await engine.setPlace(id, connected.id);
    await finish(engine.train(id, training()));
    await engine.forgetCompanion(connected.id);
    expect(await engine.companions()).toEqual([]);
    expect(await engine.placeOf(id)).toBe(HERE);
    expect(await keys(there, id)).toEqual([]);
    const settings = await here.storage.entries('settings', 'companion');
    expect(settings.map(({ key }) => key)).toEqual(['companion-page']);
  });
});
