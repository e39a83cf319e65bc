/** `headlight train --as-is`: the classifier that a model came with, evaluated as it is. */
import { HeadlightError } from '../src/base';
import { matchClasses, type ClassMatches, type OwnChoice, type ProjectView } from '../src/engine';
import type { EncoderInfo } from '../src/models';
import { writeUnpacked } from './files';
import { writeHtmlFiles, type HtmlOptions } from './html-files';
import { describeRun } from './report';
import type { Session } from './session';

export interface OwnOutput extends HtmlOptions {
  readonly out?: string;
  readonly json?: boolean;
}

/**
 * `--map POSITIVE=pos,NEGATIVE=neg`: what classes mean, on top of what their names say; `CLASS=` leaves one out.
 * @throws HeadlightError `bad-setting` for a class that the model has not.
 */
export function mapped(
  map: string | undefined,
  { name, classifier }: EncoderInfo,
  labels: readonly string[],
): ClassMatches | null {
  // Without a classifier the engine says what is wrong.
  if (map === undefined || classifier === undefined) return null;
  const said = new Map<string, string | null>();
  for (const part of map.split(',')) {
    const at = part.lastIndexOf('=');
    const own = part.slice(0, at).trim();
    if (at < 0 || !classifier.classes.includes(own)) {
      throw new HeadlightError(
        'bad-setting',
        `--map: ${name} has no class “${at < 0 ? part : own}”.`,
        {
          hint: `Write class=label pairs with commas between them. Its classes: ${classifier.classes.join(', ')}; your labels: ${labels.join(', ')}.`,
        },
      );
    }
    const label = part.slice(at + 1).trim();
    said.set(own, label === '' ? null : label);
  }
  return matchClasses(classifier.classes, labels).map((match) => {
    const label = said.get(match.name);
    return label === undefined ? match : { ...match, label };
  });
}

/** Evaluates, writes what was asked for, reports. */
export async function evaluateOwnAndReport(
  session: Session,
  view: ProjectView,
  choice: OwnChoice,
  options: OwnOutput,
): Promise<void> {
  const { engine, progress, signal } = session;
  const run = await progress.follow(engine.evaluateOwn(view.id, choice, signal));
  try {
    if (options.out !== undefined) {
      const zip = await progress.follow(engine.export(view.id, run.id, 'onnx', signal));
      await writeUnpacked(options.out, zip);
      progress.notice(`Written to ${options.out}. None of it holds your texts.`);
    }
    await writeHtmlFiles(session, view, run, options);
  } finally {
    process.stdout.write(
      options.json === true ? `${JSON.stringify(run.record, null, 2)}\n` : describeRun(run),
    );
  }
}
