/** LoRA weights by themselves, as PEFT saves them: loaded on the base model by `PeftModel.from_pretrained`. */
import { HeadlightError } from '../../base';
import { writeSafetensors, type CheckpointTensor, type TrainMethod } from '../../models';
import { jsonBytes } from '../documents';
import { card, hubId } from './card';
import { peftLines } from './loading';
import { tokenizerFiles } from './model-files';
import type { ModelParts } from './parts';
import { stockNames } from './stock-names';

export interface AdapterParts extends Omit<ModelParts, 'checkpoint'> {
  /** `TrainableModel.adapter`: names as in PEFT's `adapter_model.safetensors`, the head among them. */
  readonly adapter: ReadonlyMap<string, CheckpointTensor>;
  readonly method: TrainMethod;
}

/** Before every name in an adapter's file. */
const PREFIX = 'base_model.model.';

/**
 * @param repository `owner/name` when it goes to the Hub; null: the card speaks of a folder.
 * @throws HeadlightError `bad-setting` when the model was not trained with LoRA, or its head is no stock one.
 */
export function peftAdapter(
  parts: AdapterParts,
  repository: string | null = null,
): Map<string, Uint8Array> {
  const { method, head } = parts;
  if (method.name !== 'lora') {
    throw new HeadlightError('bad-setting', 'Only a LoRA fine-tune has an adapter.', {
      hint: 'Take the whole model away, or train with LoRA.',
    });
  }
  if (head !== 'stock') {
    throw new HeadlightError(
      'bad-setting',
      'PEFT has no class for mean pooling with a linear layer, so this adapter would not load.',
      { hint: 'Take the whole model away (the adapter merged), or train with the stock head.' },
    );
  }
  const names = stockNames(parts.config);
  const base = hubId(parts.card.base);
  const config = {
    peft_type: 'LORA',
    task_type: parts.task === 'token_classification' ? 'TOKEN_CLS' : 'SEQ_CLS',
    base_model_name_or_path: base ?? parts.card.base.id,
    // The commit, where the base is the Hub's own.
    revision: parts.card.base.source === 'hub' ? parts.card.base.revision : null,
    r: method.rank,
    lora_alpha: method.alpha,
    lora_dropout: method.dropout,
    target_modules: targetModules(method.targets, parts.adapter),
    // PEFT keeps a head of several layers whole, under its own name.
    modules_to_save: [
      ...new Set(
        savedModules(parts.adapter).map((name) => name.replace(/^classifier\..*/, 'classifier')),
      ),
    ],
    bias: 'none',
    // Of GPT-2's layers, which are kept [in, out].
    fan_in_fan_out: names.modelType === 'gpt2',
    use_rslora: false,
    use_dora: false,
    init_lora_weights: true,
    inference_mode: true,
  };
  const place = { task: parts.task, pair: parts.pair, where: repository ?? 'THIS_FOLDER' };
  const readme = card(
    { ...parts, checkpoint: parts.adapter },
    {
      library: 'peft',
      tags: ['lora', 'transformers', ...(base === null ? [] : [`base_model:adapter:${base}`])],
      notice: `This folder holds the adapter and the head only; the base model is loaded beside it.${
        method.base === 'fp32' && parts.card.base.precision === 'fp32'
          ? ''
          : ' It was trained over a base with rounded weights; on the original weights its logits differ a little. The merged model has no such difference.'
      } The classes, in the order of the logits: ${parts.classes.map((label) => `\`${label}\``).join(', ')}.`,
      loading: peftLines(
        place,
        base,
        parts.classes.length,
        parts.config['dtype'] ?? parts.config['torch_dtype'],
      ),
    },
  );
  return new Map<string, Uint8Array>([
    ['adapter_config.json', jsonBytes(config)],
    ['adapter_model.safetensors', writeSafetensors(parts.adapter)],
    ...tokenizerFiles({ ...parts, checkpoint: parts.adapter }, names),
    ['README.md', new TextEncoder().encode(readme)],
  ]);
}

/**
 * The targets by their short names, as they were asked for; by their whole names where a short one (`dense`) would
 * also match a part of the head, which has no adapter.
 */
function targetModules(
  targets: readonly string[],
  adapter: ReadonlyMap<string, CheckpointTensor>,
): string[] {
  const saved = savedModules(adapter);
  if (!targets.some((target) => saved.some((name) => `.${name}`.endsWith(`.${target}`))))
    return [...targets];
  return [...adapter.keys()]
    .filter((name) => name.includes('.lora_A.'))
    .map((name) => name.slice(PREFIX.length).replace(/\.lora_A\..*$/, ''))
    .sort();
}

/** The modules that are kept whole: everything in the file that is no adapter. PEFT matches ends of names. */
function savedModules(adapter: ReadonlyMap<string, CheckpointTensor>): string[] {
  const modules = new Set<string>();
  for (const name of adapter.keys()) {
    if (/\.lora_[AB]\./.test(name)) continue;
    modules.add(name.slice(name.startsWith(PREFIX) ? PREFIX.length : 0).replace(/\.\w+$/, ''));
  }
  return [...modules].sort();
}
