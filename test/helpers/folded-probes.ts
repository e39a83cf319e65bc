/** Seeded probes on [CLS] of the small golden encoders (test/reference/architectures), for folding into stock heads. */
import { readFileSync } from 'node:fs';
import { seededRandom } from '../../src/base';
import type { LinearHead } from '../../src/learning/heads';
import { readSafetensors, type Checkpoint } from '../../src/models';
import { probeCheckpoint, type StockCheckpoint } from '../../src/project';

const folder = new URL('../reference/architectures/', import.meta.url);
const read = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, folder)));

/** Encoder and layer; those whose stock head can compute a probe on that layer. */
export const FOLDED = [
  ['roberta', 1],
  ['roberta', 2],
  ['xlm-roberta', 2],
  ['electra', 1],
  ['electra', 2],
  ['mpnet', 0],
  ['mpnet', 2],
  ['albert', 2],
  ['albert', 3],
  ['deberta', 1],
  ['deberta', 2],
  ['deberta-v2', 1],
  ['deberta-v2', 2],
] as const;

const HIDDEN = 16;

/** Of three classes; of nine, for which there is one unit a direction; of two. */
export function probeOf(classes: number): LinearHead {
  const random = seededRandom(classes);
  const rows = classes === 2 ? 1 : classes;
  const numbers = (length: number, scale = 1): Float64Array =>
    Float64Array.from({ length }, () => Math.fround(scale * random.normal()));
  return {
    classes: Array.from({ length: classes }, (_, at) => `class ${at}`),
    coef: numbers(rows * HIDDEN),
    intercept: numbers(rows, 2),
    features: HIDDEN,
    scaler: null,
  };
}

export function configOf(name: string): Record<string, unknown> {
  return JSON.parse(new TextDecoder().decode(read(`${name}.config.json`))) as Record<
    string,
    unknown
  >;
}

export function checkpointFile(name: string): Checkpoint {
  return readSafetensors(read(`${name}.safetensors`));
}

export function folded(name: string, layer: number, probe: LinearHead): StockCheckpoint {
  const embed = { layer, pooling: 'cls', normalize: false, maxTokens: 20 } as const;
  return probeCheckpoint(configOf(name), checkpointFile(name), 'fp32', embed, probe);
}
