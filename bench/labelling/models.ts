/** NLI models of real shape for the benchmark: weights that are hashes, since what they say costs the same. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeSafetensors } from '../../src/models/checkpoints';
import { classifierModelGraph } from '../../src/models/encoders';
import { realCheckpoint, type RealGolden } from '../../test/helpers/real-shape';

const root = join(import.meta.dirname, '../..');
const LABELS = ['contradiction', 'entailment', 'neutral'];

export interface BenchModel {
  readonly name: string;
  readonly weights: number;
  /** As Headlight reads a folder. */
  readonly files: readonly { readonly name: string; readonly bytes: Uint8Array }[];
  /** The same weights as transformers.js reads them. */
  readonly onnx: Uint8Array;
}

/** @param architecture one of test/reference/architectures/real. */
export function benchModel(architecture: string, name: string): BenchModel {
  const golden = JSON.parse(
    readFileSync(join(root, `test/reference/architectures/real/${architecture}.json`), 'utf8'),
  ) as RealGolden;
  const checkpoint = realCheckpoint(golden);
  const config = {
    ...golden.config,
    architectures: ['SomeForSequenceClassification'],
    id2label: Object.fromEntries(LABELS.map((label, id) => [id, label])),
    label2id: Object.fromEntries(LABELS.map((label, id) => [label, id])),
  };
  const configBytes = new TextEncoder().encode(JSON.stringify(config));
  const tokenizer = (file: string): Uint8Array =>
    new Uint8Array(readFileSync(join(root, 'public/models/all-MiniLM-L6-v2', file)));
  return {
    name,
    weights: golden.count,
    files: [
      { name: 'config.json', bytes: configBytes },
      { name: 'tokenizer.json', bytes: tokenizer('tokenizer.json') },
      { name: 'tokenizer_config.json', bytes: tokenizer('tokenizer_config.json') },
      { name: 'model.safetensors', bytes: writeSafetensors(checkpoint.tensors) },
    ],
    onnx: classifierModelGraph(
      { config: configBytes, weights: { kind: 'checkpoint', checkpoint } },
      { task: 'text', head: 'stock', classes: LABELS.length },
    ),
  };
}
