/** The README.md that goes with a classifier: what it is, how it was made, how good it is, how to run it. */
import { hubId } from './card';
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
  const { test, train, baseline } = record.metrics;
  const [low, high] = test.accuracy_interval;
  const rows = test.per_class.map(
    (row) =>
      `| ${row.label.replaceAll('|', '\\|')} | ${row.precision.toFixed(3)} | ${row.recall.toFixed(3)} | ${row.f1_score.toFixed(3)} | ${row.support} |`,
  );
  return `---
library_name: transformers.js
pipeline_tag: text-classification
${base === null ? '' : `base_model: ${JSON.stringify(base)}\n`}tags:
- headlight
- onnx
- transformers.js
---

# ${name}

A text classifier trained in Headlight on ${new Date(created).toISOString().slice(0, 10)}: a logistic
regression on layer ${recipe.embed.layer} (${recipe.embed.pooling} pooling) of ${recipe.encoder.id}, in one
ONNX graph.

- Classes: ${record.data.classes.map((label) => `\`${label}\``).join(', ')}
- Encoder: ${recipe.encoder.id}, revision ${recipe.encoder.revision}, ${recipe.encoder.precision}
- Texts longer than ${recipe.embed.maxTokens} tokens are cut.
- Training file SHA-256: ${recipe.data.train.sha256}; split: ${JSON.stringify(recipe.split)}
- C = ${record.head.fit.C}, class_weight = ${String(recipe.head.class_weight)}

## How good it is

On ${test.rows} test texts that it never saw: accuracy ${percent(test.accuracy)} (95 % interval
${percent(low)} to ${percent(high)}), macro-F1 ${test.f1_macro.toFixed(3)}. On its ${train.rows} training
texts: ${percent(train.accuracy)}. Always answering “${baseline.label}” gets ${percent(baseline.test.accuracy)}.

| class | precision | recall | F1 | rows |
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
print(json.load(open('config.json'))['id2label'][str(logits[0].argmax())])
\`\`\`
`;
}
