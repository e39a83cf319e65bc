/** `headlight train`: what the page does, from files to a report. */
import { HeadlightError } from '../src/base';
import type { SourceFile } from '../src/data';
import type { ProjectView, RunView, TrainSettings } from '../src/engine';
import { DEFAULT_LOGISTIC, DEFAULT_MLP, type HeadSettings } from '../src/learning/heads';
import type { Pooling, Precision } from '../src/models';
import type { Device } from '../src/platform';
import { labelColumns, labelName } from '../src/project';
import { evaluateOwnAndReport, mapped } from './as-is';
import { dataPaths, inFlags, prepareData, writeParts, type DataOptions } from './data-options';
import { embedSettings, findEncoder } from './encoder-option';
import { checkOutFolder, openSources, writeUnpacked } from './files';
import { checkHtmlFiles, writeHtmlFiles, type HtmlOptions } from './html-files';
import { compareAndReport, type CompareOptions } from './precisions';
import { describeRun } from './report';
import type { ProgressKind } from './progress-json';
import { chooseDevice, jobKey, openSession, type Session } from './session';

export interface TrainOptions extends DataOptions, HtmlOptions, CompareOptions {
  readonly encoder: string;
  readonly precision?: Precision;
  readonly layer?: number;
  readonly layers?: string;
  readonly pooling?: Pooling;
  readonly maxTokens?: number;
  readonly head: 'logistic' | 'mlp';
  readonly hidden?: number;
  /** The model's own classifier, nothing trained. */
  readonly asIs?: boolean;
  /** With `asIs`: class=label pairs. */
  readonly map?: string;
  readonly baselines: boolean;
  readonly C: number | 'cv';
  readonly classWeight?: 'balanced';
  readonly standardize?: boolean;
  readonly seed: number;
  readonly device: Device | 'auto';
  readonly modelHost?: string;
  readonly out?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly progress?: ProgressKind;
  readonly processes?: number;
}

export async function trainCommand(files: readonly string[], options: TrainOptions): Promise<void> {
  checkAsIs(options);
  if (options.out !== undefined) await checkOutFolder(options.out);
  await checkHtmlFiles(options);
  const sources = await openSources(dataPaths(files, options));
  const session = await openSession(options, await jobKey(sources, askedOf(options)), true);
  await trainOn(session, sources, options);
  await session.forgetJob();
}

async function trainOn(
  session: Session,
  sources: readonly SourceFile[],
  options: TrainOptions,
): Promise<void> {
  const { engine, progress, signal, platform } = session;
  const created = await progress.follow(engine.createProject(sources, signal));
  const view = await prepareData(session, created, options);
  sayData(view, progress.notice.bind(progress));
  if (options.parts !== undefined) await writeParts(session, view, options.parts);

  const { info } = await findEncoder(engine, options.encoder, options.precision, progress, signal);
  try {
    const device = await chooseDevice(platform, options.device);
    if (options.asIs === true) {
      const labels = view.summary?.classes.map(({ label }) => label) ?? [];
      const choice = {
        encoder: info.reference,
        device,
        classes: mapped(options.map, info, labels),
        max_length: options.maxTokens ?? null,
        baselines: options.baselines,
      };
      await evaluateOwnAndReport(session, view, choice, options);
      return;
    }
    const embed = embedSettings(info, options);
    if (options.comparePrecisions !== undefined) {
      await compareAndReport(session, view, info, embed, device, options);
      return;
    }
    const settings: TrainSettings = {
      encoder: info.reference,
      embed,
      device,
      head: headSettings(options),
      baselines: options.baselines,
    };
    await trainAndReport(session, view, settings, options);
  } finally {
    // A folder stays where it is; it is not kept a second time.
    if (info.reference.source === 'folder') await engine.removeEncoder(info.reference);
  }
}

/** What makes it the same command: where its results go, and how it tells of them, does not. */
function askedOf(options: TrainOptions): unknown {
  const { out: _out, json: _json, quiet: _quiet, progress: _progress, ...rest } = options;
  const { standalone: _page, standaloneQ8: _q8, report: _report, ...more } = rest;
  const { parts: _parts, processes: _processes, ...asked } = more;
  return { train: asked };
}

/** @throws HeadlightError `bad-setting` for flags that only one of the two has. */
function checkAsIs({ asIs, map, layer, layers, pooling }: TrainOptions): void {
  if (asIs !== true && map !== undefined) {
    throw new HeadlightError('bad-setting', '--map belongs to --as-is.', {
      hint: 'Add --as-is, or leave --map out.',
    });
  }
  const feature = { layer, layers, pooling };
  const given = Object.entries(feature).find(([, value]) => value !== undefined);
  if (asIs === true && given !== undefined) {
    throw new HeadlightError('bad-setting', `--${given[0]} is of a probe; --as-is trains none.`, {
      hint: 'Leave one of the two out.',
    });
  }
}

/** @throws HeadlightError `bad-setting` for flags that the head does not have. */
function headSettings(options: TrainOptions): HeadSettings {
  const { head, hidden, C, classWeight, standardize, seed } = options;
  if (head === 'mlp') {
    if (C !== 'cv' || classWeight !== undefined) {
      throw new HeadlightError('bad-setting', '--C and --class-weight are of --head logistic.', {
        hint: 'Leave them out, or leave --head mlp out.',
      });
    }
    return { ...DEFAULT_MLP, seed, ...(hidden === undefined ? {} : { hidden }) };
  }
  if (hidden !== undefined)
    throw new HeadlightError('bad-setting', '--hidden belongs to --head mlp.');
  return {
    ...DEFAULT_LOGISTIC,
    C,
    class_weight: classWeight ?? null,
    standardize: standardize === true,
    seed,
  };
}

/** The end of `train` and of `run`: train, write what was asked for, report. */
export async function trainAndReport(
  session: Session,
  view: ProjectView,
  settings: TrainSettings,
  options: Pick<TrainOptions, 'out' | 'json' | keyof HtmlOptions>,
): Promise<void> {
  const { engine, progress, signal } = session;
  const run = await progress.follow(engine.train(view.id, settings, signal));
  try {
    if (options.out !== undefined) {
      await writeClassifier(session, view.id, run, options.out);
      progress.notice(`Written to ${options.out}. None of it holds your texts.`);
    }
    await writeHtmlFiles(session, view, run, options);
  } finally {
    // What was trained and measured is told, also when a disk is full or a page would be too large.
    process.stdout.write(
      options.json === true ? `${JSON.stringify(run.record, null, 2)}\n` : describeRun(run),
    );
  }
}

type ViewOfData = Pick<ProjectView, 'choice' | 'files' | 'audit'>;

/** What to do about data that cannot be used: the rows that are wrong in it, and where a column is missing the flags. */
function dataHint({ choice, files, audit }: ViewOfData, hint: string | null): string {
  const missing = choice.textColumn === null || choice.label === null;
  const names = files[0]?.columnNames.join(', ') ?? '';
  const unlabelled =
    choice.textColumn !== null && choice.label === null
      ? '\nWithout labels: “headlight label FILE --labels a,b --recipe recipe.json”, then “headlight run recipe.json”.'
      : '';
  const flags = `Name the columns with --text and --label; there are: ${names}.${unlabelled}`;
  const repairs = audit
    .filter(({ severity, repair }) => severity === 'stop' && repair !== null)
    .map(({ id }) => id);
  const mend = repairs.length === 0 ? [] : [`Or: --repair ${[...new Set(repairs)].join(',')}`];
  const first = missing || hint === null ? flags : hint;
  return [...files.flatMap(firstProblem), first, ...mend].join('\n');
}

/** The first row of a file that could not be taken as it stands, as a line; none when all could. */
function firstProblem({ name, problemCount, problems }: ViewOfData['files'][number]): string[] {
  const [first] = problems;
  return first === undefined
    ? []
    : [
        `${name}: ${problemCount} ${problemCount === 1 ? 'row' : 'rows'} with problems; line ${first.line}: ${inFlags(first.problem)}`,
      ];
}

/** Says what was decided, or @throws HeadlightError `bad-setting` with the problem. */
export function sayData(view: ProjectView, say: (line: string) => void): void {
  if (view.summary === null || view.problem !== null) {
    const { message, hint } = view.problem ?? { message: 'The data cannot be used.', hint: null };
    throw new HeadlightError('bad-setting', message, { hint: dataHint(view, hint) });
  }
  sayColumns(view, say);
  const { trainRows, validationRows, testRows, classes, notes, leftOut, tokens } = view.summary;
  const rows = tokens === null ? 'rows' : 'sentences';
  const kind =
    tokens !== null ? 'tags' : view.summary.task === 'multi_label' ? 'labels' : 'classes';
  const validation = validationRows === 0 ? '' : `, ${validationRows} for validation`;
  say(
    `${trainRows} ${rows} to train on${validation}, ${testRows} to test on, ${classes.length} ${kind}.`,
  );
  for (const { type, train, test } of tokens?.entities ?? [])
    say(`${type}: ${train} entities to train on, ${test} to test on.`);
  for (const { reason, rows } of leftOut) say(`Left out: ${rows} rows (${reason}).`);
  for (const note of notes) say(note);
  for (const { sentence } of view.summary.changes) say(`Repaired: ${sentence}`);
  for (const { id, severity, title, repair } of view.audit) {
    if (severity === 'note') continue;
    say(`Look at: ${title}${repair === null ? '' : ` (--repair ${id})`}`);
  }
  for (const line of view.files.flatMap(firstProblem)) say(line);
}

/** Of a task that is made from the texts alone, labels are not looked at. @throws HeadlightError `bad-setting`. */
export function sayTexts(view: ProjectView, say: (line: string) => void): void {
  if (view.choice.textColumn === null) {
    throw new HeadlightError('bad-setting', 'There is no column of texts.', {
      hint: dataHint(view, null),
    });
  }
  sayTextColumn(view, say);
  for (const line of view.files.flatMap(firstProblem)) say(line);
}

function why(is: boolean, reason: string | undefined): string {
  return is && reason !== undefined ? ` (${reason})` : '';
}

function sayTextColumn(
  { choice: { textColumn }, findings: { text } }: ProjectView,
  say: (line: string) => void,
): void {
  say(`Text: column “${textColumn ?? ''}”${why(text?.column === textColumn, text?.reason)}`);
}

function sayColumns(view: ProjectView, say: (line: string) => void): void {
  sayTextColumn(view, say);
  const { choice, findings } = view;
  const { labelChoice } = findings;
  if (choice.textPairColumn !== null) say(`Second text: column “${choice.textPairColumn}”`);
  if (choice.label === null) return;
  if (choice.label.kind === 'made') {
    const { classes, truth } = choice.label;
    say(`Labels are made here: ${classes.join(', ')}`);
    if (truth !== null) say(`Held-out rows have their labels in column “${truth}”`);
    return;
  }
  const isFound = JSON.stringify(labelChoice?.choice) === JSON.stringify(choice.label);
  const several = labelColumns(choice.label).length > 1;
  say(
    `${several ? 'Labels: columns' : 'Label: column'} “${labelName(choice.label)}”${why(isFound, labelChoice?.reason)}`,
  );
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
