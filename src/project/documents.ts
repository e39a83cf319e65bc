/** Reading documents: migrate, then parse by schema. The only ways a document becomes trusted. */
import { HeadlightError } from '../base';
import { migrate } from './migrate';
import { parseDocument, projectRecordSchema, recipeSchema, runDocumentSchema } from './schema';
import type { ProjectRecord, Recipe, RunDocument } from './types';

const decoder = new TextDecoder('utf-8', { fatal: true });
const encoder = new TextEncoder();

/** @throws HeadlightError `bad-project` when the bytes are not JSON. */
export function parseJson(bytes: Uint8Array, what: string): unknown {
  try {
    return JSON.parse(decoder.decode(bytes)) as unknown;
  } catch (cause) {
    throw new HeadlightError('bad-project', `${what} is not valid JSON.`, {
      hint: 'It may have been cut short. Save it again from the project it came from.',
      cause,
    });
  }
}

export function jsonBytes(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value, null, 2) + '\n');
}

/** @throws HeadlightError `bad-project` */
export function readRecipe(value: unknown, what = 'the recipe'): Recipe {
  return parseDocument(recipeSchema, migrate('headlight.recipe', value, what), what);
}

/** @throws HeadlightError `bad-project` */
export function readRun(value: unknown, what = 'the run'): RunDocument {
  if (typeof value !== 'object' || value === null) {
    throw new HeadlightError('bad-project', `${what} is not a run document.`);
  }
  const { recipe, record, ...rest } = value as Record<string, unknown>;
  return parseDocument(
    runDocumentSchema,
    {
      ...rest,
      recipe: migrate('headlight.recipe', recipe, `${what}: recipe`),
      record: migrate('headlight.run', record, `${what}: record`),
    },
    what,
  );
}

/** @throws HeadlightError `bad-project` */
export function readProjectRecord(value: unknown, what = 'the project'): ProjectRecord {
  return parseDocument(projectRecordSchema, migrate('headlight.project', value, what), what);
}
