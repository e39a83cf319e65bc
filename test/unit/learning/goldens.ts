/** Golden files of test/reference/learning, unpacked. */
import { readFileSync } from 'node:fs';
import { DEFAULT_LOGISTIC, type LogisticSettings, type Matrix } from '../../../src/learning/heads';

export function golden(name: string): unknown {
  const url = new URL(`../../reference/learning/${name}`, import.meta.url);
  return JSON.parse(readFileSync(url, 'utf8'));
}

export interface HeadCase {
  readonly name: string;
  readonly data: string;
  readonly settings: Partial<LogisticSettings>;
  readonly coef: string;
  readonly intercept: string;
  readonly probabilities: string;
  readonly predictions: readonly number[];
  readonly scaler?: { readonly mean: string; readonly scale: string };
  readonly C?: number;
  readonly scores?: readonly (readonly number[])[];
}

interface PackedDataset {
  readonly rows: number;
  readonly columns: number;
  readonly classes: number;
  readonly features: string;
  readonly labels: readonly number[];
}

export interface Dataset {
  readonly features: Matrix;
  readonly labels: Int32Array;
  readonly classes: readonly string[];
}

const heads = golden('heads.json') as {
  datasets: Record<string, PackedDataset>;
  cases: HeadCase[];
};

export const headCases: readonly HeadCase[] = heads.cases;

export function dataset(name: string): Dataset {
  const packed = heads.datasets[name];
  if (packed === undefined) throw new Error(`no golden data set ${name}`);
  return {
    features: unpackFeatures(packed),
    labels: Int32Array.from(packed.labels),
    classes: Array.from({ length: packed.classes }, (_, index) => `class ${index}`),
  };
}

/** Features of a golden file: base64 of little-endian float32, [rows, columns]. */
export function unpackFeatures(packed: {
  readonly rows: number;
  readonly columns: number;
  readonly features: string;
}): Matrix {
  const bytes = Uint8Array.from(Buffer.from(packed.features, 'base64'));
  return { rows: packed.rows, columns: packed.columns, data: new Float32Array(bytes.buffer) };
}

export function settingsOf(given: Partial<LogisticSettings>): LogisticSettings {
  return { ...DEFAULT_LOGISTIC, ...given };
}

export function float64(packed: string): Float64Array {
  return new Float64Array(Uint8Array.from(Buffer.from(packed, 'base64')).buffer);
}

/** ||a - b|| / ||b||, Euclidean. */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`${a.length} values against ${b.length}`);
  let difference = 0;
  let size = 0;
  for (let i = 0; i < a.length; i++) {
    difference += (a[i]! - b[i]!) ** 2;
    size += b[i]! ** 2;
  }
  return Math.sqrt(difference / size);
}
