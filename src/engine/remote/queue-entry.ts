/** One job of the queue as it stands in memory, how long it is kept, and how many there may be. */
import { abortedError, HeadlightError, type Progress } from '../../base';
import { toWire, type EngineCrash } from './errors';
import type { JobRecord, Outcome } from './job-store';
import { kindOfWork } from './methods';
import type { JobLine } from './protocol';
import type { JobWatcher, Submission } from './queue-types';

export interface Entry {
  readonly record: JobRecord;
  readonly watchers: Set<JobWatcher>;
  progress: Progress | null;
  run: AbortController | null;
  /** As told last. */
  position: number | null;
  /** For a moment after a crash: it is not begun. */
  isResting: boolean;
  /** Of a disk that is full: an outcome that could not be kept. */
  unkept: Outcome | null;
  saving: Promise<void>;
}

/** How long an outcome waits to be taken. */
const KEPT_MS = 30 * 24 * 3_600_000;
/** How long the name of a job that was taken is known. */
const NAME_KEPT_MS = 7 * 24 * 3_600_000;
export const SWEEP_MS = 3_600_000;
/** Engine processes that a job may bring down. */
export const MOST_CRASHES = 3;
/** Ends of the companion itself that a job may be at: one that does not get on between them, and one that does. */
const MOST_STALLS = 5;
const MOST_KILLS = 12;
/** Of a job that has run so long something is committed: kills before it count no more. */
export const STEADY_MS = 600_000;
export const AFTER_CRASH_MS = 2000;
/** Outcomes of one page that wait to be taken. */
const MOST_UNTAKEN = 256;

export const isActive = ({ record: { state } }: Entry): boolean =>
  state === 'queued' || state === 'running';

/** Ended, and nobody came for it. @param now milliseconds since the epoch. */
export function isTooOld(entry: Entry, now: number): boolean {
  const { state, changed } = entry.record;
  return !isActive(entry) && now - changed >= (state === 'taken' ? NAME_KEPT_MS : KEPT_MS);
}

/** As a page may see it: of another's no more than what kind of work it is. */
export function lineOf(
  { record, progress }: Entry,
  owner: string,
  position: number | null,
): JobLine {
  const isOwn = record.owner === owner;
  return {
    id: record.id,
    method: record.method,
    title: isOwn ? record.title : kindOfWork(record.method),
    own: isOwn,
    project: isOwn ? record.project : null,
    state: record.state === 'taken' ? 'done' : record.state,
    position,
    progress: isOwn ? progress : null,
    submitted: record.submitted,
  };
}

/**
 * @param pending jobs that are just being kept
 * @throws HeadlightError `refused` when there is no room for one more.
 */
export function checkRoom(
  all: readonly Entry[],
  owner: string,
  pending: number,
  limits: { readonly jobs: number; readonly allJobs: number },
): void {
  const own = all.filter(({ record }) => record.owner === owner);
  if (own.filter(isActive).length + pending > limits.jobs) {
    throw tooMany(
      'Too many jobs of this page wait on the companion.',
      'Wait until some have ended, or stop some.',
    );
  }
  if (all.filter(isActive).length + pending > limits.allJobs) {
    throw tooMany('Too many jobs wait on the companion.', 'Try again when some have ended.');
  }
  const untaken = own.filter((entry) => !isActive(entry) && entry.record.state !== 'taken');
  if (untaken.length >= MOST_UNTAKEN) {
    throw tooMany(
      'Too many results of this page wait on the companion.',
      'Open the list of its jobs, so that they are brought here.',
    );
  }
}

export function newRecord(
  { job: id, method, title, project }: Submission,
  owner: string,
  rank: number,
  now: number,
): JobRecord {
  return {
    ...{ id, owner, method, title, project, rank },
    ...{
      state: 'queued',
      submitted: now,
      changed: now,
      crashes: 0,
      kills: 0,
      stalls: 0,
      stopping: false,
    },
  };
}

export function entryOf(record: JobRecord): Entry {
  return {
    record,
    watchers: new Set(),
    progress: null,
    run: null,
    position: null,
    isResting: false,
    unkept: null,
    saving: Promise.resolve(),
  };
}

export function stoppedOutcome(): Outcome {
  return { state: 'stopped', error: toWire(abortedError()) };
}

/**
 * Counts that the companion was killed while it ran: chance, unless it happens again and again.
 * @returns whether it is given up.
 */
export function countKill(record: JobRecord): boolean {
  record.kills++;
  record.stalls++;
  return record.stalls >= MOST_STALLS || record.kills >= MOST_KILLS;
}

/** The companion itself was killed, each time while this job ran. */
export function killedOutcome({ kills }: JobRecord): Outcome {
  const error = new HeadlightError(
    'device',
    `The companion was killed ${kills} times while it was at this job, so it is not begun again.`,
    {
      hint: 'It most likely needs more memory than that machine has, or crashes its driver: choose a smaller batch, model or precision, or another device; `headlight serve --memory` bounds what jobs may take.',
    },
  );
  return { state: 'failed', error: toWire(error) };
}

export function crashedOutcome(cause: EngineCrash): Outcome {
  const error = new HeadlightError(
    'device',
    `The companion’s engine broke down ${MOST_CRASHES} times at this job: ${cause.message}`,
    {
      hint: 'It most likely needs more memory than that machine has: choose a smaller batch, model or precision.',
    },
  );
  return { state: 'failed', error: toWire(error) };
}

function tooMany(message: string, hint: string): HeadlightError {
  return new HeadlightError('refused', message, { hint });
}
