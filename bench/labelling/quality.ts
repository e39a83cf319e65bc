/**
 * How right an NLI model is as a teacher, without a single label, beside cosines: four public sets, the usual template
 * with bare names, and descriptions in a template made for the set. Both were written before anything was measured.
 */
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { finish, seededRandom } from '../../src/base';
import { parseTable } from '../../src/data';
import { Encoders } from '../../src/engine/encoders';
import { openNli } from '../../src/engine/labelling/nli-teacher';
import { openSimilarity } from '../../src/engine/labelling/similarity-teacher';
import type { OpenTeacher, TeacherRun } from '../../src/engine/labelling/teacher';
import { wilsonInterval } from '../../src/learning/evaluate';
import {
  DEFAULT_TEMPLATE,
  LABELLING_DEFAULTS,
  type LabelledClass,
  type TeacherSettings,
} from '../../src/learning/labelling';
import type { Platform } from '../../src/platform';
import type { BenchTable, Cell } from '../report';

interface PublicSet {
  readonly name: string;
  readonly file: string;
  /** Places of the two columns. */
  readonly text: number;
  readonly label: number;
  /** Drawn with seed 0; null: all. */
  readonly rows: number | null;
  readonly template: string;
  /** What the file calls a class, its name, and how it is described. */
  readonly classes: readonly (readonly [value: string, name: string, description: string])[];
}

/** Of the larger sets. */
const LARGE_ROWS = 500;

export const SETS: readonly PublicSet[] = [
  {
    name: 'SST-2, dev',
    file: 'sst2/dev.tsv',
    text: 0,
    label: 1,
    rows: null,
    template: 'The writer finds the film {}.',
    classes: [
      ['0', 'negative', 'bad'],
      ['1', 'positive', 'good'],
    ],
  },
  {
    name: 'TREC, test',
    file: 'trec/test.csv',
    text: 0,
    label: 1,
    rows: null,
    template: 'The question asks for {}.',
    classes: [
      ['ABBR', 'abbreviation', 'what an abbreviation stands for'],
      ['DESC', 'description', 'a description or a definition'],
      ['ENTY', 'entity', 'a thing, an animal or a product'],
      ['HUM', 'person', 'a person or a group of people'],
      ['LOC', 'location', 'a place'],
      ['NUM', 'number', 'a number or a date'],
    ],
  },
  {
    name: 'AG News, 500 of test',
    file: 'ag_news/test.csv',
    text: 0,
    label: 1,
    rows: LARGE_ROWS,
    template: 'The news are about {}.',
    classes: [
      ['World', 'World', 'world politics or conflicts'],
      ['Sports', 'Sports', 'sports'],
      ['Business', 'Business', 'business or the economy'],
      ['Sci/Tech', 'Sci/Tech', 'science or technology'],
    ],
  },
  {
    name: 'SMS spam, 500',
    file: 'sms_spam/sms.tsv',
    text: 1,
    label: 0,
    rows: LARGE_ROWS,
    template: 'The message is {}.',
    classes: [
      ['ham', 'ham', 'a personal message'],
      ['spam', 'spam', 'advertising or a scam'],
    ],
  },
];

/** null without HEADLIGHT_NLI or the data. */
export async function qualityTable(platform: Platform): Promise<BenchTable | null> {
  const folder = process.env['HEADLIGHT_NLI'];
  const data = process.env['HEADLIGHT_DATA'] ?? join(import.meta.dirname, '../../../shared/data');
  const isThere = await access(join(data, 'trec')).then(
    () => true,
    () => false,
  );
  if (folder === undefined || !isThere) return null;
  const encoders = new Encoders(platform);
  const files = await Promise.all(
    ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.safetensors'].map(
      async (name) => ({ name, bytes: new Uint8Array(await readFile(join(folder, name))) }),
    ),
  );
  const { info } = await finish(encoders.addFolder('nli', files, 'fp32'));
  const similar = (await encoders.list()).find(({ info: { name } }) => /MiniLM/.test(name))?.info;
  const rows: Cell[][] = [];
  for (const set of SETS) {
    const { texts, labels } = await rowsOf(set, data);
    for (const described of [false, true]) {
      const classes = set.classes.map(([, name, description]) => ({
        name,
        description: described ? description : '',
        examples: [],
      }));
      const teachers: TeacherSettings[] = [
        {
          kind: 'nli',
          encoder: info.reference,
          templates: [described ? set.template : DEFAULT_TEMPLATE],
          max_length: Math.min(256, info.maxTokens),
        },
      ];
      if (similar !== undefined)
        teachers.push({
          kind: 'similarity',
          encoder: similar.reference,
          temperature: 0.05,
          max_length: Math.min(256, similar.maxTokens),
        });
      const row: Cell[] = [
        set.name,
        described ? `“${set.template}”, descriptions` : `“${DEFAULT_TEMPLATE}”, names`,
      ];
      for (const teacher of teachers) {
        const asked = await ask(platform, encoders, teacher, classes, texts, labels);
        const [low, high] = wilsonInterval(asked.right, texts.length);
        row.push(
          `${percent(asked.right / texts.length)} (${percent(low)} to ${percent(high)})`,
          texts.length / asked.seconds,
        );
      }
      rows.push([...row, percent(mostFrequent(labels))]);
      process.stderr.write(`  ${JSON.stringify(rows.at(-1))}\n`);
    }
  }
  return {
    title: 'Teachers without a single label',
    method: `${process.env['HEADLIGHT_NLI_NAME'] ?? 'The NLI model'} and cosines of all-MiniLM-L6-v2 (8 bits): accuracy in %, 95 % interval (Wilson), texts a second; templates and descriptions written before measuring. Cosines take names and descriptions without a template.`,
    columns: ['Set', 'asked', 'NLI', 'texts/s', 'similarity', 'texts/s', 'most frequent class'],
    rows,
  };
}

const percent = (share: number): string => (100 * share).toFixed(1);

async function rowsOf(
  { file, text, label, rows, classes }: PublicSet,
  data: string,
): Promise<{ readonly texts: string[]; readonly labels: number[] }> {
  const bytes = new Uint8Array(await readFile(join(data, file)));
  const table = parseTable({ name: file, bytes }, file.endsWith('.tsv') ? { quotes: false } : {});
  const [texts, values] = [text, label].map((at) => [...(table.columns[at]?.cells ?? [])]);
  const order = Array.from({ length: texts?.length ?? 0 }, (_, at) => at);
  const drawn = rows === null ? order : seededRandom(0).shuffle(order).slice(0, rows);
  return {
    texts: drawn.map((row) => texts?.[row] ?? ''),
    labels: drawn.map((row) => classes.findIndex(([value]) => value === values?.[row])),
  };
}

async function ask(
  platform: Platform,
  encoders: Encoders,
  teacher: TeacherSettings,
  classes: readonly LabelledClass[],
  texts: readonly string[],
  labels: readonly number[],
): Promise<{ readonly right: number; readonly seconds: number }> {
  const settings = { ...LABELLING_DEFAULTS, classes, several: false, teachers: [teacher] };
  const run: TeacherRun = { project: 'bench', platform, encoders, settings, device: 'cpu' };
  if (teacher.kind === 'rules') throw new Error('no rules here');
  const open = await finish<OpenTeacher>(
    teacher.kind === 'nli' ? openNli(run, teacher) : openSimilarity(run, teacher),
  );
  try {
    const started = performance.now();
    const votes = await finish(open.vote(texts));
    const seconds = (performance.now() - started) / 1000;
    const right = labels.filter((label, row) => {
      const own = votes.subarray(row * classes.length, (row + 1) * classes.length);
      return own.indexOf(Math.max(...own)) === label;
    });
    return { right: right.length, seconds };
  } finally {
    await open.close();
  }
}

function mostFrequent(labels: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return Math.max(...counts.values()) / labels.length;
}
