/** Reads one file with one reader in a process of its own, so that its peak memory is its own. Prints JSON. */
import { open, readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import Papa from 'papaparse';
import { finish } from '../../src/base';
import { readTable } from '../../src/data';

const [reader = '', path = ''] = process.argv.slice(2);

async function headlight(): Promise<number> {
  const handle = await open(path);
  const { size } = await stat(path);
  const table = await finish(
    readTable({
      name: 'rows.csv',
      size,
      async slice(start, end) {
        const bytes = new Uint8Array(end - start);
        const { bytesRead } = await handle.read(bytes, 0, bytes.length, start);
        return bytes.subarray(0, bytesRead);
      },
    }),
  );
  await handle.close();
  return table.rowCount;
}

/** As its users call it: the whole text, all rows kept. */
async function papa(): Promise<number> {
  const text = await readFile(path, 'utf8');
  const { data } = Papa.parse<string[]>(text, { header: false, skipEmptyLines: true });
  return data.length - 1;
}

interface Blocking {
  createDuckDB(bundles: unknown, logger: unknown, runtime: unknown): Promise<Database>;
  readonly NODE_RUNTIME: unknown;
  readonly VoidLogger: new () => unknown;
}
interface Database {
  instantiate(onProgress: () => void): Promise<unknown>;
  connect(): { query(sql: string): { toArray(): { n: bigint }[] } };
}

async function duckdb(): Promise<number> {
  const folder = process.env['HEADLIGHT_DUCKDB_WASM'] ?? '';
  const dist = join(folder, 'node_modules/@duckdb/duckdb-wasm/dist');
  const module = createRequire(import.meta.url)(join(dist, 'duckdb-node-blocking.cjs')) as Blocking;
  const bundle = (name: string) => ({
    mainModule: join(dist, `duckdb-${name}.wasm`),
    mainWorker: join(dist, `duckdb-node-${name}.worker.cjs`),
  });
  const database = await module.createDuckDB(
    { mvp: bundle('mvp'), eh: bundle('eh') },
    new module.VoidLogger(),
    module.NODE_RUNTIME,
  );
  await database.instantiate(() => undefined);
  const connection = database.connect();
  connection.query(`create table t as select * from read_csv('${path}', all_varchar = true)`);
  return Number(connection.query('select count(*) as n from t').toArray()[0]!.n);
}

const readers: Readonly<Record<string, () => Promise<number>>> = { headlight, papa, duckdb };
const started = performance.now();
const before = process.resourceUsage().maxRSS;
const rows = await readers[reader]!();
process.stdout.write(
  `${JSON.stringify({
    rows,
    seconds: (performance.now() - started) / 1000,
    // Kilobytes; what the process had before it read is not the reader's.
    peakBytes: (process.resourceUsage().maxRSS - before) * 1024,
  })}\n`,
);
process.exit(0);
