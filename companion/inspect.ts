/** `headlight inspect`: what files hold, how they would be used, and what is wrong with them. Nothing is kept. */
import { inspectTables, readTable, type InspectReport, type Table } from '../src/data';
import { labelName } from '../src/project';
import { inFlags, parseSettings, type ParseOptions } from './data-options';
import { openSources } from './files';
import { interruptSignal } from './interrupt';
import { ProgressLine } from './progress-line';

export interface InspectOptions extends ParseOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export async function inspectCommand(
  paths: readonly string[],
  options: InspectOptions,
): Promise<void> {
  const settings = parseSettings(options);
  const tables: Table[] = [];
  const progress = new ProgressLine(process.stderr, options.quiet === true);
  const signal = interruptSignal();
  for (const file of await openSources(paths))
    tables.push(await progress.follow(readTable(file, settings, signal)));
  const report = inspectTables(tables);
  process.stdout.write(
    options.json === true ? `${JSON.stringify(report, null, 2)}\n` : describeInspection(report),
  );
}

/** The report as plain text. */
export function describeInspection(report: InspectReport): string {
  const lines = [
    ...report.files.flatMap(fileLines),
    '',
    ...columnLines(report),
    ...classLines(report),
    ...splitLines(report),
    ...auditLines(report),
  ];
  if (report.problem !== null) {
    const { message, hint } = report.problem;
    lines.push('', `Cannot be trained as it is: ${message}${hint === null ? '' : ` ${hint}`}`);
  }
  return `${lines.join('\n')}\n`;
}

const ROLES = { data: '', names: ', names of the labels', other: ', not used' } as const;

const SIGNS = { ',': 'commas', ';': 'semicolons', '|': 'bars', '\t': 'tabs' } as const;

function fileLines(file: InspectReport['files'][number]): string[] {
  const delimited =
    file.format === 'table'
      ? `, ${SIGNS[file.delimiter]} between cells, ${file.hasHeader ? 'with' : 'without'} a header`
      : '';
  const more = file.columns.length > 12 ? ', …' : '';
  return [
    `${file.name}: ${file.rows} rows, ${file.format}, ${file.encoding}${delimited}${ROLES[file.role]}`,
    `  columns: ${file.columns.slice(0, 12).join(', ')}${more}`,
    ...(file.headerReason === null ? [] : [`  header: ${file.headerReason}`]),
    ...file.notes.map((note) => `  ${inFlags(note)}`),
    ...(file.problemCount === 0
      ? []
      : [
          `  ${file.problemCount} ${file.problemCount === 1 ? 'row' : 'rows'} with problems, ${file.rejected} of them left out:`,
          ...file.problems
            .slice(0, 5)
            .map(({ line, problem }) => `    line ${line}: ${inFlags(problem)}`),
        ]),
  ];
}

function columnLines({ findings, fileParts, task }: InspectReport): string[] {
  const { text, pair, labelChoice, split, id, names } = findings;
  const lines: string[] = [];
  if (text !== null) lines.push(`Text: “${text.column}”, ${text.reason}`);
  if (pair !== null) lines.push(`Second text: “${pair.column}”, ${pair.reason}`);
  if (labelChoice !== null)
    lines.push(`Label: “${labelName(labelChoice.choice)}”, ${labelChoice.reason}`);
  if (task !== null) lines.push(`Task: ${task}`);
  if (split !== null) lines.push(`Split: “${split.column}”, ${split.reason}`);
  if (fileParts !== null) lines.push(`Files: ${fileParts.reason}`);
  if (id !== null) lines.push(`Id: “${id.column}”, ${id.reason}`);
  if (names !== null) lines.push(`Names: ${names.file}, ${names.reason}`);
  return lines;
}

function classLines({ rows, classes, leftOut }: InspectReport): string[] {
  if (classes.length === 0) return [];
  const shown = classes
    .slice(0, 20)
    .map(
      ({ label, name, rows: count }) => `${name === null ? label : `${label} (${name})`}: ${count}`,
    );
  const more = classes.length > 20 ? ', …' : '';
  return [
    `${rows} rows to learn from, ${classes.length} labels: ${shown.join(', ')}${more}`,
    ...leftOut.map(({ reason, rows: count }) => `Left out: ${count} rows (${reason})`),
  ];
}

function splitLines({ split }: InspectReport): string[] {
  if (split === null) return [];
  const { train, validation, test, notes } = split;
  return [`Parts: ${train} train, ${validation} validation, ${test} test`, ...notes];
}

function auditLines({ audit }: InspectReport): string[] {
  if (audit.length === 0) return ['', 'Nothing to mend was found.'];
  return audit.flatMap(({ id, severity, title, detail, rows, repair }) => {
    const places = rows.slice(0, 5).map(({ file, line }) => `${file}:${line}`);
    return [
      '',
      `[${severity}] ${title}`,
      `  ${detail}`,
      ...(places.length === 0 ? [] : [`  ${places.join(', ')}${rows.length > 5 ? ', …' : ''}`]),
      ...(repair === null ? [] : [`  can be mended: --repair ${id}`]),
    ];
  });
}
