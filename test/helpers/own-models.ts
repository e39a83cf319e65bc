/** The checkpoints of test/reference/own, which came with classifiers of their own, and what transformers says with them. */
import { readFileSync } from 'node:fs';

const FILES = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];
const folder = new URL('../reference/own/', import.meta.url);

export interface OwnGolden {
  readonly sentiment: {
    readonly classes: readonly string[];
    readonly texts: readonly string[];
    readonly labels: readonly string[];
    readonly probabilities: readonly (readonly number[])[];
  };
  readonly topics: {
    readonly classes: readonly string[];
    readonly texts: readonly string[];
    readonly labels: readonly (readonly string[])[];
    readonly probabilities: readonly (readonly number[])[];
  };
  readonly names: {
    readonly classes: readonly string[];
    readonly words: readonly (readonly string[])[];
    readonly tags: readonly (readonly string[])[];
    readonly probabilities: readonly (readonly (readonly number[])[])[];
  };
}
export type OwnName = keyof OwnGolden;

export const ownGolden = JSON.parse(
  readFileSync(new URL('golden.json', folder), 'utf8'),
) as OwnGolden;

/** Where its folder is, for what opens folders. */
export function ownPath(name: OwnName): string {
  return new URL(`${name}/`, folder).pathname;
}

/** @param config fields of config.json to change; undefined: to leave out. */
export function ownFiles(
  name: OwnName,
  config: Readonly<Record<string, unknown>> = {},
): { readonly name: string; readonly bytes: Uint8Array }[] {
  return FILES.map((file) => {
    const bytes = new Uint8Array(readFileSync(new URL(`${name}/${file}`, folder)));
    if (file !== 'config.json') return { name: file, bytes };
    const json = { ...(JSON.parse(new TextDecoder().decode(bytes)) as object), ...config };
    return { name: file, bytes: new TextEncoder().encode(JSON.stringify(json)) };
  });
}

/** As a person has them: a CSV of texts and lower-case labels. */
export function sentimentCsv(): string {
  const { texts, labels } = ownGolden.sentiment;
  return `text,label\n${texts.map((text, at) => `${text},${labels[at] ?? ''}`).join('\n')}\n`;
}

/** Several labels in a cell. */
export function topicsCsv(): string {
  const { texts, labels } = ownGolden.topics;
  const rows = texts.map((text, at) => `${text},${labels[at]?.join(';') ?? ''}`);
  return `text,topics\n${rows.join('\n')}\n`;
}

export function namesConll(): string {
  const { words, tags } = ownGolden.names;
  const sentences = words.map((sentence, at) =>
    sentence.map((word, place) => `${word} ${tags[at]?.[place] ?? ''}`).join('\n'),
  );
  return `${sentences.join('\n\n')}\n`;
}
