/** The engine's part about labels that are made here: settings, teachers, labels by hand. */
import { HeadlightError, type Job } from '../../base';
import {
  parseLabellingSettings,
  ruleProblem,
  type HandLabel,
  type LabelRule,
} from '../../learning/labelling';
import type { Device } from '../../platform';
import type { RunningJobs } from '../jobs';
import type {
  LabellingEngine,
  LabellingView,
  ReviewPage,
  ReviewQuery,
  TeacherEstimate,
} from '../labelling-types';
import { reviewRows } from './review';
import { rowKey } from './rows';
import { estimateTeacher, runTeacher, type TeacherParts } from './run-teacher';
import type { LabellingState } from './state';
import { teacherKey } from './teacher-key';
import { handView, labellingView } from './view';

export interface LabellingParts extends TeacherParts {
  readonly jobs: RunningJobs;
}

export class Labelling implements LabellingEngine {
  readonly #parts: LabellingParts;

  constructor(parts: LabellingParts) {
    this.#parts = parts;
  }

  async labelling(project: string): Promise<LabellingView> {
    return labellingView(await this.#parts.projects.labelling(project));
  }

  async configureLabelling(
    project: string,
    asked: unknown,
    renamed?: ReadonlyMap<string, string>,
  ): Promise<LabellingView> {
    const settings = await parseLabellingSettings(asked);
    const { projects } = this.#parts;
    await this.#alone(project, () => projects.configureLabelling(project, settings, renamed));
    const keys = await Promise.all(settings.teachers.map((one) => teacherKey(one, settings)));
    // Rows of runs are found again by the votes that they were made of.
    for (const { record } of await projects.store.runs(project))
      keys.push(...(record.labelling?.teachers ?? []).map(({ key }) => key));
    await projects.labels.keepVotes(project, new Set(keys));
    return this.labelling(project);
  }

  ruleProblems(rules: readonly LabelRule[]): Promise<readonly (string | null)[]> {
    return Promise.all(rules.map(ruleProblem));
  }

  estimateTeacher(project: string, teacher: number, signal?: AbortSignal): Job<TeacherEstimate> {
    return this.#parts.jobs.of(project, signal, (stop) =>
      estimateTeacher(this.#parts, project, teacher, stop),
    );
  }

  async *runTeacher(
    project: string,
    teacher: number,
    device: Device | 'auto',
    signal?: AbortSignal,
  ): Job<LabellingView> {
    yield* this.#parts.jobs.of(project, signal, (stop) =>
      runTeacher(this.#parts, project, teacher, device, stop),
    );
    return this.labelling(project);
  }

  async reviewRows(project: string, query: ReviewQuery): Promise<ReviewPage> {
    const { settings, rows, teachers, proposals, hand } =
      await this.#parts.projects.labelling(project);
    const source = {
      classes: settings.classes.map(({ name }) => name),
      several: settings.several,
      texts: rows.texts,
      origin: rows.origin,
      votes: teachers.map(({ votes, done }) => (done > 0 ? votes : null)),
      proposals,
      hand: (row: number) => {
        const origin = rows.origin[row];
        return origin === undefined ? null : (hand.get(rowKey(origin)) ?? null);
      },
      isKnown: (row: number) => rows.truth(row) !== null,
    };
    return reviewRows(source, query);
  }

  async labelRow(project: string, label: Omit<HandLabel, 'at'>): Promise<LabellingView['hand']> {
    const { projects } = this.#parts;
    return this.#alone(project, async () => {
      const state = await projects.labelling(project);
      checkLabel(state, label);
      const { file, row, labels, held_out, how } = label;
      await projects.labels.addHand(project, { file, row, labels, held_out, how, at: Date.now() });
      return handView(await projects.labelling(project));
    });
  }

  async undoLabel(project: string): Promise<LabellingView['hand']> {
    const { projects } = this.#parts;
    return this.#alone(project, async () => {
      await projects.labels.undoHand(project);
      return handView(await projects.labelling(project));
    });
  }

  /** One at a time, among all tabs: each label is added to the ones before it. */
  async #alone<Result>(project: string, work: () => Promise<Result>): Promise<Result> {
    const release = await this.#parts.platform.locks.acquire(`labelling/${project}`);
    try {
      return await work();
    } finally {
      release();
    }
  }
}

/** @throws HeadlightError `bad-setting` naming what is wrong with a label by hand. */
export function checkLabel(
  { settings, rows }: LabellingState,
  { file, row, labels }: Pick<HandLabel, 'file' | 'row' | 'labels'>,
): void {
  if (!rows.places.has(rowKey({ file, row }))) {
    throw new HeadlightError('bad-setting', `${file} has no row ${row + 1} that can be labelled.`, {
      hint: 'Labels are made for rows with a text, of files that are used.',
    });
  }
  if (labels === null) return;
  const names = settings.classes.map(({ name }) => name);
  const unknown = labels.find((label) => !names.includes(label));
  if (unknown !== undefined || new Set(labels).size < labels.length) {
    throw new HeadlightError(
      'bad-setting',
      unknown === undefined ? 'A label is given twice.' : `There is no class “${unknown}”.`,
      { hint: `The classes are: ${names.slice(0, 20).join(', ')}.` },
    );
  }
  if (settings.several || labels.length === 1) return;
  throw new HeadlightError('bad-setting', 'A text has exactly one class here.', {
    hint: 'Choose one class for it, or skip it.',
  });
}
