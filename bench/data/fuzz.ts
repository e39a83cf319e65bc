/**
 * The readers against mutated files: `npx tsx bench/data/fuzz.ts [INPUTS = 100000] [FIRST SEED = 1]`. Ends with
 * 1 and the seed when a promise is broken; the tests run a small share of the same.
 */
import { readFile } from 'node:fs/promises';
import { fuzzOne, seedFiles, type FuzzCount } from '../../test/helpers/table-fuzz';

const FIXTURES = ['small-snappy.parquet', 'small-zstd.parquet', 'small-gzip.parquet', 'small.xlsx'];

const [inputs = 100_000, first = 1] = process.argv.slice(2).map(Number);
const binary = await Promise.all(
  FIXTURES.map(async (name) => ({
    name,
    bytes: new Uint8Array(
      await readFile(new URL(`../../test/fixtures/data/${name}`, import.meta.url)),
    ),
  })),
);
const files = seedFiles(binary);
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
