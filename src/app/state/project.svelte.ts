/** One open project: its data, its runs, and what is done with them. Thrown away when another opens. */
import { finish } from '../../base';
import type { DataChoice, Engine, ExportedFile, ProjectView, RunView } from '../../engine';
import { ActiveLabels } from './active.svelte';
import { Advice } from './advice.svelte';
import type { Companions } from './companions.svelte';
import type { Encoders } from './encoders.svelte';
import { dataDifferences } from './finetune-belongs';
import { finetuneBounds } from './finetune-bounds';
import { Finetuning } from './finetuning.svelte';
import { FollowedJobs } from './followed.svelte';
import { Hub } from './hub.svelte';
import { Keep } from './keep.svelte';
import { madeChoice } from './label-ways';
import { LabelErrors } from './label-errors.svelte';
import { Labelling } from './labelling.svelte';
import { OwnUse } from './own-use.svelte';
import { Mending } from './mending.svelte';
import { PartFiles } from './part-files.svelte';
import { ProjectPlace } from './place.svelte';
import { FilePrediction, LivePrediction } from './predict.svelte';
import { ProjectLook } from './project-look';
import { isOfPresent } from './present';
import { Explanation } from './report.svelte';
import { Rows } from './rows.svelte';
import { isFirstLook, sameData, sameTest } from './runs-alike';
import { Sentences } from './sentences.svelte';
import { Training } from './training.svelte';
import { Versus } from './versus.svelte';
import { Work } from './work.svelte';

/** Ways to a classifier: a head on the frozen encoder, the encoder itself trained, or the one that it came with. */
export type Way = 'probe' | 'finetune' | 'own';
/** Anew throws an unfinished one away first; resume and keep are of the unfinished one. */
export type FinetuneHow = 'start' | 'anew' | 'resume' | 'keep';

export class Project {
  readonly #engine: Engine;
  readonly #encoders: Encoders;
  #view = $state.raw<ProjectView>() as ProjectView;
  #selected = $state.raw<string | null>(null);
  #way = $state.raw<Way>('probe');
  /** The newest run, while its encoder is not here: it may be on the companion that it was made on. */
  #missing: RunView | null = null;
  readonly id: string;
  /** Reading the data again after a change. */
  readonly data = new Work();
  /** Saving a part of the data as a file. */
  readonly saving = new Work();
  readonly list = new Work();
  readonly look: ProjectLook;
  readonly place: ProjectPlace;
  readonly followed: FollowedJobs;
  readonly training: Training;
  readonly finetuning: Finetuning;
  readonly own: OwnUse;
  readonly advice: Advice;
  readonly versus: Versus;
  readonly rows: Rows;
  readonly parts: PartFiles;
  readonly mending: Mending;
  readonly labelling: Labelling;
  readonly active: ActiveLabels;
  readonly labelErrors: LabelErrors;
  readonly explanation: Explanation;
  readonly sentences: Sentences;
  readonly live: LivePrediction;
  readonly file: FilePrediction;
  readonly keep: Keep;
  readonly hub: Hub;

  constructor(engine: Engine, encoders: Encoders, companions: Companions, view: ProjectView) {
    this.#engine = engine;
    this.#encoders = encoders;
    this.id = view.id;
    this.#view = view;
    this.#selected = view.runs[0]?.id ?? null;
    const now = (): ProjectView => this.#view;
    const take = (next: ProjectView): void => this.#take(next);
    this.look = new ProjectLook(engine, encoders, view.id, this.data);
    const moved = (): void => this.#moved();
    const lent = (): void => this.#adoptMissing();
    this.place = new ProjectPlace(engine, companions, encoders, now, moved, lent);
    this.followed = new FollowedJobs(engine, companions, view.id, () => this.#brought());
    this.training = new Training(engine, encoders);
    const bounds = () => finetuneBounds(this.#view, encoders.chosen?.info);
    const choice = (): DataChoice => this.#view.choice;
    this.finetuning = new Finetuning(engine, encoders, view.id, choice, bounds);
    this.own = new OwnUse(engine, encoders, view.id, () => this.#view.summary);
    this.advice = new Advice(engine, view.id);
    this.versus = new Versus(engine, view.id);
    this.rows = new Rows(engine, view.id);
    this.parts = new PartFiles(engine, view.id);
    this.mending = new Mending(engine, view.id, now, take);
    this.labelling = new Labelling(engine, encoders, view.id, () => void this.#reread());
    this.active = new ActiveLabels(engine, encoders, view.id, () => this.labelling.handMade());
    this.labelErrors = new LabelErrors(engine, encoders, view.id, now, take);
    this.explanation = new Explanation(engine, view.id);
    this.sentences = new Sentences(engine, view.id);
    this.live = new LivePrediction(engine, view.id);
    this.file = new FilePrediction(engine, view.id);
    this.keep = new Keep(engine, view.id);
    this.hub = new Hub(engine, view.id);
    const latest = view.runs.find((run) => !isFirstLook(run)) ?? view.runs[0];
    if (latest !== undefined) {
      this.#missing = encoders.adopt(latest.recipe) ? null : latest;
      this.#way = latest.recipe.method;
    }
    for (const { recipe } of [...view.runs].reverse()) {
      if (recipe.method === 'finetune') this.finetuning.form.adopt(recipe.finetune);
      else if (recipe.method === 'probe') this.training.adopt(recipe);
    }
    if (latest?.recipe.method === 'own') this.own.adopt(latest.recipe);
    this.training.resume(view.id);
  }

  get view(): ProjectView {
    return this.#view;
  }
  get runs(): readonly RunView[] {
    return this.#view.runs;
  }
  /** The run whose report is shown and which predicts; the newest until another is chosen. */
  get run(): RunView | null {
    return this.runs.find((run) => run.id === this.#selected) ?? this.runs[0] ?? null;
  }
  /** Runs that were tested on the same rows as the shown one, itself included, newest first. */
  get comparable(): readonly RunView[] {
    const shown = this.run;
    return shown === null ? [] : this.runs.filter((run) => sameTest(run, shown));
  }
  /** The first look at the shown run's data, if it was made and is not the shown run itself. */
  get instant(): RunView | null {
    const shown = this.run;
    return (
      this.comparable.find(
        (run) => isFirstLook(run) && run.id !== shown?.id && shown !== null && sameData(run, shown),
      ) ?? null
    );
  }
  /** Whether the shown run's data is not what is chosen now. */
  get outdated(): boolean {
    const shown = this.run;
    if (shown === null) return false;
    return !this.#isOfPresent(shown);
  }
  get busy(): boolean {
    return this.learning || this.labelling.busy;
  }
  /** Whether anything but a teacher is at work: labels go on being made while a teacher runs. */
  get learning(): boolean {
    const { training, followed, finetuning, own, labelErrors, look } = this;
    if (training.running || followed.running || finetuning.busy || own.work.running) return true;
    return labelErrors.work.running || look.layers.work.running || this.#worksHere;
  }
  /** Whether leaving would stop something: what a companion does goes on. */
  get held(): boolean {
    // After an estimate the encoder that is chosen then is trained.
    return this.place.isHere ? this.busy : this.#worksHere || this.finetuning.estimating.running;
  }
  get #worksHere(): boolean {
    return [this.file, this.keep, this.mending, this.hub].some(({ work }) => work.running);
  }
  /** Whether a probe can learn from the data: it reads one text a row and gives it one class. */
  get canProbe(): boolean {
    const { choice, summary } = this.#view;
    return choice.textPairColumn === null && summary?.task !== 'token_classification';
  }
  /** Whether the labels are made here. */
  get isMade(): boolean {
    return this.#view.choice.label?.kind === 'made';
  }
  /** Whether words are labelled, not texts. */
  get isTagging(): boolean {
    return this.#view.summary?.task === 'token_classification';
  }
  get way(): Way {
    if (this.#way === 'own' && this.own.classifier !== null) return 'own';
    return this.canProbe && this.#way !== 'finetune' ? 'probe' : 'finetune';
  }
  /** The ways there are for the data and the chosen encoder, the quick ones first. */
  get ways(): readonly Way[] {
    return [
      ...(this.own.classifier === null ? [] : (['own'] as const)),
      ...(this.canProbe ? (['probe'] as const) : []),
      'finetune',
    ];
  }

  choose(way: Way): void {
    this.#way = way;
  }

  /** Looks for what an earlier visit left undone. @returns whether a fine-tune waits to go on. */
  async arrive(): Promise<boolean> {
    if (this.isMade) void this.labelling.read();
    await this.place.read();
    void this.look.layers.read();
    await this.finetuning.look();
    const waits = this.finetuning.unfinished !== null;
    if (waits) this.#way = 'finetune';
    return waits;
  }

  rename(name: string): void {
    this.#view = { ...this.#view, name };
  }

  select(run: RunView): void {
    this.#selected = run.id;
    this.rows.close();
    this.live.reset();
    this.file.reset();
    this.keep.reset();
    this.hub.reset();
  }

  /** @returns whether it holds now; else `data.error` says why. */
  async configure(change: Partial<DataChoice>): Promise<boolean> {
    const choice: DataChoice = { ...this.#view.choice, ...change };
    return this.#read('Reading the data', (signal) =>
      this.#engine.configureData(this.id, choice, signal),
    );
  }

  /** Labels are made here from now on; what a column says is truth for the held-out rows, at most. */
  makeLabels(): Promise<boolean> {
    return this.configure({ label: madeChoice(this.#view) });
  }

  /** What there is to train on, after labels have been made or proposed. */
  async #reread(): Promise<void> {
    void this.active.refresh();
    const view = await this.data.attempt(async () => finish(this.#engine.openProject(this.id)));
    // What has been changed meanwhile is read by its own job.
    if (view !== null && !this.data.running) this.#take(view);
  }

  /** @returns whether they are there now; else `data.error` says why, and nothing has changed. */
  addFiles(files: readonly File[]): Promise<boolean> {
    const given = files.map((file) => ({ name: file.name, blob: file }));
    return this.#read('Reading the files', (signal) =>
      this.#engine.addFiles(this.id, given, signal),
    );
  }

  removeFile(name: string): Promise<boolean> {
    return this.#read('Removing the file', (signal) =>
      this.#engine.removeFile(this.id, name, signal),
    );
  }

  /** The rows of a file that could not be read, as CSV; null when that failed (`saving.error` says why). */
  leftOut(file: string): Promise<ExportedFile | null> {
    return this.saving.run('Preparing the file', (signal) =>
      this.#engine.dataFile(this.id, 'rejected', file, signal),
    );
  }

  async #read(
    title: string,
    start: (signal: AbortSignal) => ReturnType<Engine['configureData']>,
  ): Promise<boolean> {
    const view = await this.data.run(title, start);
    if (view === null) return false;
    this.#take(view);
    // Other rows, other proposals.
    this.active.close();
    if (this.isMade) void this.labelling.reread();
    return true;
  }

  /** Kept from what may have come in meanwhile: the name and the runs. */
  #take(next: ProjectView): void {
    this.#view = { ...next, name: this.#view.name, runs: this.#view.runs };
  }

  async train(): Promise<void> {
    this.advice.stop();
    const present = this.runs.filter((run) => this.#isOfPresent(run));
    await this.training.train(this.id, present, (run) => this.#add(run));
  }

  /** Trains as a run was trained, on the data as it is now. */
  async retrain({ recipe, record }: RunView): Promise<void> {
    this.advice.stop();
    this.#encoders.adopt(recipe);
    const finished = (run: RunView): void => this.#add(run);
    this.#way = recipe.method;
    if (recipe.method === 'finetune') {
      this.finetuning.form.adopt(recipe.finetune);
      await this.finetuning.start(finished);
      return;
    }
    if (recipe.method === 'own') {
      this.own.adopt(recipe);
      await this.#finished(this.own.again(recipe, record.baselines !== null));
      return;
    }
    this.training.adopt(recipe);
    await this.training.again(this.id, recipe, record.baselines !== null, finished);
  }

  /** Evaluates the chosen model's own classifier. */
  async evaluateOwn(): Promise<void> {
    this.advice.stop();
    await this.#finished(this.own.evaluate());
  }

  /** An unfinished one goes on with the data and the encoder that it was begun with. */
  async finetune(how: FinetuneHow): Promise<void> {
    this.advice.stop();
    const { finetuning } = this;
    const finished = (run: RunView): void => this.#add(run);
    if (how === 'anew') await finetuning.discard();
    if (how === 'start' || how === 'anew') {
      await finetuning.start(finished);
      return;
    }
    if (!(await this.#goBack())) return;
    if (how === 'resume') await finetuning.resume(finished);
    else await finetuning.keepBest(finished);
  }

  async deleteRun(run: RunView): Promise<void> {
    const done = await this.list.attempt(async () => {
      await this.#engine.deleteRun(this.id, run.id);
      return true;
    });
    if (done !== true) return;
    const shown = this.run;
    this.#view = { ...this.#view, runs: this.runs.filter(({ id }) => id !== run.id) };
    const next = this.runs[0];
    if (shown?.id === run.id && next !== undefined) this.select(next);
  }

  stop(): void {
    this.training.stop();
    this.followed.leave();
    this.finetuning.stop();
    this.labelErrors.stop();
    this.look.layers.stop();
    this.own.work.stop();
    this.advice.stop();
    this.labelling.stop();
    this.active.stop();
    const { data, saving, file, keep, parts, mending } = this;
    for (const work of [data, saving, file.work, keep.work, parts.work, mending.work]) work.stop();
    for (const one of [this.hub, this.live]) one.reset();
  }

  /** Work runs elsewhere from now on: what was measured was measured where it ran before. */
  #moved(): void {
    this.finetuning.forgetEstimate();
    this.labelling.forgetEstimates();
  }

  #adoptMissing(): void {
    if (this.#missing !== null && this.#encoders.adopt(this.#missing.recipe)) this.#missing = null;
  }

  /** A job that was begun before this page was loaded has brought its results. */
  async #brought(): Promise<void> {
    const view = await this.data.attempt(async () => finish(this.#engine.openProject(this.id)));
    if (view === null) return;
    const known = this.runs.map(({ id }) => id);
    const brought = view.runs.filter(({ id }) => !known.includes(id));
    this.#take(view);
    for (const run of [...brought].reverse()) this.#add(run);
    if (brought.length > 0) this.training.ended(this.id);
    if (this.isMade) await this.labelling.reread();
    await Promise.all([this.finetuning.look(), this.look.layers.brought()]);
  }

  /** To what the unfinished fine-tune was begun with. @returns whether its checkpoint fits now. */
  async #goBack(): Promise<boolean> {
    const { unfinished, differences } = this.finetuning;
    if (unfinished === null) return false;
    if (differences.length === 0) return true;
    this.#encoders.adopt(unfinished.choice);
    const { choice } = this.#view;
    if (dataDifferences(unfinished.data, choice).length > 0) await this.configure(unfinished.data);
    return dataDifferences(unfinished.data, this.#view.choice).length === 0;
  }

  /** Of labels that are made here, those that stand now count too. */
  #isOfPresent(run: RunView): boolean {
    return isOfPresent(run.recipe, this.#view) && this.labelling.isOfPresent(run);
  }

  async #finished(work: Promise<RunView | null>): Promise<void> {
    const run = await work;
    if (run !== null) this.#add(run);
  }

  #add(run: RunView): void {
    this.#view = { ...this.#view, runs: [run, ...this.runs] };
    this.select(run);
  }
}
