/**
 * The classifier to take away: one fused ONNX graph (encoder + pooling + head -> `logits`) with its
 * tokenizer and config in the layout that transformers.js loads. The graph computes what the page
 * computed, so the logits are the same.
 */
import { canonicalJson, HeadlightError } from '../../base';
import type { Head } from '../../learning/heads';
import type { Encoder } from '../../models';
import { jsonBytes, parseJson } from '../documents';
import { multiLabelFigures } from '../recipe';
import type { RunDocument } from '../types';
import { graphHead, withSecondLayer } from './head-graph';
import { modelCard } from './model-card';
import { probeRun, type ProbeRun } from './run-kind';

/**
 * @returns files by name: `onnx/model.onnx`, `config.json`, `tokenizer.json`, `tokenizer_config.json`,
 *   `head.json`, `run.json`, `recipe.json`, `README.md`. None holds the user's texts.
 * @param repository `owner/name` when it goes to the Hub; null: the card speaks of a folder.
 * @throws HeadlightError `bad-setting` when the run is no probe.
 */
export function classifierFiles(
  name: string,
  document: RunDocument,
  head: Head,
  headJson: Uint8Array,
  encoder: Encoder,
  repository: string | null = null,
): Map<string, Uint8Array> {
  const run = probeRun(document);
  const { recipe } = run;
  const { first, second } = graphHead(head);
  const { maxTokens } = recipe.embed;
  const [closing, ...more] = encoder.tokenizer.closingIds;
  const linear = encoder.model.classifierGraph(
    recipe.embed,
    { classes: first.outputs, weight: first.weight, bias: first.bias },
    // transformers.js cuts the closing token off long texts; the graph puts it back.
    closing === undefined || more.length > 0 ? null : { id: closing, maxTokens },
  );
  const graph = second === null ? linear : withSecondLayer(linear, first.outputs, second);
  const files = new Map<string, Uint8Array>();
  files.set('onnx/model.onnx', graph);
  files.set('config.json', jsonBytes(classifierConfig(run, encoder)));
  const tokenizer = encoder.files.find(({ name }) => name === 'tokenizer.json');
  if (tokenizer === undefined) {
    throw new HeadlightError(
      'internal',
      `the encoder ${recipe.encoder.id} came without tokenizer.json`,
    );
  }
  files.set('tokenizer.json', tokenizer.bytes);
  files.set(
    'tokenizer_config.json',
    jsonBytes({ ...tokenizerConfig(encoder), model_max_length: maxTokens }),
  );
  files.set('head.json', headJson);
  files.set('run.json', jsonBytes(run.record));
  files.set('recipe.json', jsonBytes(recipe));
  files.set('README.md', new TextEncoder().encode(modelCard(name, run, repository)));
  return files;
}

/** The encoder's own; transformers.js loads no tokenizer without one, and pads only by a token it names. */
function tokenizerConfig({ files, tokenizer }: Encoder): Record<string, unknown> {
  const read = (name: string): Record<string, unknown> | null => {
    const file = files.find((candidate) => candidate.name === name);
    return file === undefined ? null : (parseJson(file.bytes, name) as Record<string, unknown>);
  };
  const own = read('tokenizer_config.json');
  if (own !== null) return own;
  const added = read('tokenizer.json')?.['added_tokens'] as
    readonly { readonly id: number; readonly content: string }[] | undefined;
  const pad = added?.find(({ id }) => id === tokenizer.padId)?.content;
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    ...(pad === undefined ? {} : { pad_token: pad }),
  };
}

function classifierConfig({ recipe, record }: ProbeRun, encoder: Encoder): Record<string, unknown> {
  const original = encoder.files.find((file) => file.name === 'config.json');
  const base =
    original === undefined
      ? {}
      : (parseJson(original.bytes, 'config.json') as Record<string, unknown>);
  const { classes } = record.data;
  const several = multiLabelFigures(record);
  return {
    ...base,
    // transformers.js picks its class by model_type; the graph takes what BERT takes.
    model_type: 'bert',
    architectures: ['BertForSequenceClassification'],
    problem_type: several === null ? 'single_label_classification' : 'multi_label_classification',
    num_labels: classes.length,
    id2label: Object.fromEntries(classes.map((label, index) => [String(index), label])),
    label2id: Object.fromEntries(classes.map((label, index) => [label, index])),
    headlight: JSON.parse(
      canonicalJson({
        encoder: recipe.encoder,
        embed: recipe.embed,
        ...(several === null ? {} : { thresholds: several.thresholds }),
      }),
    ) as unknown,
  };
}
