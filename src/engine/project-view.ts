/** A project as the page shows it: its files, what was found in them, what is chosen, and what comes of the choice. */
import { toHeadlightError } from '../base';
import { findings } from './choose';
import type { ProjectView, RunView } from './engine';
import { auditOnly, type Prepared } from './prepare';
import type { OpenProject } from './projects';
import { summarise, viewFile } from './views';

/** @param prepare the data under the project's own choice; what it throws is shown as the problem of the choice. */
export async function projectView(
  { record, tables }: OpenProject,
  runs: readonly RunView[],
  prepare: () => Promise<Prepared>,
): Promise<ProjectView> {
  let summary: ProjectView['summary'] = null;
  let problem: ProjectView['problem'] = null;
  let audit: ProjectView['audit'];
  try {
    const prepared = await prepare();
    summary = summarise(prepared);
    audit = prepared.audit;
  } catch (error) {
    const known = toHeadlightError(error);
    if (known.code === 'internal') throw known;
    problem = { message: known.message, hint: known.hint };
    // It may say what to mend.
    audit = auditOnly(tables, record.choice);
  }
  return {
    id: record.id,
    name: record.name,
    created: record.created,
    files: tables.map((table) =>
      viewFile(
        table,
        record.choice.files[table.name] ?? 'unused',
        record.files.find((file) => file.name === table.name)?.bytes ?? 0,
      ),
    ),
    findings: findings(tables),
    audit,
    choice: record.choice,
    summary,
    problem,
    runs,
  };
}
