/** The README.md that goes with a classifier: what it is, how it was made, how good it is, how to run it. */
import type { ClassFigures, FittedSettings, MultiLabelFigures } from '../types';
import { hubId } from './card';
import { layersSaid } from '../../models';
import { classFigures, multiLabelFigures, unknownAccuracy } from '../recipe';
import type { ProbeRun } from './run-kind';

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** @param repository `owner/name` when it goes to the Hub; null: the card speaks of a folder. */
export function modelCard(
  name: string,
  { record, recipe, created }: ProbeRun,
  repository: string | null = null,
): string {
  const base = hubId({ ...recipe.encoder, licence: null });
  const local = repository === null;
  const several = multiLabelFigures(record);
  const { rows, sentences } =
    several === null
      ? ofClasses(classFigures(record), unknownAccuracy(record))
      : ofLabels(several, unknownAccuracy(record));
  // Values of a split's column are the person's.
  const { split } = recipe;
  const splitWords = split.method === 'column' ? '{"method":"column"}' : JSON.stringify(split);
  const trainFiles = recipe.data.files.filter(({ role }) => role === 'train');
  return `---
library_name: transformers.js
pipeline_tag: text-classification
${base === null ? '' : `base_model: ${JSON.stringify(base)}\n`}tags:
- headlight
- onnx
- transformers.js
---

# ${name}

A text classifier trained in Headlight on ${new Date(created).toISOString().slice(0, 10)}: ${headWords(record.head)}
on ${layersSaid(recipe.embed)} (${recipe.embed.pooling} pooling) of ${recipe.encoder.id}, in one
ONNX graph.

- Classes: ${record.data.classes.map((label) => `\`${label}\``).join(', ')}
- Encoder: ${recipe.encoder.id}, revision ${recipe.encoder.revision}, ${recipe.encoder.precision}
- Texts longer than ${recipe.embed.maxTokens} tokens are cut.
- Training file SHA-256: ${trainFiles.map(({ sha256 }) => sha256).join(', ')}; split: ${splitWords}
- ${settingsWords(record.head)}${several === null ? '' : `\n- Thresholds (a text has the label from this probability on): ${record.data.classes.map((label, k) => `\`${label}\` ${(several.thresholds[k] ?? 0.5).toFixed(3)}`).join(', ')}`}

## How good it is

${sentences}

| ${several === null ? 'class' : 'label'} | precision | recall | F1 | rows |
|---|---|---|---|---|
${rows.join('\n')}

## How to run it

transformers.js:

\`\`\`js
import { ${local ? 'env, ' : ''}pipeline } from '@huggingface/transformers';
${local ? "env.localModelPath = './'; // the folder that holds this one\n" : ''}const classify = await pipeline('text-classification', '${repository ?? 'THIS_FOLDER'}', { dtype: 'fp32' });
console.log(await classify('a text', { top_k: null }));
\`\`\`

onnxruntime, Python:

\`\`\`python
import json, numpy as np, onnxruntime as ort
from tokenizers import Tokenizer
tokenizer = Tokenizer.from_file('tokenizer.json')
tokenizer.no_padding()
tokenizer.enable_truncation(${recipe.embed.maxTokens})
ids = np.array([tokenizer.encode('a text').ids])
logits = ort.InferenceSession('onnx/model.onnx').run(['logits'], {'input_ids': ids, 'attention_mask': np.ones_like(ids)})[0]
${
  several === null
    ? "print(json.load(open('config.json'))['id2label'][str(logits[0].argmax())])"
    : "config = json.load(open('config.json'))\nprint([config['id2label'][str(i)] for i, z in enumerate(logits[0]) if 1 / (1 + np.exp(-z)) >= config['headlight']['thresholds'][i]])"
}
\`\`\`
`;
}

interface CardPart {
  readonly rows: readonly string[];
  readonly sentences: string;
}

interface Scores {
  readonly label: string;
  readonly precision: number;
  readonly recall: number;
  readonly f1_score: number;
  readonly support: number;
}

function scoreRow({ label, precision, recall, f1_score, support }: Scores): string {
  const scores = [precision, recall, f1_score].map((score) => score.toFixed(3)).join(' | ');
  return `| ${label.replaceAll('|', '\\|')} | ${scores} | ${support} |`;
}

function ofClasses({ train, test, baseline }: ClassFigures, unknown: string | null): CardPart {
  const [low, high] = test.accuracy_interval;
  return {
    rows: test.per_class.map(scoreRow),
    sentences: `${unknown === null ? '' : `${unknown} `}On ${test.rows} test texts that it never saw: ${unknown === null ? 'accuracy' : 'agreement'} ${percent(test.accuracy)} (95 % interval
${percent(low)} to ${percent(high)}), macro-F1 ${test.f1_macro.toFixed(3)}. On its ${train.rows} training
texts: ${percent(train.accuracy)}. Always answering “${baseline.label}” gets ${percent(baseline.test.accuracy)}.`,
  };
}

function ofLabels({ train, test }: MultiLabelFigures, unknown: string | null): CardPart {
  return {
    rows: test.per_label.map(scoreRow),
    sentences: `${unknown === null ? '' : `${unknown} `}On ${test.rows} test texts that it never saw: micro-F1 ${test.micro.f1_score.toFixed(3)}, macro-F1
${test.macro.f1_score.toFixed(3)}, every label right in ${percent(test.subset_accuracy)} of the texts. On its ${train.rows} training
texts: micro-F1 ${train.micro.f1_score.toFixed(3)}.`,
  };
}

function headWords(head: FittedSettings): string {
  if (head.type === 'mlp') return `a hidden layer of ${head.hidden} units`;
  return 'labels' in head.fit ? 'a logistic regression for each label' : 'a logistic regression';
}

function settingsWords(head: FittedSettings): string {
  if (head.type === 'mlp')
    return `hidden = ${head.hidden}, alpha = ${head.alpha}, learning_rate = ${head.learning_rate}`;
  const C =
    'labels' in head.fit ? head.fit.labels.map((label) => label.C).join(', ') : String(head.fit.C);
  return `C = ${C}, class_weight = ${String(head.class_weight)}`;
}
