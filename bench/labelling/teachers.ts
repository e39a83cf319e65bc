/**
 * How right the teachers without an NLI model are: similarity by name, by description and with a few examples, on both
 * encoders that ship, and rules of a few keywords. Rows are drawn from the training parts of four public sets (their
 * test parts are for students); names, descriptions and keywords were written before anything was measured with them.
 */
import { access, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finish, seededRandom } from '../../src/base';
import { parseTable } from '../../src/data';
import { Encoders } from '../../src/engine/encoders';
import { openRules } from '../../src/engine/labelling/rules-teacher';
import { openSimilarity } from '../../src/engine/labelling/similarity-teacher';
import type { OpenTeacher, TeacherRun } from '../../src/engine/labelling/teacher';
import { wilsonInterval } from '../../src/learning/evaluate';
import {
  combineVotes,
  LABELLING_DEFAULTS,
  type LabelledClass,
  type LabellingSettings,
} from '../../src/learning/labelling';
import { createNodePlatform } from '../../src/platform/node';
import type { BenchResult, Cell } from '../report';

interface TrainingSet {
  readonly name: string;
  readonly file: string;
  /** Places of the two columns. */
  readonly text: number;
  readonly label: number;
  readonly classes: readonly ClassWords[];
}

interface ClassWords {
  readonly value: string;
  readonly name: string;
  readonly description: string;
  readonly keywords: string;
}

const ROWS = 500;
const EXAMPLES = 3;
const SEEDS = [0, 1, 2];

const SETS: readonly TrainingSet[] = [
  {
    name: 'SST-2',
    file: 'sst2/train.tsv',
    text: 0,
    label: 1,
    classes: [
      {
        value: '0',
        name: 'negative',
        description: 'a negative movie review: the film is bad, boring or disappointing',
        keywords: "bad, worst, boring, dull, bland, mess, fails, lacks, too, never, doesn't, isn't",
      },
      {
        value: '1',
        name: 'positive',
        description: 'a positive movie review: the film is good, moving or funny',
        keywords: 'good, great, best, funny, moving, fun, charming, beautiful, love, fascinating',
      },
    ],
  },
  {
    name: 'AG News',
    file: 'ag_news/train.csv',
    text: 0,
    label: 1,
    classes: [
      {
        value: 'World',
        name: 'World',
        description: 'world news: politics, war, diplomacy and foreign countries',
        keywords: 'president, minister, troops, killed, Iraq, election, rebels, police, government',
      },
      {
        value: 'Sports',
        name: 'Sports',
        description: 'sports news: games, players, teams and results',
        keywords: 'game, team, season, coach, cup, league, Olympic, win, victory, championship',
      },
      {
        value: 'Business',
        name: 'Business',
        description: 'business news: companies, markets, the economy and oil',
        keywords: 'oil, prices, shares, stocks, profit, economy, sales, bank, investors, quarter',
      },
      {
        value: 'Sci/Tech',
        name: 'Sci/Tech',
        description: 'science and technology news: computers, software, the internet and space',
        keywords: 'software, Microsoft, internet, computer, space, Google, users, wireless, NASA',
      },
    ],
  },
  {
    name: 'TREC',
    file: 'trec/train.csv',
    text: 0,
    label: 1,
    classes: [
      {
        value: 'ABBR',
        name: 'abbreviation',
        description: 'a question about what an abbreviation or acronym stands for',
        keywords: 'stand for, abbreviation, acronym',
      },
      {
        value: 'DESC',
        name: 'description',
        description: 'a question asking for a definition, a reason, or how something works',
        keywords: 'why, how do, how does, mean, define, origin, difference between',
      },
      {
        value: 'ENTY',
        name: 'entity',
        description: 'a question about a thing: an animal, a colour, a food, a product, a word',
        keywords: 'animal, color, kind of, food, sport, word, term, book, film',
      },
      {
        value: 'HUM',
        name: 'person',
        description: 'a question about a person or a group of people',
        keywords: 'who, whose, company, team, actor, president',
      },
      {
        value: 'LOC',
        name: 'location',
        description: 'a question about a place: a city, a country, a mountain',
        keywords: 'where, city, country, state, river, mountain, capital',
      },
      {
        value: 'NUM',
        name: 'number',
        description: 'a question asking for a number: a date, a count, a distance, a price',
        keywords: 'how many, how much, when, how long, how far, what year, population',
      },
    ],
  },
  {
    name: 'SMS spam',
    file: 'sms_spam/sms.tsv',
    text: 1,
    label: 0,
    classes: [
      {
        value: 'ham',
        name: 'ham',
        description: 'a personal text message to a friend or family member',
        keywords: 'love, home, ok, tomorrow, later, sorry, lol, hey, dinner, going',
      },
      {
        value: 'spam',
        name: 'spam',
        description: 'spam: an advertisement, a prize or a paid service',
        keywords: 'free, win, won, prize, claim, cash, txt, urgent, mobile, award',
      },
    ],
  },
];

interface Rows {
  readonly texts: readonly string[];
  /** Index into the classes of the set. */
  readonly labels: readonly number[];
}

/** The rows to measure by, and others to take examples from. */
async function rowsOf(set: TrainingSet, data: string): Promise<{ asked: Rows; rest: Rows }> {
  const bytes = new Uint8Array(await readFile(join(data, set.file)));
  const table = parseTable({ name: set.file, bytes });
  const cells = (column: number): readonly string[] => [...(table.columns[column]?.cells ?? [])];
  const texts = cells(set.text);
  const values = cells(set.label);
  const rows = [...texts.keys()].filter(
    (row) => texts[row] !== '' && set.classes.some(({ value }) => value === values[row]),
  );
  seededRandom(0).shuffle(rows);
  const of = (some: readonly number[]): Rows => ({
    texts: some.map((row) => texts[row] ?? ''),
    labels: some.map((row) => set.classes.findIndex(({ value }) => value === values[row])),
  });
  return { asked: of(rows.slice(0, ROWS)), rest: of(rows.slice(ROWS)) };
}

interface Figures {
  readonly accuracy: number;
  readonly low: number;
  readonly high: number;
  readonly f1: number;
  /** Share of the rows that it votes for; the other figures are of those. */
  readonly voted: number;
}

async function ask(
  teacher: OpenTeacher,
  { texts, labels }: Rows,
  classes: number,
  prior: readonly number[] | null = null,
): Promise<Figures> {
  const votes = await finish(teacher.vote(texts));
  await teacher.close();
  const { label } = combineVotes([votes], classes, false, { ...LABELLING_DEFAULTS.accept, prior });
  const rows = [...label.keys()].filter((row) => label[row] !== -1);
  const right = rows.filter((row) => label[row] === labels[row]).length;
  const f1 = Array.from({ length: classes }, (_, k) => {
    const said = rows.filter((row) => label[row] === k);
    const both = said.filter((row) => labels[row] === k).length;
    const are = rows.filter((row) => labels[row] === k).length;
    return said.length + are === 0 ? 0 : (2 * both) / (said.length + are);
  }).reduce((sum, one) => sum + one / classes, 0);
  const [low, high] = wilsonInterval(right, rows.length);
  return { accuracy: right / rows.length, low, high, f1, voted: rows.length / texts.length };
}

function examplesOf(rest: Rows, classes: number, seed: number): readonly (readonly string[])[] {
  const random = seededRandom(seed);
  return Array.from({ length: classes }, (_, k) => {
    const own = rest.texts.filter((_text, row) => rest.labels[row] === k);
    return random.shuffle([...own]).slice(0, EXAMPLES);
  });
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, one) => sum + one, 0) / values.length;
}

function show({ accuracy, low, high, f1 }: Figures): string {
  const percent = (share: number): string => (100 * share).toFixed(1);
  return `${percent(accuracy)} [${percent(low)}, ${percent(high)}] / ${f1.toFixed(3)}`;
}

export async function bench(): Promise<BenchResult> {
  const data = process.env['HEADLIGHT_DATA'] ?? join(import.meta.dirname, '../../../shared/data');
  await access(join(data, 'trec'));
  const home = await mkdtemp(join(tmpdir(), 'headlight-teachers-'));
  try {
    const platform = await createNodePlatform({ home });
    const encoders = new Encoders(platform);
    const shipped = (await encoders.list()).map(({ info }) => info);
    const rows: Cell[][] = [];
    for (const set of SETS) {
      const { asked, rest } = await rowsOf(set, data);
      const count = set.classes.length;
      // What a person may know of the whole: taken from the other rows.
      const shares = set.classes.map(
        (_class, k) => rest.labels.filter((label) => label === k).length / rest.labels.length,
      );
      const runOf = (classes: readonly LabelledClass[]): TeacherRun => {
        const settings: LabellingSettings = {
          ...LABELLING_DEFAULTS,
          classes,
          several: false,
          teachers: [],
        };
        return { project: 'bench', platform, encoders, settings, device: 'cpu' };
      };
      const classesOf = (
        described: boolean,
        examples: readonly (readonly string[])[] = [],
      ): LabelledClass[] =>
        set.classes.map(({ name, description }, k) => ({
          name,
          description: described ? description : '',
          examples: examples[k] ?? [],
        }));
      for (const { reference, name, maxTokens } of shipped) {
        const similarity = async (
          classes: readonly LabelledClass[],
          prior: readonly number[] | null = null,
        ): Promise<Figures> => {
          const teacher = {
            kind: 'similarity',
            encoder: reference,
            temperature: 0.05,
            max_length: Math.min(256, maxTokens),
          } as const;
          return ask(await finish(openSimilarity(runOf(classes), teacher)), asked, count, prior);
        };
        const drawn = SEEDS.map((seed) => examplesOf(rest, count, seed));
        const several = async (described: boolean): Promise<string> => {
          const all: Figures[] = [];
          for (const examples of drawn) all.push(await similarity(classesOf(described, examples)));
          return `${(100 * mean(all.map(({ accuracy }) => accuracy))).toFixed(1)} / ${mean(all.map(({ f1 }) => f1)).toFixed(3)}`;
        };
        rows.push([
          set.name,
          name,
          show(await similarity(classesOf(false))),
          show(await similarity(classesOf(true))),
          show(await similarity(classesOf(true), shares)),
          await several(false),
          await several(true),
        ]);
      }
      const rules = set.classes.map(({ name, keywords }) => ({
        class: name,
        match: 'keywords' as const,
        pattern: keywords,
        ignore_case: true,
      }));
      const figures = await ask(
        await finish(openRules(runOf(classesOf(false)), { kind: 'rules', rules })),
        asked,
        count,
      );
      rows.push([
        set.name,
        `rules, of ${(100 * figures.voted).toFixed(0)} % of the rows`,
        show(figures),
        '',
        '',
        '',
        '',
      ]);
      process.stderr.write(
        `${rows
          .slice(-3)
          .map((row) => row.join(' | '))
          .join('\n')}\n`,
      );
    }
    return {
      name: 'teachers',
      tables: [
        {
          title: 'Teachers without a label: accuracy (percent, 95 % interval) / macro-F1',
          method: `${ROWS.toLocaleString('en')} rows of each training part, drawn with seed 0. Examples: ${EXAMPLES} a class from the other rows, the mean of ${SEEDS.length} draws. Known shares: those of the classes among the other rows. Rules: about ten keywords a class; their figures are of the rows they vote for.`,
          columns: [
            'set',
            'teacher',
            'names',
            'descriptions',
            'descriptions, known shares',
            'names + examples',
            'descriptions + examples',
          ],
          rows,
        },
      ],
    };
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}
