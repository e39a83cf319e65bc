/**
 * Measures what ships against the original in 32-bit floats, for the model cards:
 *
 *   npx tsx tools/measure-models.ts <folder of all-MiniLM-L6-v2> <folder of the data> <python>
 *
 * Embeds SST-2 (2,000 training rows, the 872 of dev) and TREC (5,452 / 500) with each encoder in Node,
 * has `tools/probe_accuracy.py` fit scikit-learn's logistic regression, and writes tools/models/figures.json,
 * which tools/build-models.ts puts into the cards. Nothing of the data is kept.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finish, seededRandom } from '../src/base';
import { listShipped, loadEncoder, openEmbedder, type Encoder } from '../src/models';
import { createNodePlatform } from '../src/platform/node';
import { openOriginal } from './models/minilm';

const [original, data, python = 'python3'] = process.argv.slice(2);
if (original === undefined || data === undefined) {
  process.stderr.write('npx tsx tools/measure-models.ts <model folder> <data folder> [python]\n');
  process.exit(2);
}

interface Task {
  readonly name: 'sst2' | 'trec';
  readonly train: readonly (readonly [text: string, label: string])[];
  readonly test: readonly (readonly [text: string, label: string])[];
}

const folder = mkdtempSync(join(tmpdir(), 'headlight-figures-'));
try {
  const platform = await createNodePlatform({ home: join(folder, 'home') });
  const tasks = [sst2(data), trec(data)];
  const reference = await finish(openOriginal(original));
  const shipped = await listShipped(platform.assets);
  const figures: Record<string, unknown> = {};
  const expected = await embedAll(reference);
  figures['fp32'] = { accuracy: probe('fp32', expected.vectors) };
  for (const { reference: id } of shipped) {
    const encoder = await finish(loadEncoder(platform, id));
    const { vectors, textsPerSecond } = await embedAll(encoder);
    process.stderr.write(`${id.id}: ${textsPerSecond} texts a second\n`);
    const comparable = encoder.info.hiddenSize === reference.info.hiddenSize;
    figures[id.id] = {
      revision: id.revision,
      ...(comparable ? { cosine: cosines(vectors, expected.vectors) } : {}),
      accuracy: probe(id.id, vectors),
    };
  }
  const text = JSON.stringify(figures, null, 2) + '\n';
  writeFileSync('tools/models/figures.json', text);
  process.stdout.write(text);

  async function embedAll(encoder: Encoder): Promise<{
    readonly vectors: ReadonlyMap<string, { rows: number; columns: number; data: Float32Array }>;
    readonly textsPerSecond: number;
  }> {
    const embedder = await openEmbedder({
      encoder,
      embed: encoder.info.defaults,
      device: 'cpu',
      runtime: platform.runtime,
    });
    const vectors = new Map<string, { rows: number; columns: number; data: Float32Array }>();
    const started = performance.now();
    let texts = 0;
    for (const task of tasks) {
      for (const part of ['train', 'test'] as const) {
        const rows = task[part].map(([text]) => text);
        vectors.set(`${task.name}.${part}`, await embedder.embed(rows));
        texts += rows.length;
      }
    }
    const seconds = (performance.now() - started) / 1000;
    await embedder.close();
    return { vectors, textsPerSecond: Math.round(texts / seconds) };
  }

  function probe(
    name: string,
    vectors: ReadonlyMap<string, { rows: number; columns: number; data: Float32Array }>,
  ): unknown {
    const request = tasks.map((task) => ({
      name: task.name,
      ...Object.fromEntries(
        (['train', 'test'] as const).map((part) => {
          const found = vectors.get(`${task.name}.${part}`);
          const file = join(folder, `${name}.${task.name}.${part}.f32`);
          writeFileSync(file, found?.data ?? new Float32Array());
          const labels = task[part].map(([, label]) => label);
          return [part, { file, columns: found?.columns, labels }];
        }),
      ),
    }));
    const file = join(folder, `${name}.json`);
    writeFileSync(file, JSON.stringify(request));
    return JSON.parse(
      execFileSync(python, ['tools/probe_accuracy.py', file], { encoding: 'utf8' }),
    );
  }
} finally {
  rmSync(folder, { recursive: true });
}

function cosines(
  a: ReadonlyMap<string, { rows: number; columns: number; data: Float32Array }>,
  b: ReadonlyMap<string, { rows: number; columns: number; data: Float32Array }>,
): { readonly mean: number; readonly least: number; readonly texts: number } {
  let sum = 0;
  let least = 1;
  let texts = 0;
  for (const [name, { rows, columns, data }] of a) {
    const other = b.get(name)?.data;
    for (let row = 0; row < rows; row++) {
      let dot = 0;
      let lengthA = 0;
      let lengthB = 0;
      for (let i = row * columns; i < (row + 1) * columns; i++) {
        dot += (data[i] ?? 0) * (other?.[i] ?? 0);
        lengthA += (data[i] ?? 0) ** 2;
        lengthB += (other?.[i] ?? 0) ** 2;
      }
      const cosine = dot / Math.sqrt(lengthA * lengthB);
      sum += cosine;
      least = Math.min(least, cosine);
      texts += 1;
    }
  }
  return { mean: round(sum / texts), least: round(least), texts };
}

function round(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}

function sst2(folder: string): Task {
  const read = (name: string): (readonly [string, string])[] =>
    readFileSync(join(folder, 'sst2', name), 'utf8')
      .split('\n')
      .slice(1)
      .filter((line) => line !== '')
      .map((line) => {
        const [text = '', label = ''] = line.split('\t');
        return [text, label] as const;
      });
  const train = seededRandom(0).shuffle(read('train.tsv')).slice(0, 2000);
  return { name: 'sst2', train, test: read('dev.tsv') };
}

function trec(folder: string): Task {
  // text,coarse,fine: the labels hold no comma, so that the text is all before the last two.
  const read = (name: string): (readonly [string, string])[] =>
    readFileSync(join(folder, 'trec', name), 'utf8')
      .trimEnd()
      .split(/\r?\n/)
      .slice(1)
      .map((line) => {
        const cells = line.split(',');
        const text = cells.slice(0, -2).join(',').replace(/^"|"$/g, '').replaceAll('""', '"');
        return [text, cells.at(-2) ?? ''] as const;
      });
  return { name: 'trec', train: read('train.csv'), test: read('test.csv') };
}
