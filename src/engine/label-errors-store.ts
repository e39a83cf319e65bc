/**
 * What is kept of a look for likely wrong labels, and what a person found right:
 *
 *     labelling/<project>/errors/found    the last look: rows and pairs, without their texts
 *     labelling/<project>/errors/looked   rows whose label a person looked at and found right
 */
import * as v from 'valibot';
import { HeadlightError } from '../base';
import { embedSettingsSchema, pinnedReferenceSchema } from '../models';
import type { Storage } from '../platform';
import { jsonBytes, parseDocument, parseJson } from '../project';

const names = v.array(v.string());
const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const rowPlace = v.object({ file: v.string(), row: whole });
const place = {
  file: v.string(),
  row: whole,
  line: whole,
  part: v.picklist(['train', 'validation', 'test']),
  given: names,
};
const storedPlace = v.object(place);
const storedRow = v.object({
  ...place,
  suggested: names,
  probability: v.number(),
  given_probability: v.number(),
});
const storedPair = v.object({
  a: storedPlace,
  b: storedPlace,
  cosine: v.number(),
  /** Rows with the same text and label as each of the two. */
  copies: v.tuple([v.array(rowPlace), v.array(rowPlace)]),
});
const settings = v.object({
  encoder: v.object({
    ...pinnedReferenceSchema.entries,
    revision: v.nullable(v.string()),
  }),
  embed: embedSettingsSchema,
  device: v.picklist(['auto', 'cpu', 'wasm', 'webgpu', 'cuda']),
  folds: whole,
  seed: v.pipe(v.number(), v.safeInteger()),
  alike: v.number(),
});
const foundSchema = v.object({
  kind: v.literal('headlight.label-errors'),
  schemaVersion: v.literal(1),
  /** Of the data as they were judged; labels mended by hand do not count. */
  choice: v.string(),
  settings,
  at: v.number(),
  rows: whole,
  several: v.boolean(),
  classes: v.array(v.object({ name: v.string(), rows: whole, listed: whole })),
  confusions: v.array(
    v.object({ given: v.nullable(v.string()), likely: v.nullable(v.string()), rows: whole }),
  ),
  agreement: v.number(),
  pairsFound: whole,
  pairsComplete: v.boolean(),
  notes: names,
  seconds: v.number(),
  listed: v.array(storedRow),
  pairs: v.array(storedPair),
});
const lookedSchema = v.array(v.object({ file: v.string(), row: whole, labels: names }));

export type StoredPlace = v.InferOutput<typeof storedPlace>;
export type StoredRow = v.InferOutput<typeof storedRow>;
export type StoredPair = v.InferOutput<typeof storedPair>;
export type FoundErrors = v.InferOutput<typeof foundSchema>;
export type LookedAt = v.InferOutput<typeof lookedSchema>;

export class LabelErrorsStore {
  readonly #storage: Storage;

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  async writeFound(project: string, found: FoundErrors): Promise<void> {
    await this.#storage.write('labelling', key(project, 'found'), jsonBytes(found));
  }

  /** null when there is none, or it is of another release: it is looked for anew. */
  async found(project: string): Promise<FoundErrors | null> {
    const bytes = await this.#storage.read('labelling', key(project, 'found'));
    if (bytes === null) return null;
    const parsed = v.safeParse(foundSchema, parseJson(bytes, 'the list of likely wrong labels'));
    return parsed.success ? parsed.output : null;
  }

  async writeLooked(project: string, looked: LookedAt): Promise<void> {
    await this.#storage.write('labelling', key(project, 'looked'), jsonBytes(looked));
  }

  /** @throws HeadlightError `bad-project`. */
  async looked(project: string): Promise<LookedAt> {
    const bytes = await this.#storage.read('labelling', key(project, 'looked'));
    if (bytes === null) return [];
    const what = 'the list of labels that were looked at';
    return parseDocument(lookedSchema, parseJson(bytes, what), what);
  }
}

function key(project: string, name: string): string {
  return `${project}/errors/${name}`;
}

export function noneFound(): HeadlightError {
  return new HeadlightError('not-found', 'Nobody has looked for likely wrong labels here yet.', {
    hint: 'Look for them first; it takes seconds once the texts are embedded.',
  });
}
