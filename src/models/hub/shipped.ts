/** The encoders that ship with Headlight, under `public/models/`, as `catalogue.json` lists them. */
import * as v from 'valibot';
import { HeadlightError, type Job } from '../../base';
import type { Assets } from '../../platform';
import { TRANSFORMERS } from '../encoders';
import { PRECISION_NAMES } from '../precisions';
import { embedSettingsSchema } from '../schema';
import type { EncoderInfo, EncoderReference } from '../types';
import { openEncoder, type Encoder, type ModelFile } from './encoder';
import { megabytes } from './progress';
import { oneWeightFile } from './weight-files';

const FOLDER = 'models';

const entrySchema = v.object({
  id: v.string(),
  /** SHA-256 of the weights. */
  revision: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  precision: v.picklist(PRECISION_NAMES),
  name: v.string(),
  description: v.string(),
  architecture: v.picklist([...TRANSFORMERS, 'static']),
  layers: v.number(),
  hiddenSize: v.number(),
  maxTokens: v.number(),
  parameters: v.number(),
  licence: v.string(),
  /** Which file holds the weights. */
  weights: v.string(),
  files: v.array(v.object({ name: v.string(), bytes: v.number() })),
  defaults: embedSettingsSchema,
});
const catalogueSchema = v.object({
  format: v.literal('headlight.catalogue'),
  version: v.literal(1),
  encoders: v.array(entrySchema),
});

export type Catalogue = v.InferOutput<typeof catalogueSchema>;
export type CatalogueEntry = v.InferOutput<typeof entrySchema>;

/** What ships, in the order to be shown. Reads only the catalogue. */
export async function listShipped(assets: Assets): Promise<readonly EncoderInfo[]> {
  const { encoders } = await readCatalogue(assets);
  return encoders.map(infoOf);
}

/**
 * @param reference a revision that is not the one that ships is refused: the numbers would be others
 * @throws HeadlightError `not-found`, `bad-setting`, `bad-model` when a file was damaged on its way.
 */
export async function* loadShipped(assets: Assets, reference: EncoderReference): Job<Encoder> {
  const { encoders } = await readCatalogue(assets);
  const entry = encoders.find(({ id }) => id === reference.id);
  if (entry === undefined) {
    throw new HeadlightError(
      'not-found',
      `No encoder called ${reference.id} ships with Headlight.`,
      {
        hint: `These do: ${encoders.map(({ id }) => id).join(', ')}.`,
      },
    );
  }
  if (reference.precision !== entry.precision) {
    throw new HeadlightError(
      'bad-setting',
      `${entry.name} ships in ${entry.precision}, not in ${reference.precision}.`,
      { hint: `Choose ${entry.precision}, or add the original from its folder or repository.` },
    );
  }
  if (reference.revision !== null && reference.revision !== entry.revision) {
    throw new HeadlightError(
      'not-found',
      `${entry.name} ships in revision ${short(entry.revision)}, but ${short(reference.revision)} was asked for.`,
      { hint: 'Use the version of Headlight that the recipe was made with, or train anew.' },
    );
  }
  const total = entry.files.reduce((sum, { bytes }) => sum + bytes, 0);
  const files: ModelFile[] = [];
  let done = 0;
  for (const { name, bytes: size } of entry.files) {
    yield megabytes(`Reading ${entry.name}`, done, total);
    const bytes = await assets.read(`${FOLDER}/${entry.id}/${name}`);
    done += size;
    files.push({ name, bytes });
  }
  yield megabytes(`Reading ${entry.name}`, total, total);
  const encoder = await openEncoder(
    { ...reference, revision: entry.revision },
    files,
    oneWeightFile(entry.weights),
    {
      name: entry.name,
      description: entry.description,
      licence: entry.licence,
      defaults: entry.defaults,
    },
  );
  if (encoder.weightsHash !== entry.revision) {
    throw new HeadlightError('bad-model', `${entry.weights} of ${entry.name} is damaged.`, {
      hint: 'Reload the page; if it stays so, this copy of Headlight is not whole.',
    });
  }
  return encoder;
}

/** @throws HeadlightError `internal` when the catalogue that was built in cannot be read. */
export async function readCatalogue(assets: Assets): Promise<Catalogue> {
  const bytes = await assets.read(`${FOLDER}/catalogue.json`);
  try {
    return v.parse(catalogueSchema, JSON.parse(new TextDecoder().decode(bytes)));
  } catch (cause) {
    throw new HeadlightError('internal', 'The catalogue of encoders cannot be read.', {
      hint: 'This copy of Headlight is not whole: build it again.',
      cause,
    });
  }
}

function infoOf(entry: CatalogueEntry): EncoderInfo {
  const { id, revision, precision, files } = entry;
  return {
    reference: { source: 'shipped', id, revision, precision },
    name: entry.name,
    description: entry.description,
    architecture: entry.architecture,
    layers: entry.layers,
    hiddenSize: entry.hiddenSize,
    maxTokens: entry.maxTokens,
    parameters: entry.parameters,
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    licence: entry.licence,
    defaults: entry.defaults,
  };
}

function short(revision: string): string {
  return revision.slice(0, 12);
}
