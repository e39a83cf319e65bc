/**
 * Search in the catalogue: by name or a part of it, by language, by purpose. Every word must be found; what it is
 * found in decides the rank; equals stay in the catalogue's order, which is by what is asked for most.
 */
import { languagesNamed } from './languages';
import type { CatalogueModel } from './types';

export interface CatalogueQuery {
  /** What was typed; empty: all. */
  readonly text: string;
  /** A language's code that the model must read; models of many languages read it too. null: any. */
  readonly language: string | null;
  /** A word of `purposes`; null: any. */
  readonly purpose: string | null;
  /** A licence; null: any. */
  readonly licence: string | null;
  /** Most parameters; null: any. */
  readonly parameters: number | null;
}

/** Another spelling that people use. */
const SAME: Readonly<Record<string, string>> = {
  ner: 'names',
  token: 'names',
  tokens: 'names',
  embedding: 'sentences',
  embeddings: 'sentences',
  sentence: 'sentences',
  similarity: 'sentences',
  hate: 'toxic',
  offensive: 'toxic',
  toxicity: 'toxic',
  medical: 'biomedical',
  medicine: 'biomedical',
  bio: 'biomedical',
  law: 'legal',
  financial: 'finance',
  scientific: 'science',
  tiny: 'small',
  fast: 'small',
  quick: 'small',
  light: 'small',
  large: 'best',
  tweets: 'social',
  twitter: 'social',
  emotions: 'emotion',
  feelings: 'emotion',
  polarity: 'sentiment',
  zeroshot: 'zero-shot',
  entailment: 'nli',
  mnli: 'nli',
  long: 'long',
  qa: 'questions',
  causal: 'decoder',
  finetuning: 'fine-tuning',
  finetune: 'fine-tuning',
};

/** Those that match, the best first. */
export function searchCatalogue(
  models: readonly CatalogueModel[],
  query: CatalogueQuery,
): readonly CatalogueModel[] {
  const words = query.text
    .toLowerCase()
    .split(/[\s,;]+/)
    .filter((word) => word !== '');
  return models
    .filter((model) => passes(model, query))
    .map((model, order) => ({ model, order, score: scoreOf(model, words) }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score || a.order - b.order)
    .map(({ model }) => model);
}

/** Whether a model reads a language: it is made for it, or for many. */
function reads({ languages }: CatalogueModel, code: string): boolean {
  return languages.includes(code) || languages.includes('multilingual');
}

function passes(model: CatalogueModel, query: CatalogueQuery): boolean {
  const { language, purpose, licence, parameters } = query;
  return (
    (language === null || reads(model, language)) &&
    (purpose === null || model.purposes.includes(purpose)) &&
    (licence === null || model.licence === licence) &&
    (parameters === null || model.parameters <= parameters)
  );
}

/** The sum over the words; 0 when one of them is nowhere. */
function scoreOf(model: CatalogueModel, words: readonly string[]): number {
  let sum = 1;
  for (const word of words) {
    const score = scoreOfWord(model, word);
    if (score === 0) return 0;
    sum += score;
  }
  return sum;
}

function scoreOfWord(model: CatalogueModel, word: string): number {
  const id = model.id.toLowerCase();
  const name = id.slice(id.indexOf('/') + 1);
  if (word === id || word === name) return 100;
  const plain = (text: string): string => text.replace(/[-_./]/g, '');
  const asked = plain(word);
  if (asked === '') return 0;
  let score = 0;
  if (name.startsWith(word) || plain(name).startsWith(asked)) score = 40;
  else if (name.split(/[-_.]/).some((part) => part.startsWith(word))) score = 30;
  else if (plain(id).includes(asked)) score = 20;
  if (model.architecture.replace(/[-_]/g, '') === asked) score = Math.max(score, 35);
  const meant = SAME[word] ?? word;
  if (model.purposes.some((purpose) => startsWord(purpose, meant))) score = Math.max(score, 25);
  const codes = languagesNamed(word);
  if (codes.some((code) => model.languages.includes(code))) score = Math.max(score, 30);
  else if (codes.some((code) => reads(model, code))) score = Math.max(score, 15);
  if (score === 0 && word.length >= 3) {
    const rest = [model.about, model.head?.task ?? '', model.licence ?? ''].join(' ').toLowerCase();
    if (rest.split(/[^\p{L}\p{N}-]+/u).some((part) => part.startsWith(word))) score = 8;
  }
  return score;
}

/** Whether one of a purpose's words begins so: `long texts` for `long`. */
function startsWord(purpose: string, word: string): boolean {
  return purpose.split(' ').some((part) => part.startsWith(word)) || purpose.startsWith(word);
}
