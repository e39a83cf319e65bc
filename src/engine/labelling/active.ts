/**
 * Active learning on a project: the open session of each, and what happens at a label. Nothing of it is kept but the
 * labels themselves and the embeddings; both are where they always are, so a reload loses nothing.
 */
import { finish, HeadlightError, throwIfAborted, type Job } from '../../base';
import { exclusively } from '../../graph/runtime';
import { loadTensorFlow, OnnxKernels, TensorKernels, tf, type Matrix } from '../../learning/heads';
import {
  ACTIVE_STRATEGIES,
  ActiveLearner,
  adviseActive,
  leastLabels,
  pointOf,
  type ChosenRow,
  type HandLabel,
  type LearnerOptions,
} from '../../learning/labelling';
import { checkDevice, embedTexts, type Encoder } from '../../models';
import type { Device, Platform, TensorBackendName } from '../../platform';
import type { ProjectRecord } from '../../project';
import type {
  ActiveCurve,
  ActiveEngine,
  ActiveRow,
  ActiveSettings,
  ActiveView,
  ActiveWhy,
} from '../active-types';
import type { Encoders } from '../encoders';
import type { LabellingEngine } from '../labelling-types';
import type { Projects } from '../projects';
import { measureOn } from '../training';
import { activePool, poolLabels, truthTargets, type ActivePool } from './active-pool';
import { adviceSentence } from './active-words';
import { rowKey } from './rows';
import type { LabellingState } from './state';

interface Parts {
  readonly platform: Platform;
  readonly projects: Projects;
  readonly encoders: Encoders;
  readonly labels: Pick<LabellingEngine, 'labelRow' | 'undoLabel'>;
}

interface Session {
  readonly project: string;
  /** Of what it was made: data that has changed since needs another one. */
  readonly key: string;
  readonly settings: ActiveSettings;
  readonly state: LabellingState;
  readonly pool: ActivePool;
  readonly learner: ActiveLearner;
  /** Why each text was chosen that has been shown, by its row of the pool. */
  readonly shown: Map<number, ChosenRow>;
  /** Comes before what the strategy says: its label was taken back. */
  again: ChosenRow | null;
  last: HandLabel | null;
}

const MOST_ROWS = 100;
/** Classes with a key in the page: 1 to 9. */
const MOST_LIKELY = 9;

export class ActiveLearning {
  readonly #parts: Parts;
  readonly #sessions = new Map<string, Session>();
  /** One label after another. */
  #line: Promise<unknown> = Promise.resolve();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Without what is kept in memory of a project (of all projects without one), once the labels before are learnt from. */
  forget(project?: string): Promise<void> {
    return this.#queue(() => {
      for (const [id, { learner }] of this.#sessions) {
        if (project !== undefined && id !== project) continue;
        learner.dispose();
        this.#sessions.delete(id);
      }
      return Promise.resolve();
    });
  }

  async *start(project: string, settings: ActiveSettings, signal?: AbortSignal): Job<ActiveView> {
    checkSettings(settings);
    const { platform, projects, encoders } = this.#parts;
    const state = await projects.labelling(project);
    const key = keyOf(await projects.store.read(project));
    const pool = activePool(state, settings.seed);
    if (pool.rows.length === 0) {
      throw new HeadlightError('bad-table', 'There is no text to label.', {
        hint: 'Choose the text column, and a file to train on.',
      });
    }
    const encoder = yield* encoders.load(settings.encoder, signal);
    const texts = [...pool.rows, ...pool.truth.map(({ row }) => row)].map(
      (row) => state.rows.texts[row] ?? '',
    );
    const device = yield* deviceFor(platform, encoder, settings, texts, signal);
    const { features } = yield* embedTexts(
      {
        texts,
        encoder,
        embed: settings.embed,
        device,
        runtime: platform.runtime,
        storage: platform.storage,
        scope: project,
        peers: platform.peers,
      },
      signal,
    );
    throwIfAborted(signal);
    const known = state.proposals?.probabilities;
    const k = state.settings.classes.length;
    const learner = await ActiveLearner.open({
      pool: part(features, 0, pool.rows.length),
      copies: pool.copies,
      truth: {
        features: part(features, pool.rows.length, features.rows),
        targets: truthTargets(pool, state.settings),
      },
      classes: state.settings.classes.map(({ name }) => name),
      several: state.settings.several,
      proposed:
        known === undefined
          ? null
          : Float32Array.from(
              { length: pool.rows.length * k },
              (_, at) => known[(pool.rows[Math.floor(at / k)] ?? 0) * k + (at % k)] ?? NaN,
            ),
      seed: settings.seed,
      ...kernelsFor(platform),
    });
    try {
      const log = await projects.labels.hand(project);
      yield* learner.learn(poolLabels(log, pool, state.settings));
      throwIfAborted(signal);
      await this.forget(project);
      const session: Session = {
        project,
        key,
        settings,
        state,
        pool,
        learner,
        shown: new Map(),
        again: null,
        last: log.at(-1) ?? null,
      };
      this.#sessions.set(project, session);
      this.#prepare(session);
      return viewOf(session);
    } catch (error) {
      learner.dispose();
      throw error;
    }
  }

  async next(project: string, count: number): Promise<readonly ActiveRow[]> {
    if (!Number.isInteger(count) || count < 1 || count > MOST_ROWS) {
      throw new HeadlightError('bad-setting', `1 to ${MOST_ROWS} texts can be asked for.`);
    }
    return this.#queue(async () => {
      const session = await this.#session(project);
      await this.#learn(session);
      return chosenRows(session, count);
    });
  }

  async label(project: string, label: Omit<HandLabel, 'at'>): Promise<ActiveView> {
    return this.#queue(async () => {
      const session = await this.#session(project);
      await this.#parts.labels.labelRow(project, label);
      session.again = null;
      await this.#learn(session);
      this.#prepare(session);
      return viewOf(session);
    });
  }

  async undo(project: string): Promise<ActiveView> {
    return this.#queue(async () => {
      const session = await this.#session(project);
      const undone = (await this.#parts.projects.labels.hand(project)).at(-1);
      await this.#parts.labels.undoLabel(project);
      const place = undone === undefined ? undefined : session.pool.places.get(rowKey(undone));
      session.again = place === undefined ? null : (session.shown.get(place) ?? null);
      await this.#learn(session);
      return viewOf(session);
    });
  }

  async curve(project: string): Promise<ActiveCurve> {
    return this.#queue(async () => {
      const session = await this.#session(project);
      await this.#learn(session);
      return curveOf(session);
    });
  }

  /** Once the answer is on its way. Where it fails, the next label does the same and says why. */
  #prepare({ learner }: Session): void {
    void this.#queue(async () => {
      await new Promise((resolve) => setTimeout(resolve, 0));
      await learner.prepare();
    }).catch(() => undefined);
  }

  /** From the labels as they are now, wherever they were made. */
  async #learn(session: Session): Promise<void> {
    const { project, pool, state, learner } = session;
    const log = await this.#parts.projects.labels.hand(project);
    await finish(learner.learn(poolLabels(log, pool, state.settings)));
    session.last = log.at(-1) ?? null;
  }

  /** @throws HeadlightError `bad-setting` where there is none, or the data has changed since. */
  async #session(project: string): Promise<Session> {
    const session = this.#sessions.get(project);
    if (session === undefined) {
      throw new HeadlightError('bad-setting', 'Choosing texts has not been started here.', {
        hint: 'Start it again; the labels that were made are kept.',
      });
    }
    if (session.key === keyOf(await this.#parts.projects.store.read(project))) return session;
    throw new HeadlightError('bad-setting', 'The data or its classes have changed since.', {
      hint: 'Start choosing texts again; the labels that were made are kept.',
    });
  }

  async #queue<Answer>(work: () => Promise<Answer>): Promise<Answer> {
    const mine = this.#line.then(work);
    this.#line = mine.catch(() => undefined);
    return mine;
  }
}

/** The methods of the engine's interface. */
export function activeEngine(active: ActiveLearning): Omit<ActiveEngine, 'startActive'> {
  return {
    nextActive: (project, count) => active.next(project, count),
    labelActive: (project, label) => active.label(project, label),
    undoActive: (project) => active.undo(project),
    activeCurve: (project) => active.curve(project),
  };
}

function checkSettings({ strategy, seed }: ActiveSettings): void {
  if (!ACTIVE_STRATEGIES.includes(strategy)) {
    throw new HeadlightError('bad-setting', `There is no strategy “${strategy}”.`, {
      hint: `Choose one of ${ACTIVE_STRATEGIES.join(', ')}.`,
    });
  }
  if (!Number.isSafeInteger(seed))
    throw new HeadlightError('bad-setting', 'The seed is a whole number.');
}

async function* deviceFor(
  platform: Platform,
  encoder: Encoder,
  { device, embed }: ActiveSettings,
  texts: readonly string[],
  signal?: AbortSignal,
): Job<Device> {
  if (device === 'auto') return (yield* measureOn(platform, encoder, embed, texts, signal)).device;
  yield* checkDevice({ texts, encoder, embed, runtime: platform.runtime }, device, signal);
  return device;
}

/** Native code in Node, else tfjs on WASM. */
function kernelsFor(platform: Platform): Pick<LearnerOptions, 'kernels' | 'onKernels'> {
  return platform.kind === 'node'
    ? { kernels: OnnxKernels.of(platform.runtime), onKernels: exclusively }
    : { kernels: new TensorKernels('wasm'), onKernels: (work) => onWasm(platform, work) };
}

/**
 * While a training computes on another backend, it waits for its device now and then; what is done here meanwhile
 * waits for nothing but itself, and leaves the backend as it was.
 */
async function onWasm<Result>(platform: Platform, work: () => Promise<Result>): Promise<Result> {
  await loadTensorFlow();
  const before = tf.getBackend();
  await platform.tensors.use('wasm');
  try {
    return await work();
  } finally {
    if (isBackend(before) && before !== 'wasm') await platform.tensors.use(before);
  }
}

function isBackend(name: string | undefined): name is TensorBackendName {
  return name === 'webgpu' || name === 'wasm' || name === 'cpu';
}

function keyOf({ id, choice, files }: ProjectRecord): string {
  return JSON.stringify([id, choice, files]);
}

function part({ columns, data }: Matrix, from: number, to: number): Matrix {
  return { rows: to - from, columns, data: data.subarray(from * columns, to * columns) };
}

function chosenRows(session: Session, count: number): ActiveRow[] {
  const { learner, settings, again, shown } = session;
  const chosen = learner.next(settings.strategy, count);
  const first = again === null ? [] : [again];
  const all = [...first, ...chosen.filter(({ row }) => row !== again?.row)].slice(0, count);
  for (const one of all) shown.set(one.row, one);
  return all.map((one) => rowOf(session, one));
}

function rowOf({ state, pool, learner }: Session, { row, why }: ChosenRow): ActiveRow {
  const place = pool.rows[row] ?? 0;
  const origin = state.rows.origin[place];
  if (origin === undefined) throw new HeadlightError('internal', `There is no row ${place}.`);
  const name = (index: number): string => state.settings.classes[index]?.name ?? '';
  const said: ActiveWhy =
    why.kind === 'unsure'
      ? {
          kind: 'unsure',
          likeliest: why.likeliest.map(({ class: index, probability }) => ({
            label: name(index),
            probability,
          })),
        }
      : why.kind === 'teacher'
        ? { kind: 'teacher', label: name(why.class), confidence: why.confidence }
        : why;
  const likely = learner.likeliest(row, MOST_LIKELY).map(name);
  return { origin, text: state.rows.texts[place] ?? '', why: said, likely };
}

function curveOf({ learner, state }: Session): ActiveCurve {
  const { classes } = state.settings;
  const advice = adviseActive(learner.measures, classes.length, learner.heldOut);
  return {
    points: learner.measures.map(pointOf),
    held_out: learner.heldOut,
    advice,
    sentence: adviceSentence(
      advice,
      learner.heldOut,
      learner.labelled,
      leastLabels(classes.length),
    ),
  };
}

function viewOf(session: Session): ActiveView {
  const { settings, state, pool, learner, last } = session;
  const counts = learner.classCounts;
  return {
    settings,
    pool: pool.rows.length,
    rows: pool.all,
    open: learner.open,
    labelled: learner.labelled,
    classes: state.settings.classes.map(({ name }, k) => ({ name, labelled: counts[k] ?? 0 })),
    next: chosenRows(session, 1)[0] ?? null,
    curve: curveOf(session),
    last,
    milliseconds: learner.milliseconds,
  };
}
