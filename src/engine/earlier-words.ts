/**
 * The words baseline depends on texts, labels and parts alone, not on the encoder: what a run of the same data and
 * split has computed stands for the next one too.
 */
import { canonicalJson, type Job } from '../base';
import type { BaselineFigures, Baselines, Recipe } from '../project';
import { computeBaselines } from './baselines';
import type { Prepared } from './prepare';
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

/**
 * The baselines of a run that has no features of its texts: words alone.
 * @returns null for words that are tagged, which have none.
 */
export async function* wordsBaselines(
  projects: Projects,
  project: string,
  prepared: Prepared,
  recipe: Recipe,
  figures: Parameters<typeof computeBaselines>[2],
  versions: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Job<Baselines | null> {
  if (recipe.task === 'token_classification') return null;
  const earlier = await earlierWords(projects, project, recipe, versions);
  return yield* computeBaselines(prepared, null, figures, earlier, signal);
}
