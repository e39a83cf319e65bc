/**
 * Promise: `headlight layers` goes from a file to a heat map that reads as a table, refuses what cannot be before it
 * computes, goes on after Ctrl-C with what is done, and leaves a recipe that gives the same figures.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { describeStudy } from '../../../companion/layers-table';
import { LAYER_STUDY_DEFAULTS, type LayerStudy } from '../../../src/engine';
import { callHeadlight, reviews, writeTinyEncoder } from '../../helpers/command';
import { fakeStudy } from '../../helpers/fake-layers';
import { temporaryFolder } from '../../helpers/temporary-folder';

let folder: string;
const LAYERS = ['layers', 'r.csv', '--encoder', './tiny', '--device', 'cpu', '--seeds', '0,1'];
const call = (args: readonly string[], stop?: Parameters<typeof callHeadlight>[2]) =>
  callHeadlight(folder, args, stop);

beforeAll(async () => {
  folder = await temporaryFolder();
  await writeTinyEncoder(join(folder, 'tiny'), 3);
  await writeFile(join(folder, 'r.csv'), reviews(120, 0));
});

/** What is kept of a command on the disk. */
const kept = async (): Promise<string[]> => {
  const found = await readdir(join(folder, 'home'), { recursive: true });
  return found.filter((name) => /command-line-.+\/./.test(name));
};
/** Of a study, what was measured: without times and names. */
const measured = ({ cells, best, baselines, task }: LayerStudy) => ({
  cells: cells.map(({ seconds: _, ...cell }) => cell),
  ...{ best, baselines, rows: task.rows, classes: task.classes },
});

describe('a study of a labelled file', () => {
  const asked = [...LAYERS, '--pooling', 'mean,cls', '--json'];
  let study: LayerStudy;
  beforeAll(async () => {
    const files = ['--html', 'o/s.html', '--csv', 'o/s.csv', '--svg', 'o/s.svg'];
    const { code, stdout, stderr } = await call([...asked, ...files, '--recipe', 'study.json']);
    expect([code, stderr.match(/Written to/g)?.length]).toEqual([0, 4]);
    study = JSON.parse(stdout) as LayerStudy;
  });

  test('has a cell for each layer and pooling, and the best by validation alone', () => {
    expect(study.kind).toBe('headlight.layers');
    const layers = study.models[0]?.layers ?? 0;
    expect(study.cells.length).toBe(2 * (layers + 1));
    const best = study.cells.find(
      ({ layer, pooling }) => layer === study.best.layer && pooling === study.best.pooling,
    );
    const highest = Math.max(...study.cells.map(({ validation }) => validation.mean));
    expect(best?.validation.mean).toBe(highest);
    // Two words of the text tell the label: above the half that guessing gets.
    expect(best?.test.mean).toBeGreaterThan(0.8);
    expect(study.baselines.majority.mean).toBeCloseTo(0.5, 1);
  });

  test('leaves none of the work on the disk, and none of the texts in its files', async () => {
    expect(await kept()).toEqual([]);
    for (const name of ['o/s.html', 'o/s.csv', 'o/s.svg', 'study.json']) {
      const text = await readFile(join(folder, name), 'utf8');
      expect(text.length).toBeGreaterThan(100);
      expect(text).not.toContain(reviews(1, 7).split('\n')[1]?.split(',')[0]);
    }
  });

  test('is repeated by its recipe to the same figures; flags of classifiers are refused', async () => {
    const { code, stdout } = await call(['run', 'study.json', '--encoder', './tiny', '--json']);
    expect(code).toBe(0);
    expect(measured(JSON.parse(stdout) as LayerStudy)).toEqual(measured(study));
    const report = await call(['run', 'study.json', '--report', 'x.html']);
    expect(report.code).toBe(1);
    expect(report.stderr).toContain('--report is of a classifier');
    const missing = await call(['run', 'study.json']);
    expect(missing.stderr).toContain('--encoder');
  });

  test('stopped in the middle it leaves with 130, keeps its cells, and goes on to the same figures', async () => {
    const stopped = await call(asked, { at: /Probing.*layer 1/, signal: 'SIGINT' });
    expect(stopped.code).toBe(130);
    expect(stopped.stderr).toMatch(/[1-9]\d* of \d+ cells are kept/);
    expect((await kept()).some((name) => /^runs.+layers/.test(name))).toBe(true);
    const again = await call(asked);
    expect(again.code).toBe(0);
    expect(await kept()).toEqual([]);
    expect(measured(JSON.parse(again.stdout) as LayerStudy)).toEqual(measured(study));
  });

  test('a task made from the texts needs no labels', async () => {
    await writeFile(join(folder, 'plain.csv'), reviews(120, 0).replace(/,\w+$/gm, ''));
    const { code, stdout } = await call([
      ...['layers', 'plain.csv', '--encoder', './tiny', '--device', 'cpu', '--seeds', '0'],
      ...['--task', 'bigram-shift', '--layers', '0,1', '--no-control', '--no-rankings'],
    ]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^bigram shift: 2 classes/);
    expect(stdout).not.toMatch(/selectivity|LogME/);
  });
});

describe('what cannot be is said before anything is computed', () => {
  test.each([
    [['--bins', '4'], 1, /--bins belongs to --task length/],
    [['--words', '50'], 1, /--words belongs to --task word-content/],
    [['--hidden', '50'], 1, /--hidden belongs to --probe mlp/],
    [['--probe', 'mlp', '--C', '1'], 1, /--C belongs to --probe linear/],
    [['--folds', '5'], 1, /--seeds and --folds/],
    [['--seeds', '1,1'], 2, /same seed twice/],
    [['--seeds', '1,,2'], 2, /whole numbers/],
    [['--layers', '3-1'], 2, /layers such as/],
    [['--layers', '0-99'], 1, /has no layer \d+/],
    [['--pooling', 'first'], 1, /first is none of texts/],
    [['--dropout', '1'], 2, /below 1/],
    [['--task', 'mood'], 2, /Allowed choices/],
    [['--html', 'x.htm/'], 1, /no name of an HTML file/],
    [['--svg', 'x.png'], 1, /no name of an SVG file/],
    [Array<string[]>(9).fill(['--encoder', 'a']).flat(), 1, /at most 8 encoders/],
    [['--max-tokens', '99999'], 1, /takes at most/],
    [['--label', 'nothing'], 1, /no column/],
  ] as const)('%j: exit code %d', async (more, code, message) => {
    const given = [...LAYERS, ...more];
    const result = await call(given);
    expect(result.stderr).toMatch(message);
    expect([result.code, result.stdout]).toEqual([code, '']);
    expect(result.stderr).not.toMatch(/Embedding/);
  });
});

describe('the heat map in a terminal', () => {
  const study = fakeStudy(
    'one',
    {
      ...LAYER_STUDY_DEFAULTS,
      models: [
        {
          encoder: { source: 'shipped', id: 'a', revision: 'b', precision: 'fp32' },
          maxTokens: null,
          layers: null,
        },
      ],
      poolings: ['mean', 'cls'],
      untrained: true,
      descriptionLength: true,
    },
    6,
  );
  /** Rows of the table that begins with a line of these words. */
  const tableAfter = (text: string, header: RegExp): string[][] => {
    const lines = text.split('\n');
    const at = lines.findIndex((line) => header.test(line));
    const end = lines.findIndex((line, place) => place > at && !/^\d/.test(line));
    return lines.slice(at + 1, end).map((line) => line.trim().split(/\s{2,}/));
  };

  test('has a row a layer and a column a pooling, and a star where validation is best', () => {
    const text = describeStudy(study, { colour: false });
    const rows = tableAfter(text, /^layer +mean +cls/);
    expect(rows.map(([layer]) => layer)).toEqual(['0', '1', '2', '3', '4', '5', '6']);
    for (const [layer, mean, cls] of rows)
      for (const [pooling, said] of [
        ['mean', mean],
        ['cls', cls],
      ] as const) {
        const cell = study.cells.find(
          (one) => !one.untrained && String(one.layer) === layer && one.pooling === pooling,
        );
        expect(said?.replace('*', '')).toBe((100 * (cell?.test.mean ?? 0)).toFixed(1));
        const isBest = study.best.layer === cell?.layer && study.best.pooling === pooling;
        expect(said?.endsWith('*')).toBe(isBest);
      }
    expect(text).toMatch(/^layer +validation +test +95 % +control +selectivity +untrained/m);
    expect(text).toMatch(/Best by validation .*layer \d, mean/);
    expect(text).not.toContain('\u001b');
  });

  /** A terminal's escape sequence, which a literal of a regular expression may not hold. */
  const COLOUR = new RegExp(`${String.fromCharCode(27)}\\[[\\d;]*m`, 'g');

  test('has colours only where they are asked for, and the same figures with them', () => {
    const plain = describeStudy(study, { colour: false });
    const coloured = describeStudy(study, { colour: true });
    expect(coloured).toContain('\u001b[48;5;');
    const bare = coloured.replaceAll(COLOUR, '').replaceAll(/ +$/gm, '');
    expect(bare).toBe(plain.replaceAll(/ +$/gm, ''));
  });
});
