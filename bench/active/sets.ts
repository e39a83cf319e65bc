/** TREC and Banking77 as embeddings of all-MiniLM-L6-v2 with labels. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finish } from '../../src/base';
import { parseTable, sortClasses } from '../../src/data';
import type { Matrix } from '../../src/learning/heads';
import { addFolder, embedTexts } from '../../src/models';
import { createNodePlatform } from '../../src/platform/node';
import { MINILM_FILES } from '../minilm';
import { MINILM } from '../python';

export interface ActiveSet {
  readonly name: string;
  readonly classes: readonly string[];
  readonly train: {
    readonly features: Matrix;
    readonly texts: readonly string[];
    readonly labels: Int32Array;
  };
  readonly test: { readonly features: Matrix; readonly labels: Int32Array };
}

const LABELS = { trec: 'coarse', banking77: 'category' } as const;
export type SetName = keyof typeof LABELS;

/**
 * Needs HEADLIGHT_MINILM, and HEADLIGHT_DATA (or ../shared/data). What is embedded is kept in the folder that
 * HEADLIGHT_HOME names, else in one that is removed.
 */
export async function activeSet(name: SetName): Promise<ActiveSet> {
  if (MINILM === null) throw new Error('active needs HEADLIGHT_MINILM; see bench/run.ts');
  const data = process.env['HEADLIGHT_DATA'] ?? join(import.meta.dirname, '../../../shared/data');
  const parts = await Promise.all(
    (['train', 'test'] as const).map(async (part) => {
      const bytes = new Uint8Array(await readFile(join(data, name, `${part}.csv`)));
      const table = parseTable({ name: `${part}.csv`, bytes });
      const column = (wanted: string): string[] => {
        const found = table.columns.find((one) => one.name === wanted);
        if (found === undefined) throw new Error(`${name} has no column ${wanted}`);
        return [...found.cells];
      };
      return { texts: column('text'), labels: column(LABELS[name]) };
    }),
  );
  const [train, test] = parts;
  if (train === undefined || test === undefined) throw new Error('no parts');
  const classes = sortClasses(new Set(train.labels));
  const features = await embed(name, [...train.texts, ...test.texts]);
  const { columns } = features;
  const part = (from: number, to: number): Matrix => ({
    rows: to - from,
    columns,
    data: features.data.slice(from * columns, to * columns),
  });
  const indices = (labels: readonly string[]) =>
    Int32Array.from(labels, (label) => classes.indexOf(label));
  return {
    name,
    classes,
    train: {
      features: part(0, train.texts.length),
      texts: train.texts,
      labels: indices(train.labels),
    },
    test: {
      features: part(train.texts.length, features.rows),
      labels: indices(test.labels),
    },
  };
}

async function embed(name: string, texts: readonly string[]): Promise<Matrix> {
  const kept = process.env['HEADLIGHT_HOME'];
  const home = kept ?? (await mkdtemp(join(tmpdir(), 'headlight-active-')));
  try {
    const { runtime, storage } = await createNodePlatform({ home });
    const files = await Promise.all(
      MINILM_FILES.map(async (file) => ({
        name: file,
        bytes: new Uint8Array(await readFile(join(MINILM ?? '', file))),
      })),
    );
    const encoder = await finish(addFolder(null, 'all-MiniLM-L6-v2', files, 'fp32'));
    const { features } = await finish(
      embedTexts({
        texts,
        encoder,
        embed: encoder.info.defaults,
        device: 'cpu',
        runtime,
        storage,
        scope: `active-${name}`,
      }),
    );
    return features;
  } finally {
    if (kept === undefined) await rm(home, { recursive: true });
  }
}
