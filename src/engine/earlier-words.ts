/**
 * The words baseline depends on texts, labels and parts alone, not on the encoder: what a run of the same data and
 * split has computed stands for the next one too.
 */
import { canonicalJson } from '../base';
import type { BaselineFigures, Recipe } from '../project';
import type { Projects } from './projects';

const TAKEN = 'Taken from an earlier run on the same texts';

/**
 * @param versions of this program: another one may compute otherwise.
 * @returns null when there is none. `seconds` are those of this run, none; the note says what it took then.
 */
export async function earlierWords(
  projects: Projects,
  project: string,
  { data, split }: Pick<Recipe, 'data' | 'split'>,
  versions: Readonly<Record<string, string>>,
): Promise<BaselineFigures | null> {
  const same = canonicalJson({ data, split, versions });
  for (const { recipe, record } of await projects.store.runs(project)) {
    const found = record.baselines?.tfidf_logistic ?? null;
    if (found === null) continue;
    const theirs = { data: recipe.data, split: recipe.split, versions: record.environment };
    if (canonicalJson(theirs) !== same) continue;
    if (found.notes.some((note) => note.startsWith(TAKEN))) return { ...found, seconds: 0 };
    const note = `${TAKEN}, where it took ${found.seconds.toFixed(1)} s.`;
    return { ...found, seconds: 0, notes: [...found.notes, note] };
  }
  return null;
}
