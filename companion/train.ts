/** `headlight train`: what the page does, from files to a report. */
import { basename } from 'node:path';
import { HeadlightError } from '../src/base';
import type { DataChoice, ProjectView, RunView, TrainSettings } from '../src/engine';
import { DEFAULT_LOGISTIC } from '../src/learning/heads';
import type { Pooling, Precision } from '../src/models';
import type { Device } from '../src/platform';
import { embedSettings, findEncoder } from './encoder-option';
import { checkOutFolder, readSources, writeUnpacked } from './files';
import { describeRun } from './report';
import { chooseDevice, openSession, type Session } from './session';

export interface TrainOptions extends DataOptions {
  readonly encoder: string;
  readonly precision?: Precision;
  readonly layer?: number;
  readonly pooling?: Pooling;
  readonly maxTokens?: number;
  readonly C: number | 'cv';
  readonly classWeight?: 'balanced';
  readonly standardize?: boolean;
  readonly seed: number;
  readonly device: Device | 'auto';
  readonly modelHost?: string;
  readonly out?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export async function trainCommand(file: string, options: TrainOptions): Promise<void> {
  if (options.out !== undefined) await checkOutFolder(options.out);
  const session = await openSession(options);
  const { engine, progress, signal, platform } = session;
  const sources = await readSources(file, options.test);
  const created = await progress.follow(engine.createProject(sources, signal));
  const choice = chooseData(created, file, options);
  const view = await progress.follow(engine.configureData(created.id, choice, signal));
  sayData(view, progress.notice.bind(progress));

  const { info } = await findEncoder(engine, options.encoder, options.precision, progress, signal);
  try {
    const settings: TrainSettings = {
      encoder: info.reference,
      embed: embedSettings(info, options),
      device: await chooseDevice(platform, options.device),
      head: {
        ...DEFAULT_LOGISTIC,
        C: options.C,
        class_weight: options.classWeight ?? null,
        standardize: options.standardize === true,
        seed: options.seed,
      },
    };
    await trainAndReport(session, view, settings, options);
  } finally {
    // A folder stays where it is; it is not kept a second time.
    if (info.reference.source === 'folder') await engine.removeEncoder(info.reference);
  }
}

/** The end of `train` and of `run`: train, write what was asked for, report. */
export async function trainAndReport(
  session: Session,
  view: ProjectView,
  settings: TrainSettings,
  options: Pick<TrainOptions, 'out' | 'json'>,
): Promise<void> {
  const { engine, progress, signal } = session;
  const run = await progress.follow(engine.train(view.id, settings, signal));
  if (options.out !== undefined) {
    await writeClassifier(session, view.id, run, options.out);
    progress.notice(`Written to ${options.out}. None of it holds your texts.`);
  }
  process.stdout.write(
    options.json === true ? `${JSON.stringify(run.record, null, 2)}\n` : describeRun(run),
  );
}

/** Which files, columns and rows. */
export interface DataOptions {
  readonly test?: string;
  readonly text?: string;
  readonly textPair?: string;
  readonly label?: string;
  readonly testShare: number;
}

/** @throws HeadlightError `bad-setting` when a file lacks a column, naming those it has. */
export function chooseData(
  view: ProjectView,
  file: string,
  options: DataOptions & { readonly seed: number },
): DataChoice {
  const { choice } = view;
  for (const column of [options.text, options.textPair, options.label]) {
    if (column === undefined) continue;
    for (const { name, columnNames } of view.files) {
      if (columnNames.includes(column)) continue;
      throw new HeadlightError('bad-setting', `${name} has no column “${column}”.`, {
        hint: `Its columns are: ${columnNames.join(', ')}.`,
      });
    }
  }
  const { test, testShare, seed } = options;
  return {
    ...choice,
    trainFile: basename(file),
    testFile: test === undefined ? null : basename(test),
    textColumn: options.text ?? choice.textColumn,
    textPairColumn: options.textPair ?? null,
    labelColumn: options.label ?? choice.labelColumn,
    split: test === undefined ? { method: 'stratified', testShare, seed } : { method: 'files' },
  };
}

type ViewOfData = Pick<ProjectView, 'choice' | 'files'>;

/** What to do about data that cannot be used: the rows that are wrong in it, and where a column is missing the flags. */
function dataHint({ choice, files }: ViewOfData, hint: string | null): string {
  const missing = choice.textColumn === null || choice.labelColumn === null;
  const names = files[0]?.columnNames.join(', ') ?? '';
  const flags = `Name the columns with --text and --label; there are: ${names}.`;
  return [...files.flatMap(firstProblem), missing || hint === null ? flags : hint].join('\n');
}

/** The first row of a file that could not be taken as it stands, as a line; none when all could. */
function firstProblem({ name, problemCount, problems }: ViewOfData['files'][number]): string[] {
  const [first] = problems;
  return first === undefined
    ? []
    : [`${name}: ${problemCount} rows with problems; line ${first.line}: ${first.problem}`];
}

/** Says what was decided, or @throws HeadlightError `bad-setting` with the problem. */
export function sayData(view: ProjectView, say: (line: string) => void): void {
  if (view.summary === null || view.problem !== null) {
    const { message, hint } = view.problem ?? { message: 'The data cannot be used.', hint: null };
    throw new HeadlightError('bad-setting', message, { hint: dataHint(view, hint) });
  }
  for (const role of ['text', 'label'] as const) {
    const column = role === 'text' ? view.choice.textColumn : view.choice.labelColumn;
    const finding = view.findings[role];
    const reason = finding?.column === column ? ` (${finding.reason})` : '';
    say(`${role === 'text' ? 'Text' : 'Label'}: column “${column ?? ''}”${reason}`);
    if (role === 'text' && view.choice.textPairColumn !== null)
      say(`Second text: column “${view.choice.textPairColumn}”`);
  }
  const { trainRows, testRows, classes, notes, leftOut, tokens } = view.summary;
  const rows = tokens === null ? 'rows' : 'sentences';
  const kinds = tokens === null ? `${classes.length} classes` : `${classes.length} tags`;
  say(`${trainRows} ${rows} to train on, ${testRows} to test on, ${kinds}.`);
  for (const { type, train, test } of tokens?.entities ?? [])
    say(`${type}: ${train} entities to train on, ${test} to test on.`);
  for (const { reason, rows } of leftOut) say(`Left out: ${rows} rows (${reason}).`);
  for (const note of notes) say(note);
  for (const line of view.files.flatMap(firstProblem)) say(line);
}

async function writeClassifier(
  { engine, progress, signal }: Session,
  project: string,
  run: RunView,
  folder: string,
): Promise<void> {
  const zip = await progress.follow(engine.export(project, run.id, 'onnx', signal));
  await writeUnpacked(folder, zip);
}
