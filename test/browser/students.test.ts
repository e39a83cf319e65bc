/**
 * The report of a student, as a person reads it: its teacher beside it on the same texts, and the rounds in which it taught
 * itself. The project was made elsewhere and comes as a zip: nothing of it needs its teachers any more.
 */
import { expect, it } from 'vitest';
import { finish } from '../../src/base';
import { createEngine, DEFAULT_LOGISTIC, LABELLING_DEFAULTS } from '../../src/engine';
import { createNodePlatform } from '../../src/platform/node';
import { look, PageScene } from '../helpers/page-scene';
import { temporaryFolder } from '../helpers/temporary-folder';

const scene = PageScene.ofThisFile('students');

/** The rules know one word of each kind; what they do not know often stands beside it. */
function reviews(rows: number, from: number): string {
  const lines = Array.from({ length: rows }, (_, at) => {
    const row = from + at;
    const label = row % 2 === 0 ? 'praise' : 'blame';
    const [known, unknown] = label === 'praise' ? ['great', 'wonderful'] : ['poor', 'terrible'];
    const words = row % 6 < 2 ? [unknown] : [known, unknown];
    return `The film on shelf ${row} was ${words.join(' and ')},${label}`;
  });
  return `text,label\n${lines.join('\n')}\n`;
}

/** A project with one run, as the zip that the page opens. */
async function studentZip(): Promise<Uint8Array> {
  const engine = createEngine(await createNodePlatform({ home: await temporaryFolder() }));
  const source = (name: string, text: string) => ({ name, bytes: new TextEncoder().encode(text) });
  const { id, choice } = await finish(
    engine.createProject([
      source('train.csv', reviews(60, 0)),
      source('test.csv', reviews(30, 1000)),
    ]),
  );
  const classes = ['blame', 'praise'];
  await finish(
    engine.configureData(id, {
      ...choice,
      files: { 'train.csv': 'train', 'test.csv': 'test' },
      textColumn: 'text',
      label: { kind: 'made', classes, several: false, truth: 'label', names: {} },
      split: { method: 'files' },
    }),
  );
  const rule = (label: string, pattern: string) =>
    ({ class: label, match: 'keywords', pattern, ignore_case: true }) as const;
  await engine.configureLabelling(id, {
    ...LABELLING_DEFAULTS,
    classes: classes.map((name) => ({ name, description: '', examples: [] })),
    several: false,
    teachers: [{ kind: 'rules', rules: [rule('praise', 'great'), rule('blame', 'poor')] }],
    student: { ...LABELLING_DEFAULTS.student, rounds: 1, round_threshold: 0.6 },
  });
  await finish(engine.runTeacher(id, 0, 'cpu'));
  const instant = (await engine.listEncoders()).find(
    ({ info }) => info.reference.id === 'headlight-instant-en',
  );
  if (instant === undefined) throw new Error('the instant encoder does not ship');
  const run = await finish(
    engine.train(id, {
      encoder: instant.info.reference,
      embed: instant.info.defaults,
      device: 'cpu',
      head: { ...DEFAULT_LOGISTIC, C: 1 },
      baselines: false,
    }),
  );
  const { bytes } = await finish(engine.export(id, run.id, 'project'));
  return bytes;
}

it('shows the teacher beside its student, and the rounds', { timeout: 300_000 }, async () => {
  const zip = await scene.file('reviews.headlight.zip', await studentZip());
  const { context, driver } = await scene.device();
  await driver.pick(zip);
  await driver.see('test-accuracy');
  const said = await driver.text('teacher-beside');
  expect(said).toMatch(/^The teacher \(.+\) gets \d+\.\d % of the same 30 test texts right/);
  expect(said).toContain('On 10 of them no teacher voted: they count as wrong.');
  expect(said).toContain('The student is better than its teacher');
  expect(await driver.text('comparison')).toContain('Its teacher');
  const rounds = await driver.text('self-training');
  expect(rounds).toContain('First fit');
  expect(rounds).toContain('Round 1');
  expect(await look(driver.page, 'students', { within: '[data-testid="report"]' })).toEqual([]);
  await context.close();
});
