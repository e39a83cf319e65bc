/** A study while it runs: what all of its parts need, and how each of them is kept. */
import { HeadlightError, throwIfAborted, type Job } from '../../base';
import type { HeadContext } from '../../learning/heads';
import { untrainedEncoder } from '../../models';
import type { Platform } from '../../platform';
import type { Encoders } from '../encoders';
import type { LayerStudySettings } from '../layer-types';
import type { Projects } from '../projects';
import { headContext } from '../head-context';
import { studyFeatures, type StudyCell, type StudyFeatures } from './features';
import { EMBEDDING_SHARE, type StudyMeter, type WorkKind } from './meter';
import { checkModel, type Failure } from './models';
import { UNTRAINED_SEED, type Planned, type StudyPlan } from './plan';
import type { StudyRows } from './rows';
import type { Part, PartKind, PartValue, StudiedEncoder } from './schema';
import type { LayerStudyStore } from './store';
import { rowsOfModel, type ModelRows } from './study-rows';

export interface StudyParts {
  readonly platform: Platform;
  readonly projects: Projects;
  readonly encoders: Encoders;
  readonly store: LayerStudyStore;
}

/** A model with the features of its cells. */
export interface OpenModel {
  readonly known: StudiedEncoder;
  readonly features: StudyFeatures;
  readonly rows: ModelRows;
  readonly context: HeadContext;
}

interface Begun {
  readonly project: string;
  readonly planned: Planned;
  readonly plan: StudyPlan;
  readonly rows: StudyRows;
  readonly seeds: readonly number[];
  readonly control: readonly Int32Array[] | null;
  readonly meter: StudyMeter;
  readonly signal: AbortSignal | undefined;
}

export class StudyRun {
  readonly #parts: StudyParts;
  readonly begun: Begun;
  /** Models that could not be loaded when it began. */
  readonly failures: readonly Failure[];
  /** Keys of the parts that are done. */
  readonly #done: Set<string>;

  constructor(
    parts: StudyParts,
    begun: Begun,
    failures: readonly Failure[],
    done: ReadonlySet<string>,
  ) {
    this.#parts = parts;
    this.begun = begun;
    this.failures = failures;
    this.#done = new Set(done);
  }

  get settings(): LayerStudySettings {
    return this.begun.planned.settings;
  }

  isDone(key: string): boolean {
    return this.#done.has(key);
  }

  /** @throws HeadlightError `internal` for a part that is not done. */
  async read<Kind extends PartKind>(kind: Kind, key: string): Promise<Part<Kind>> {
    const part = await this.#parts.store.part(this.begun.project, kind, key);
    if (part === null) throw new HeadlightError('internal', `a study without its ${kind} ${key}`);
    return part;
  }

  /** Makes a part and keeps it, unless it is done. */
  async *part<Kind extends PartKind>(
    kind: Kind,
    key: string,
    [phase, work, units]: readonly [phase: string, work: WorkKind, units: number],
    make: () => Job<PartValue<Kind>>,
  ): Job<void> {
    const { project, meter, signal } = this.begun;
    if (await this.#isKept(kind, key)) {
      meter.skip(work, units);
      return;
    }
    throwIfAborted(signal);
    yield meter.begin(phase, work, units);
    const started = performance.now();
    const value = yield* this.within(make());
    throwIfAborted(signal);
    const seconds = (performance.now() - started) / 1000;
    await this.#parts.store.writePart(project, kind, key, { value, seconds });
    this.#done.add(key);
    yield meter.at(1);
    meter.end();
  }

  /** Done, and not damaged since. */
  async #isKept(kind: PartKind, key: string): Promise<boolean> {
    if (!this.#done.has(key)) return false;
    if ((await this.#parts.store.part(this.begun.project, kind, key)) !== null) return true;
    this.#done.delete(key);
    return false;
  }

  /** A job as the piece of work that is open. */
  async *within<Result>(job: Job<Result>): Job<Result> {
    for (;;) {
      const step = await job.next();
      if (step.done === true) return step.value;
      yield this.begun.meter.of(step.value);
    }
  }

  /**
   * Loads a model and embeds its cells, or finds them embedded.
   * @param work how much of the study's progress it is.
   */
  async *open(
    model: number,
    untrained: boolean,
    cells: readonly StudyCell[],
    [work, units]: readonly [WorkKind, number],
  ): Job<OpenModel> {
    const { platform, encoders } = this.#parts;
    const { planned, rows, seeds, control, meter, project, signal } = this.begun;
    const known = planned.models[model];
    if (known === null || known === undefined)
      throw new HeadlightError('internal', `a study opens model ${model}, which it lacks`);
    const { device } = planned;
    const name = untrained ? `${known.name}, untrained` : known.name;
    yield meter.begin(`Loading ${name}`, work, 0);
    const loaded = yield* this.within(encoders.load(known.encoder, signal));
    const texts = someTexts(rows);
    const checked = yield* this.within(
      checkModel({ platform }, loaded, known, device, texts, signal),
    );
    const encoder = untrained ? untrainedEncoder(loaded, UNTRAINED_SEED) : loaded;
    yield meter.begin(`Embedding: ${name}`, work, units);
    const { maxTokens } = known;
    const features = yield* this.within(
      studyFeatures(platform, rows, { project, encoder, cells, maxTokens, device }, signal),
    );
    meter.end();
    if (!untrained) yield* this.#reading(model, features, checked);
    const context = await headContext(platform, device);
    const ofModel = rowsOfModel(rows, seeds, control, features.kept);
    return { known, features, rows: ofModel, context };
  }

  /** What the model read, for the notes. */
  async *#reading(model: number, features: StudyFeatures, checked: string | null): Job<void> {
    const { plan } = this.begun;
    const key = plan.readings[model];
    if (key === null || key === undefined || (await this.#isKept('reading', key))) return;
    const { truncated, kept, seconds } = features;
    const left = kept === null ? 0 : kept.reduce((sum, here) => sum + (here === 0 ? 1 : 0), 0);
    const value = { truncated, left, notes: checked === null ? [] : [checked] };
    await this.#parts.store.writePart(this.begun.project, 'reading', key, { value, seconds });
    this.#done.add(key);
  }
}

/** Units of a model's embedding. */
export function embeddingUnits(cells: number): number {
  return EMBEDDING_SHARE * cells;
}

/** For measuring: a few dozen would do, and long texts of all are among the first. */
export function someTexts({ words, texts, sentences }: StudyRows): readonly string[] {
  return words ? sentences.map((own) => own.join(' ')) : texts;
}
