/** The report as a file: what a person has named cannot become markup, and blocks come back as they went in. */
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { finish, HeadlightError } from '../../../src/base';
import { reportPage } from '../../../src/engine';
import { fileBlocks, fileOfBlocks } from '../../../src/engine/standalone-blocks';
import { DEFAULT_LOGISTIC } from '../../../src/learning/heads';
import { ENCODERS, FakeEngine } from '../../helpers/fake-engine';

const EVIL = `"><img src=x onerror=alert(1)></style></title><script>alert('it')</script>`;

describe('the report', () => {
  test('has no markup but its own, whatever things are called', async () => {
    const engine = new FakeEngine({ classes: [EVIL, `${EVIL}2`] });
    const bytes = new TextEncoder().encode('text,label\na,b\nc,d\n');
    const view = await finish(engine.createProject([{ name: 'x.csv', bytes }]));
    const [encoder] = ENCODERS;
    if (encoder === undefined) throw new Error('no encoder');
    const made = await finish(
      engine.train(view.id, {
        encoder: encoder.info.reference,
        embed: encoder.info.defaults,
        device: 'wasm',
        head: DEFAULT_LOGISTIC,
      }),
    );
    const { record } = made;
    const run = { ...made, record: { ...record, data: { ...record.data, text: EVIL } } };
    const html = reportPage({ name: EVIL, run, report: null, pictures: [], mistakes: null });
    expect(html).not.toContain('<img');
    expect(html).not.toContain('<script');
    // It is there, as text.
    expect(html).toContain('&lt;img src=x onerror=alert(1)&gt;');
  });
});

describe('files in an HTML file', () => {
  const texts = (pieces: readonly Uint8Array[]): string[] =>
    [
      ...Buffer.concat(pieces)
        .toString('latin1')
        .matchAll(/">([^<]*)<\/script>/g),
    ].map(([, text = '']) => text);

  test.each([0, 1, 2, 3, 1000, 9_000_001])('%i bytes come back as they were', async (length) => {
    const bytes = new Uint8Array(randomBytes(length));
    const pieces = await fileBlocks('onnx/model.onnx', bytes);
    const found = texts(pieces);
    expect(found.length).toBe(length > 7_000_000 ? 2 : 1);
    const back = await fileOfBlocks(found, 'onnx/model.onnx');
    expect(Buffer.from(back).equals(Buffer.from(bytes))).toBe(true);
  });

  test('a part that is missing is noticed', async () => {
    const pieces = await fileBlocks('model', new Uint8Array(randomBytes(9_000_000)));
    const [first = ''] = texts(pieces);
    await expect(fileOfBlocks([first], 'model')).rejects.toThrow(HeadlightError);
  });
});
