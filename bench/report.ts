/** What a benchmark prints and keeps: tables with a line on how they were measured. */
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';

export type Cell = string | number | null;

export interface BenchTable {
  readonly title: string;
  /** How it was measured, and against what. */
  readonly method: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
  /** When and where, of a table that an earlier run measured. */
  readonly earlier?: string;
}

export interface BenchResult {
  readonly name: string;
  readonly tables: readonly BenchTable[];
}

export function markdown(tables: readonly BenchTable[]): string {
  return tables
    .map(({ title, method, columns, rows, earlier }) =>
      [
        `### ${title}`,
        '',
        earlier === undefined ? method : `${method} Measured by an earlier run: ${earlier}.`,
        '',
        `| ${columns.join(' | ')} |`,
        `|${columns.map((_, index) => (index === 0 ? '---' : '---:')).join('|')}|`,
        ...rows.map((row) => `| ${row.map(show).join(' | ')} |`),
        '',
      ].join('\n'),
    )
    .join('\n');
}

function show(cell: Cell): string {
  if (cell === null) return 'not measured';
  if (typeof cell === 'string') return cell;
  if (Number.isInteger(cell)) return cell.toLocaleString('en');
  return Math.abs(cell) >= 100 ? cell.toFixed(0) : cell.toPrecision(3);
}

export function machine(): string {
  const [cpu] = cpus();
  return `${cpus().length} x ${cpu?.model ?? 'unknown processor'}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Node ${process.version}`;
}

/** Writes `<folder>/<name>.json` and `.md`, one pair a benchmark, and prints the table. */
export async function keep(folder: URL, result: BenchResult): Promise<void> {
  await mkdir(folder, { recursive: true });
  const text = markdown(result.tables);
  const when = new Date().toISOString().slice(0, 10);
  await writeFile(
    new URL(`${result.name}.json`, folder),
    `${JSON.stringify({ ...result, when, machine: machine() }, null, 2)}\n`,
  );
  await writeFile(new URL(`${result.name}.md`, folder), `${text}\n${when}, ${machine()}\n`);
  process.stdout.write(`\n${text}`);
}

/** The median; of an even number, the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? NaN;
  return Number.isInteger(middle) ? (upper + (sorted[middle - 1] ?? NaN)) / 2 : upper;
}
