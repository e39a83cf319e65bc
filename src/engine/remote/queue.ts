/**
 * The jobs of a companion. Each is named by who submits it, is kept on disk with what it was asked, is run once
 * nobody is before it, and ends exactly once: with the outcome on disk, before anybody is told. What ran when the
 * companion was killed is queued again in its place, unless that happens again and again; the engine goes on from shards
 * and checkpoints. An outcome stays until it is taken, `KEPT_MS` at most.
 *
 * Jobs of one project never run at the same time; those of others may overtake them where a slot is free.
 */
import { abortedError, HeadlightError, throwIfAborted, type Progress } from '../../base';
import { EngineCrash, toWire } from './errors';
import { mergeProgress } from './job-progress';
import { JobList } from './job-list';
import { JobStore, type JobRecord, type Outcome } from './job-store';
import { LIMITS, type JobLine, type JobState } from './protocol';
import {
  AFTER_CRASH_MS,
  checkRoom,
  countKill,
  crashedOutcome,
  entryOf,
  isActive,
  isTooOld,
  killedOutcome,
  MOST_CRASHES,
  newRecord,
  STEADY_MS,
  stoppedOutcome,
  SWEEP_MS,
  type Entry,
} from './queue-entry';
import type { JobWatcher, QueueOptions, Submission } from './queue-types';

export class JobQueue {
  readonly #store: JobStore;
  readonly #options: QueueOptions;
  readonly #limits: { readonly jobs: number; readonly allJobs: number };
  readonly #jobs = new JobList();
  readonly #submitting = new Map<string, Promise<JobLine>>();
  readonly #runs = new Map<string, Promise<void>>();
  #slots: number;
  #rank = 0;
  #swept: number;
  #isClosing = false;

  private constructor(options: QueueOptions) {
    this.#store = new JobStore(options.storage);
    this.#options = options;
    this.#limits = options.limits ?? LIMITS;
    this.#slots = options.slots ?? 1;
    this.#swept = options.clock.now();
  }

  /** Reads what is kept, and begins. @throws HeadlightError `storage`. */
  static async open(options: QueueOptions): Promise<JobQueue> {
    const queue = new JobQueue(options);
    await queue.#load();
    queue.#pump();
    return queue;
  }

  get slots(): number {
    return this.#slots;
  }

  /** As engine processes come and go. What runs goes on. */
  set slots(slots: number) {
    this.#slots = slots;
    this.#pump();
  }

  /** Jobs by state, of all pages. */
  counts(): Readonly<Record<JobState, number>> {
    return this.#jobs.counts();
  }

  // ------------------------------------------------------------------------------- what pages ask

  /**
   * Kept on disk when it answers. A second time with the same name changes nothing.
   * @throws HeadlightError `refused` when there are too many, or the name is another page's; `not-found` when the
   *   outcome was taken already; `storage-full`.
   */
  submit(owner: string, submission: Submission): Promise<JobLine> {
    const { job } = submission;
    const known = this.#jobs.get(job);
    if (known !== undefined) {
      return Promise.resolve().then(() => this.#jobs.line(this.#jobs.own(owner, job), owner));
    }
    const before = this.#submitting.get(job);
    if (before !== undefined) return before.then(() => this.submit(owner, submission));
    const submitting = this.#submit(owner, submission).finally(() => this.#submitting.delete(job));
    this.#submitting.set(job, submitting);
    return submitting;
  }

  /** @returns what stops it. @throws HeadlightError `not-found`, `refused`. */
  watch(owner: string, job: string, watcher: JobWatcher): () => void {
    const entry = this.#jobs.own(owner, job);
    entry.watchers.add(watcher);
    const { state } = entry.record;
    if (state !== 'taken') watcher.state(state, this.#jobs.positions().get(job) ?? null);
    if (entry.progress !== null && isActive(entry)) watcher.progress(entry.progress);
    if (!isActive(entry)) watcher.ended();
    return () => entry.watchers.delete(watcher);
  }

  /** What a job came out with; null while it has not ended. @throws HeadlightError `not-found`, `refused`. */
  async outcome(owner: string, job: string): Promise<Outcome | null> {
    const entry = this.#jobs.own(owner, job);
    return entry.unkept ?? this.#store.outcome(job);
  }

  /** Whether jobs of it are queued or running. */
  isBusyWith(project: string): boolean {
    return this.#jobs.isBusyWith(project);
  }

  line(owner: string, job: string): JobLine {
    return this.#jobs.line(this.#jobs.own(owner, job), owner);
  }

  /** Own jobs, and those of others that are queued or running: of them no more than what kind of work it is. */
  lines(owner: string): JobLine[] {
    return this.#jobs.lines(owner);
  }

  /** Queued: it ends at once. Running: after what it is at. Ended: nothing happens. */
  async stop(owner: string, job: string): Promise<void> {
    await this.#stop(this.#jobs.own(owner, job));
  }

  /** @param position among all that are queued, 0: next. Not queued: nothing happens. */
  async move(owner: string, job: string, position: number): Promise<void> {
    const entry = this.#jobs.own(owner, job);
    if (entry.record.state !== 'queued') return;
    entry.record.rank = this.#jobs.rankAt(entry, position);
    this.#rank = Math.max(this.#rank, entry.record.rank);
    this.#jobs.tellPositions();
    await this.#save(entry);
  }

  /** The outcome is deleted. Twice is harmless. @throws HeadlightError `bad-setting` before it has ended. */
  async taken(owner: string, job: string): Promise<void> {
    const entry = this.#jobs.get(job);
    if (entry === undefined) return;
    this.#jobs.own(owner, job, true);
    if (isActive(entry)) {
      throw new HeadlightError('bad-setting', 'This job has not ended: there is nothing to take.');
    }
    if (entry.record.state !== 'taken') {
      this.#change(entry, 'taken');
      // Of what was asked nothing is left but the job's name.
      entry.record.title = '';
      entry.unkept = null;
      await this.#save(entry);
    }
    await this.#store.forgetOutcome(job);
    await this.#store.forgetArgs(job);
  }

  /** Stops and deletes all that a page has here. */
  async forget(owner: string): Promise<void> {
    const own = this.#jobs.all().filter(({ record }) => record.owner === owner);
    for (const entry of own) await this.#stop(entry);
    for (const { record } of own) await this.#runs.get(record.id);
    for (const { record } of own) {
      this.#jobs.delete(record.id);
      await this.#store.remove(record.id);
    }
  }

  /** Nothing more is begun; what runs is told to stop, and is queued again when the companion starts anew. */
  async close(): Promise<void> {
    this.#isClosing = true;
    for (const { run } of this.#jobs.all()) run?.abort();
    await Promise.all(this.#runs.values());
  }

  /** What waits too long is deleted; looked at once an hour at most. @throws HeadlightError `storage`. */
  async sweep(): Promise<void> {
    const now = this.#options.clock.now();
    if (now - this.#swept < SWEEP_MS) return;
    this.#swept = now;
    for (const entry of this.#jobs.all()) {
      if (!isTooOld(entry, now)) continue;
      this.#jobs.delete(entry.record.id);
      await this.#store.remove(entry.record.id);
    }
  }

  // ------------------------------------------------------------------------------------ inside

  async #load(): Promise<void> {
    const { log, clock } = this.#options;
    const damaged = (key: string): void => log?.(`${key} cannot be read and was deleted`);
    for (const record of await this.#store.load(damaged)) {
      const entry = entryOf(record);
      this.#jobs.add(entry);
      this.#rank = Math.max(this.#rank, record.rank);
      if (!isActive(entry)) continue;
      // Killed between the outcome and the record: the outcome counts.
      const outcome = await this.#store.outcome(record.id);
      if (outcome !== null) this.#change(entry, outcome.state);
      else if (record.stopping) await this.#end(entry, stoppedOutcome());
      else if (record.state === 'running') await this.#afterKill(entry);
      if (outcome !== null) await this.#save(entry);
    }
    this.#swept = clock.now() - SWEEP_MS;
    await this.sweep();
  }

  async #afterKill(entry: Entry): Promise<void> {
    const { record } = entry;
    const isLast = countKill(record);
    this.#options.log?.(`job ${record.id} ${isLast ? 'brings the companion down' : 'goes on'}`);
    if (isLast) return this.#end(entry, killedOutcome(record));
    this.#change(entry, 'queued');
    await this.#save(entry);
  }

  async #submit(owner: string, submission: Submission): Promise<JobLine> {
    await this.sweep();
    checkRoom(this.#jobs.all(), owner, this.#submitting.size, this.#limits);
    const { job, args } = submission;
    const now = this.#options.clock.now();
    const entry = entryOf(newRecord(submission, owner, ++this.#rank, now));
    try {
      await this.#store.writeArgs(job, args);
      await this.#store.write(entry.record);
    } catch (error) {
      await this.#store.remove(job);
      throw error;
    }
    this.#jobs.add(entry);
    this.#pump();
    return this.#jobs.line(entry, owner);
  }

  #pump(): void {
    if (this.#isClosing) return;
    const running = this.#jobs.all().filter(({ run }) => run !== null);
    const busy = new Set(running.map(({ record }) => record.project));
    busy.delete(null);
    let free = this.#slots - running.length;
    for (const entry of this.#jobs.queued()) {
      if (free <= 0) break;
      const { project, stopping } = entry.record;
      if (stopping || busy.has(project) || entry.isResting) continue;
      this.#begin(entry);
      if (project !== null) busy.add(project);
      free--;
    }
    this.#jobs.tellPositions();
  }

  #begin(entry: Entry): void {
    const { signal } = (entry.run = new AbortController());
    this.#change(entry, 'running');
    // By then something is committed, so that it is not for ever at the same place.
    const forgive = this.#options.clock.after(STEADY_MS, () => {
      entry.record.kills = entry.record.stalls = 0;
      void this.#trySave(entry);
    });
    const run = this.#run(entry, signal).then(async () => {
      forgive();
      entry.run = null;
      // Told to stop while it was being put back after a crash: nobody else would end it.
      if (entry.record.stopping && isActive(entry)) await this.#end(entry, stoppedOutcome());
      this.#runs.delete(entry.record.id);
      this.#pump();
    });
    this.#runs.set(entry.record.id, run);
  }

  /** Never rejects. */
  async #run(entry: Entry, signal: AbortSignal): Promise<void> {
    const { record } = entry;
    await this.#trySave(entry);
    let outcome: Outcome;
    try {
      const args = await this.#store.args(record.id);
      if (args === null) {
        throw new HeadlightError(
          'storage',
          'What this job was asked is no longer on the companion’s disk.',
          {
            hint: 'Start it again.',
          },
        );
      }
      throwIfAborted(signal);
      const value = await this.#options.runner.run(
        record.method,
        args,
        (progress) => this.#progress(entry, progress),
        signal,
      );
      outcome = { state: 'done', value };
    } catch (error) {
      const failed = this.#afterFailure(entry, error);
      if (failed === null) {
        await this.#trySave(entry);
        return;
      }
      outcome = failed;
    }
    await this.#end(entry, outcome);
  }

  /** null: it is queued again, or goes on when the companion starts anew. */
  #afterFailure(entry: Entry, error: unknown): Outcome | null {
    const { record } = entry;
    const { clock, log } = this.#options;
    const wasAborted = error instanceof HeadlightError && error.code === 'aborted';
    if (record.stopping && (wasAborted || error instanceof EngineCrash)) return stoppedOutcome();
    if (this.#isClosing && (wasAborted || error instanceof EngineCrash)) {
      // Told to leave, not killed: that is nothing of this job's doing.
      this.#change(entry, 'queued');
      return null;
    }
    if (!(error instanceof EngineCrash)) {
      return { state: wasAborted ? 'stopped' : 'failed', error: toWire(error) };
    }
    record.crashes++;
    log?.(`job ${record.id}: its engine went away (${record.crashes}): ${error.message}`);
    if (record.crashes >= MOST_CRASHES) return crashedOutcome(error);
    // Not by comparing times: a timer may fire a moment before the clock says so, and nobody would ask again.
    entry.isResting = true;
    clock.after(AFTER_CRASH_MS, () => {
      entry.isResting = false;
      this.#pump();
    });
    this.#change(entry, 'queued');
    return null;
  }

  #progress(entry: Entry, progress: Progress): void {
    if (entry.record.state !== 'running') return;
    const { phase, done } = entry.progress ?? progress;
    if (entry.record.stalls > 0 && progress.phase === phase && progress.done > done) {
      entry.record.stalls = 0;
      void this.#trySave(entry);
    }
    entry.progress = mergeProgress(entry.progress, progress);
    for (const watcher of entry.watchers) watcher.progress(progress);
  }

  /** The outcome on disk is what ends a job; all else can be found from it. */
  async #end(entry: Entry, outcome: Outcome): Promise<void> {
    const { id } = entry.record;
    let kept = outcome;
    try {
      await this.#store.writeOutcome(id, kept);
    } catch (error) {
      kept = { state: 'failed', error: toWire(error) };
      // Small as it is, it may fit; where it does not, it is known until the companion ends.
      await this.#store.writeOutcome(id, kept).catch(() => (entry.unkept = kept));
    }
    this.#change(entry, kept.state);
    await this.#trySave(entry);
    for (const watcher of entry.watchers) watcher.ended();
    await this.#store.forgetArgs(id).catch((error: unknown) => this.#complain(error));
  }

  async #stop(entry: Entry): Promise<void> {
    const { record } = entry;
    if (!isActive(entry) || record.stopping) return;
    record.stopping = true;
    if (entry.run === null) await this.#end(entry, stoppedOutcome());
    else {
      entry.run.abort(abortedError());
      await this.#save(entry);
    }
    this.#jobs.tellPositions();
  }

  #change(entry: Entry, state: JobRecord['state']): void {
    entry.record.state = state;
    entry.record.changed = this.#options.clock.now();
    if (state === 'taken') return;
    entry.position = this.#jobs.positions().get(entry.record.id) ?? null;
    for (const watcher of entry.watchers) watcher.state(state, entry.position);
  }

  /** One after the other, the newest last. */
  #save(entry: Entry): Promise<void> {
    const saving = entry.saving.catch(() => undefined).then(() => this.#store.write(entry.record));
    entry.saving = saving;
    return saving;
  }

  /** What is known of a job is told by memory while it cannot be written; the outcome counts after a restart. */
  async #trySave(entry: Entry): Promise<void> {
    await this.#save(entry).catch((error: unknown) => this.#complain(error));
  }

  #complain(error: unknown): void {
    this.#options.log?.(error instanceof Error ? error.message : String(error));
  }
}
