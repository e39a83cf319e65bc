/** What a person says of classes in files: descriptions, a few examples, rules. A line each, or JSON. */
import { HeadlightError } from '../src/base';
import type { LabelRule } from '../src/learning/labelling';
import { kindOf, readBytes } from './files';

/** `class: words`. */
interface Said {
  readonly class: string;
  readonly words: string;
}

/**
 * `negative: a bad review` a line; or given at once, `negative=a bad review; positive=a good one`.
 * @throws HeadlightError `bad-setting` naming the line.
 */
export async function readDescriptions(
  given: string,
  classes: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const said =
    (await kindOf(given)) === 'file'
      ? await readSaid(given, classes)
      : given.split(';').map((part) => {
          const [name = '', ...rest] = part.split('=');
          return checked(
            { class: name.trim(), words: rest.join('=').trim() },
            classes,
            part.trim(),
          );
        });
  return new Map(said.map((one) => [one.class, one.words]));
}

/** `class: text` a line, as many of a class as there are. */
export async function readExamples(
  path: string,
  classes: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map<string, string[]>();
  for (const { class: name, words } of await readSaid(path, classes))
    found.set(name, [...(found.get(name) ?? []), words]);
  return found;
}

/**
 * `class: word, two words` or `class: /expression/i` a line; or a JSON list of rules as recipes have them.
 * What they say is checked with the other settings.
 */
export async function readRules(path: string, classes: readonly string[]): Promise<LabelRule[]> {
  const text = new TextDecoder().decode(await readBytes(path));
  if (text.trimStart().startsWith('[')) return parseRules(text, path);
  return linesOf(text, classes, path).map(({ class: name, words }) => {
    const [, expression, flags] = /^\/(.*)\/([dgimsuvy]*)$/s.exec(words) ?? [];
    if (flags !== undefined && flags !== '' && flags !== 'i') {
      throw new HeadlightError('bad-setting', `${path}: ${words} ends in /${flags}.`, {
        hint: 'An expression stands between two slashes; an i after the second lets case be ignored, and nothing else may follow.',
      });
    }
    return expression === undefined
      ? { class: name, match: 'keywords', pattern: words, ignore_case: true }
      : { class: name, match: 'expression', pattern: expression, ignore_case: flags === 'i' };
  });
}

function parseRules(text: string, path: string): LabelRule[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new HeadlightError('bad-setting', `${path} is not valid JSON.`, {
      hint: 'Write a rule a line instead: class: word, other word.',
      cause,
    });
  }
  // The engine checks each of them, and names the one that is wrong.
  return value as LabelRule[];
}

async function readSaid(path: string, classes: readonly string[]): Promise<Said[]> {
  return linesOf(new TextDecoder().decode(await readBytes(path)), classes, path);
}

function linesOf(text: string, classes: readonly string[], path: string): Said[] {
  return text.split(/\r?\n/).flatMap((line, at) => {
    if (line.trim() === '') return [];
    // A class may hold a colon itself: the longest one that fits.
    const name = [...classes]
      .sort((a, b) => b.length - a.length)
      .find((one) => line.trimStart().startsWith(`${one}:`));
    const words = name === undefined ? '' : line.trimStart().slice(name.length + 1);
    return [
      checked({ class: name ?? '', words: words.trim() }, classes, `${path}, line ${at + 1}`),
    ];
  });
}

/** @throws HeadlightError `bad-setting`. */
function checked(said: Said, classes: readonly string[], where: string): Said {
  if (classes.includes(said.class) && said.words !== '') return said;
  throw new HeadlightError(
    'bad-setting',
    `${where}: no class is named, or nothing is said of it.`,
    {
      hint: `Begin with one of ${classes.join(', ')} and a colon.`,
    },
  );
}
