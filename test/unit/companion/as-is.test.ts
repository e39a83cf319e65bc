/**
 * Promise: on the command line, too, a checkpoint that came with a classifier is evaluated as it is, its classes
 * matched or mapped; labels files without labels; and features come from mixes of layers.
 */
import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { runHeadlight, scoresOfPredicted, type CommandResult } from '../../helpers/command';
import { ownGolden, ownPath, sentimentCsv } from '../../helpers/own-models';
import { temporaryFolder } from '../../helpers/temporary-folder';

interface RunRecord {
  readonly method: string;
  readonly encoder: { readonly layer: number; readonly layerWeights?: readonly number[] };
  readonly metrics: { readonly test: { readonly accuracy: number; readonly log_loss: number } };
}

/** Several processes, each of which loads the runtime. */
const PATIENCE = 240_000;

let folder: string;
const headlight = (...args: readonly string[]): Promise<CommandResult> =>
  runHeadlight(folder, args);

beforeAll(async () => {
  folder = await temporaryFolder();
  await cp(ownPath('sentiment'), join(folder, 'sentiment'), { recursive: true });
  await writeFile(join(folder, 'reviews.csv'), sentimentCsv());
  const short = sentimentCsv().replaceAll(',positive', ',pos').replaceAll(',negative', ',neg');
  await writeFile(join(folder, 'short.csv'), short);
  await writeFile(join(folder, 'texts.csv'), `text\n${ownGolden.sentiment.texts.join('\n')}\n`);
});
const AS_IS = ['--encoder', './sentiment', '--as-is', '--device', 'cpu'] as const;

describe('train --as-is', () => {
  test(
    'says what each class means, reports, writes; run repeats it and predict agrees',
    { timeout: PATIENCE },
    async () => {
      const { code, stdout, stderr } = await headlight(
        'train',
        'reviews.csv',
        ...AS_IS,
        '--out',
        'taken',
      );
      expect([code, stderr.includes('Error')]).toEqual([0, false]);
      expect(stdout).toContain('its own classifier as it is');
      expect(stdout).toContain('NEGATIVE: negative');
      expect(stdout).toContain('What the model was trained on is not known');
      expect(stdout).toMatch(/macro-F1/);
      expect(await readdir(join(folder, 'taken'))).toContain('recipe.json');
      const recipe = join('taken', 'recipe.json');
      const args = ['run', recipe, '--data', '.', '--encoder', './sentiment', '--json'];
      const again = await headlight(...args);
      const record = JSON.parse(again.stdout) as RunRecord;
      expect(record.method).toBe('own');
      expect(JSON.parse(await readFile(join(folder, 'taken', 'run.json'), 'utf8'))).toMatchObject({
        metrics: { test: { accuracy: record.metrics.test.accuracy } },
      });
      const predicted = await headlight('predict', 'taken', 'reviews.csv', '--quiet');
      const { header, accuracy } = scoresOfPredicted(predicted.stdout);
      expect(header).toContain('prediction,probability: negative');
      expect(accuracy).toBeGreaterThan(0.9);
    },
  );

  test(
    '--map says what names do not; a class that is not there is refused',
    { timeout: PATIENCE },
    async () => {
      const map = ['--map', 'POSITIVE=pos,NEGATIVE=neg'];
      const mapped = await headlight('train', 'short.csv', ...AS_IS, ...map, '--json');
      expect((JSON.parse(mapped.stdout) as RunRecord).metrics.test.accuracy).toBeGreaterThan(0.9);
      const stranger = await headlight('train', 'short.csv', ...AS_IS, '--map', 'GREAT=pos');
      expect([stranger.code, stranger.stderr]).toEqual([
        1,
        expect.stringContaining('no class “GREAT”'),
      ]);
      expect(stranger.stderr).toContain('NEGATIVE, NEUTRAL, POSITIVE');
      const layer = await headlight('train', 'short.csv', ...AS_IS, '--layer', '1');
      expect(layer.stderr).toContain('--layer is of a probe');
    },
  );
});

describe('predict with a checkpoint', () => {
  test(
    'labels texts without labels, under the names of its classes',
    { timeout: PATIENCE },
    async () => {
      const { code, stdout } = await headlight('predict', 'sentiment', 'texts.csv', '--quiet');
      expect(code).toBe(0);
      const [header, ...lines] = stdout.trim().split(/\r?\n/);
      const { classes, probabilities } = ownGolden.sentiment;
      expect(header).toBe(
        ['text', 'prediction', ...classes.map((name) => `probability: ${name}`)].join(','),
      );
      lines.forEach((line, at) => {
        const row = probabilities[at] ?? [];
        expect(line.split(',')[1]).toBe(classes[row.indexOf(Math.max(...row))]);
      });
    },
  );
});

describe('--layers', () => {
  test('mixes layers, and says what is wrong with weights', { timeout: PATIENCE }, async () => {
    const train = [
      'train',
      'reviews.csv',
      '--encoder',
      './sentiment',
      '--C',
      '1',
      '--no-baselines',
    ];
    const mixed = await headlight(...train, '--layers', '0,1,3', '--json', '--out', 'mixed');
    const { encoder, metrics } = JSON.parse(mixed.stdout) as RunRecord;
    expect(encoder).toMatchObject({ layer: 2, layerWeights: [0, 1, 3] });
    expect(metrics.test.accuracy).toBeGreaterThan(0.8);
    const recipe = JSON.parse(
      await readFile(join(folder, 'mixed', 'recipe.json'), 'utf8'),
    ) as object;
    expect(recipe).toMatchObject({ embed: { layer: 2, layerWeights: [0, 1, 3] } });
    const predicted = await headlight('predict', 'mixed', 'reviews.csv', '--quiet');
    const { accuracy } = scoresOfPredicted(predicted.stdout);
    expect(accuracy).toBeCloseTo(metrics.test.accuracy, 1);
    const { code, stderr } = await headlight(...train, '--layers', '1,2');
    expect([code, stderr]).toEqual([1, expect.stringContaining('2 weights of layers')]);
  });
});
