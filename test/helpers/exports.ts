/** The exported encoders of test/reference/exports, and what they must give. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { Precision } from '../../src/models';

type Rows = readonly (readonly number[])[];

export interface ExportGolden {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly input_ids: Rows;
  readonly attention_mask: Rows;
  /** transformers' hidden states by layer: the mean over a text's tokens, and its first token. */
  readonly states: readonly (readonly [Rows, Rows])[];
  readonly files: Readonly<
    Record<
      string,
      {
        readonly precision: Precision;
        /** As ONNX Runtime computes them of this very file. */
        readonly states: readonly (readonly [Rows, Rows] | null)[];
        /** Of the last state to transformers'. */
        readonly cosine: number;
      }
    >
  >;
}

const FOLDER = new URL('../reference/exports/', import.meta.url);
const golden = JSON.parse(readFileSync(new URL('exports.json', FOLDER), 'utf8')) as Readonly<
  Record<string, Omit<ExportGolden, 'name'>>
>;

export function exportNames(): string[] {
  return Object.keys(golden);
}

export function exportGolden(name: string): ExportGolden {
  const found = golden[name];
  if (found === undefined) throw new Error(`no export of ${name}`);
  return { name, ...found };
}

export function exportedFile({ name }: Pick<ExportGolden, 'name'>, variant: string): Uint8Array {
  return new Uint8Array(gunzipSync(readFileSync(new URL(`${name}-${variant}.onnx.gz`, FOLDER))));
}
