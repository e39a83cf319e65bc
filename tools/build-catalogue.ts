/**
 * Writes public/models/hub.json, the catalogue of models of the Hub, from tools/catalogue/models.ts:
 *
 *   npx tsx tools/build-catalogue.ts           writes it
 *   npx tsx tools/build-catalogue.ts --check   fails when it is not what would be written
 *   npx tsx tools/build-catalogue.ts --configs prints each model's config, for test/reference/catalogue/parameters.py
 *
 * Parameters, bytes and memory are computed from each model's config by the code that builds its graph.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { hubCatalogue } from './catalogue/catalogue';
import { MODELS } from './catalogue/models';

const PATH = 'public/models/hub.json';

if (process.argv.includes('--configs')) {
  const configs = Object.fromEntries(MODELS.map(({ id, config }) => [id, config]));
  process.stdout.write(JSON.stringify(configs) + '\n');
} else {
  const text = JSON.stringify(hubCatalogue(), null, 1) + '\n';
  if (!process.argv.includes('--check')) writeFileSync(PATH, text);
  else if (readFileSync(PATH, 'utf8') !== text) {
    process.stderr.write(`${PATH} is not what tools/build-catalogue.ts writes: run it.\n`);
    process.exit(1);
  }
}
