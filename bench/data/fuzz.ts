/**
 * The readers against mutated files: `npx tsx bench/data/fuzz.ts [INPUTS = 100000] [FIRST SEED = 1] [WHICH]`, WHICH
 * an end of their names (`.parquet`). Ends with 1 and the seed when a promise is broken; run it with
 * `NODE_OPTIONS=--max-old-space-size=400` to see that nothing fills the memory. The tests run a small share.
 */
import { readdir, readFile } from 'node:fs/promises';
import { fuzzOne, seedFiles, type FuzzCount } from '../../test/helpers/table-fuzz';

const FOLDER = new URL('../../test/fixtures/data/', import.meta.url);

const [inputs = 100_000, first = 1] = process.argv.slice(2, 4).map(Number);
const which = process.argv[4] ?? '';
const names = [
  'small-snappy.parquet',
  'small-zstd.parquet',
  'small-gzip.parquet',
  'small.xlsx',
  ...(await readdir(new URL('parquet/', FOLDER))).map((name) => `parquet/${name}`),
].filter((name) => /\.(parquet|xlsx)$/.test(name));
const binary = await Promise.all(
  names.map(async (name) => ({
    name,
    bytes: new Uint8Array(await readFile(new URL(name, FOLDER))),
  })),
);
const files = seedFiles(binary).filter(({ name }) => name.endsWith(which));
const count: FuzzCount = { inputs: 0, tables: 0, refused: 0, compared: 0, slowestMs: 0 };
let broken = 0;
for (let seed = first; seed < first + inputs; seed++) {
  try {
    await fuzzOne(seed, files, count);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    if (++broken === 5) break;
  }
}
process.stdout.write(`${JSON.stringify({ ...count, broken })}\n`);
process.exit(broken === 0 ? 0 : 1);
