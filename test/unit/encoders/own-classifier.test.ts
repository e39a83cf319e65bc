/**
 * Promise: the classifier that a checkpoint came with is found in every architecture, of texts and of tokens, and no
 * other checkpoint is taken for one. That its logits are those of transformers show architectures.test.ts (small) and
 * test/unit/engine/own.test.ts (from a folder to the report).
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readSafetensors } from '../../../src/models/checkpoints';
import { ownClassifier, TRANSFORMERS, type OwnClassifier } from '../../../src/models/encoders';

const folder = new URL('../../reference/', import.meta.url);
const placeOf = (name: string): string =>
  name === 'bert' || name === 'distilbert' ? `finetune/${name}` : `architectures/${name}`;
const read = (path: string): Uint8Array => new Uint8Array(readFileSync(new URL(path, folder)));

function found(name: string, changes: Readonly<Record<string, unknown>>): OwnClassifier | null {
  const config = JSON.parse(
    new TextDecoder().decode(read(`${placeOf(name)}.config.json`)),
  ) as object;
  const { tensors } = readSafetensors(read(`${placeOf(name)}.safetensors`));
  const bytes = new TextEncoder().encode(JSON.stringify({ ...config, ...changes }));
  return ownClassifier(bytes, (tensor) => tensors.get(tensor)?.shape ?? null);
}

const NAMES = { 0: 'a', 1: 'b', 2: 'c' };

describe.each(TRANSFORMERS)('%s', (name) => {
  it('has a classifier of texts, and one of tokens, where config.json says so', () => {
    const text = { architectures: ['SomeForSequenceClassification'], id2label: NAMES };
    const token = { architectures: ['SomeForTokenClassification'], id2label: NAMES };
    expect(found(name, text)).toEqual({
      task: 'classification',
      classes: ['a', 'b', 'c'],
      problem: null,
    });
    expect(found(name, { ...text, problem_type: 'multi_label_classification' })?.task).toBe(
      'multi_label',
    );
    expect(found(name, token)).toMatchObject({ task: 'token_classification', problem: null });
  });

  it('has none where config.json names another class, or the weights of the head are not there', () => {
    expect(found(name, { architectures: ['SomeModel'], id2label: NAMES })).toBeNull();
    expect(found(name, { architectures: null })).toBeNull();
    const config = read(`${placeOf(name)}.config.json`);
    expect(ownClassifier(config, () => null)).toBeNull();
    const hostile = ownClassifier(
      new TextEncoder().encode(
        JSON.stringify({
          ...(JSON.parse(new TextDecoder().decode(config)) as object),
          architectures: ['SomeForSequenceClassification'],
          id2label: null,
        }),
      ),
      () => [2 ** 40, 16],
    );
    // Not a list of a billion names.
    expect(hostile === null || hostile.problem !== null).toBe(true);
  });
});
