/** The list of projects: what each is, and which cannot be read. */
import { toHeadlightError } from '../base';
import {
  headline,
  multiLabelFigures,
  type ProjectRecord,
  type ProjectStore,
  type RunDocument,
} from '../project';
import type { ProjectSummary } from './engine';

/** Newest first. */
export async function listProjects(store: ProjectStore): Promise<ProjectSummary[]> {
  const summaries: ProjectSummary[] = [];
  for (const id of await store.ids()) {
    let record: ProjectRecord;
    let runs: readonly RunDocument[];
    try {
      record = await store.read(id);
      runs = await store.runs(id);
    } catch (error) {
      const known = toHeadlightError(error);
      if (known.code === 'not-found') continue; // deleted in another tab just now
      if (known.code !== 'bad-project') throw known;
      summaries.push(unreadable(id, known.message, await store.bytes(id)));
      continue;
    }
    summaries.push({
      id: record.id,
      name: record.name,
      created: record.created,
      modified: record.modified,
      rows: record.rows,
      classes: record.classes,
      bestAccuracy: runs.reduce<number | null>(
        (best, { record }) =>
          // Agreement with a teacher is no accuracy.
          multiLabelFigures(record) === null && record.labelling?.tested_by !== 'teacher'
            ? Math.max(best ?? 0, headline(record).value)
            : best,
        null,
      ),
      bytes: await store.bytes(record.id),
      problem: null,
    });
  }
  return summaries.sort((a, b) => b.modified - a.modified);
}

function unreadable(id: string, problem: string, bytes: number): ProjectSummary {
  return {
    id,
    name: 'A project that cannot be read',
    created: 0,
    modified: 0,
    rows: 0,
    classes: 0,
    bestAccuracy: null,
    bytes,
    problem,
  };
}
