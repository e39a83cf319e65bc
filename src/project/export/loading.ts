/** The lines of code in a model card: as short as they can be and still right. */
import type { TaskOfModel } from './parts';

const block = (language: string, code: string): string =>
  `\`\`\`${language}\n${code.trim()}\n\`\`\``;

interface Place {
  readonly task: TaskOfModel;
  /** The repository, or the folder it was unpacked to. */
  readonly where: string;
}

export function transformersLines({ task, where }: Place): string {
  const name = task === 'token_classification' ? 'token-classification' : 'text-classification';
  const options = task === 'token_classification' ? '' : `, top_k=None, truncation=True`;
  return `transformers:\n\n${block(
    'python',
    `
from transformers import pipeline
model = pipeline('${name}', '${where}')
print(model('a text'${options}))`,
  )}`;
}

export type OnnxVariant = 'fp32' | 'fp16' | 'quantized';

/** Where transformers.js looks for each, and what it calls it. */
export const ONNX_VARIANTS: Readonly<
  Record<OnnxVariant, { readonly file: string; readonly dtype: string }>
> = {
  fp32: { file: 'onnx/model.onnx', dtype: 'fp32' },
  fp16: { file: 'onnx/model_fp16.onnx', dtype: 'fp16' },
  quantized: { file: 'onnx/model_quantized.onnx', dtype: 'q8' },
};

/** @param variants that the folder has, at least one. */
export function javascriptLines(
  { task, where }: Place,
  variants: readonly OnnxVariant[],
  local: boolean,
): string {
  const name = task === 'token_classification' ? 'token-classification' : 'text-classification';
  const options = task === 'token_classification' ? '' : ', { top_k: null }';
  const environment = local
    ? `import { env, pipeline } from '@huggingface/transformers';
env.localModelPath = './'; // the folder that holds this one`
    : `import { pipeline } from '@huggingface/transformers';`;
  const dtypes = variants.map((variant) => ONNX_VARIANTS[variant].dtype);
  const others =
    dtypes.length > 1 ? ` (\`dtype\` is one of ${dtypes.map((d) => `\`${d}\``).join(', ')})` : '';
  return `transformers.js${others}:\n\n${block(
    'js',
    `
${environment}
const model = await pipeline('${name}', '${where}', { dtype: '${dtypes[0] ?? 'fp32'}' });
console.log(await model('a text'${options}));`,
  )}`;
}

export function onnxruntimeLines(variant: OnnxVariant): string {
  return `onnxruntime, in this folder:\n\n${block(
    'python',
    `
import onnxruntime, transformers
session = onnxruntime.InferenceSession('${ONNX_VARIANTS[variant].file}')
encoded = transformers.AutoTokenizer.from_pretrained('.')('a text', truncation=True, return_tensors='np')
print(session.run(['logits'], {i.name: encoded[i.name] for i in session.get_inputs()})[0])`,
  )}`;
}

/** A linear layer on mean-pooled tokens, as sentence-transformers' Dense: it encodes to logits. */
export function sentenceTransformersLines({ where }: Place): string {
  return `sentence-transformers (a text is encoded to its logits, in the order of \`id2label\` in config.json):\n\n${block(
    'python',
    `
from sentence_transformers import SentenceTransformer
print(SentenceTransformer('${where}').encode(['a text']))`,
  )}`;
}

/**
 * @param base the Hub's id, or null.
 * @param dtype that the base's config.json asks for; adapter and head are float32.
 */
export function peftLines(
  { task, where }: Place,
  base: string | null,
  classes: number,
  dtype: unknown,
): string {
  const asFloats = (dtype ?? 'float32') === 'float32' ? '' : `, dtype='float32'`;
  const auto = `AutoModelFor${task === 'token_classification' ? 'Token' : 'Sequence'}Classification`;
  return `peft${base === null ? ' (`BASE` is the folder of the base model)' : ''}:\n\n${block(
    'python',
    `
import peft, transformers
base = transformers.${auto}.from_pretrained('${base ?? 'BASE'}', num_labels=${classes}${asFloats})
model = peft.PeftModel.from_pretrained(base, '${where}')
tokenizer = transformers.AutoTokenizer.from_pretrained('${where}')
print(model(**tokenizer('a text', truncation=True, return_tensors='pt')).logits)`,
  )}`;
}
