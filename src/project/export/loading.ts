/** The lines of code in a model card: as short as they can be and still right. */
import type { TaskOfModel } from './parts';

const block = (language: string, code: string): string =>
  `\`\`\`${language}\n${code.trim()}\n\`\`\``;

interface Place {
  readonly task: TaskOfModel;
  /** Whether it takes two texts. */
  readonly pair: boolean;
  /** The repository, or the folder it was unpacked to. */
  readonly where: string;
}

/** The arguments of a tokenizer. */
const texts = (pair: boolean): string => (pair ? `'a text', 'its second text'` : `'a text'`);

export function transformersLines({ task, pair, where }: Place): string {
  const name = task === 'token_classification' ? 'token-classification' : 'text-classification';
  const options = task === 'token_classification' ? '' : `, top_k=None, truncation=True`;
  return `transformers:\n\n${block(
    'python',
    `
from transformers import pipeline
model = pipeline('${name}', '${where}')
print(model(${pair ? `{'text': 'a text', 'text_pair': 'its second text'}` : `'a text'`}${options}))`,
  )}`;
}

export type OnnxVariant = 'fp32' | 'fp16' | 'quantized' | 'q4';

/** Where transformers.js looks for each, and what it calls it. */
export const ONNX_VARIANTS: Readonly<
  Record<OnnxVariant, { readonly file: string; readonly dtype: string }>
> = {
  fp32: { file: 'onnx/model.onnx', dtype: 'fp32' },
  fp16: { file: 'onnx/model_fp16.onnx', dtype: 'fp16' },
  quantized: { file: 'onnx/model_quantized.onnx', dtype: 'q8' },
  q4: { file: 'onnx/model_q4.onnx', dtype: 'q4' },
};

/** @param variants that the folder has, at least one. */
export function javascriptLines(
  { task, pair, where }: Place,
  variants: readonly OnnxVariant[],
  local: boolean,
): string {
  const name = task === 'token_classification' ? 'token-classification' : 'text-classification';
  const options = task === 'token_classification' ? '' : ', { top_k: null }';
  const imports = pair ? 'AutoModelForSequenceClassification, AutoTokenizer' : 'pipeline';
  const environment = local
    ? `import { ${[...imports.split(', '), 'env'].sort().join(', ')} } from '@huggingface/transformers';
env.localModelPath = './'; // the folder that holds this one`
    : `import { ${imports} } from '@huggingface/transformers';`;
  const dtypes = variants.map((variant) => ONNX_VARIANTS[variant].dtype);
  const dtype = dtypes[0] ?? 'fp32';
  const others =
    dtypes.length > 1 ? ` (\`dtype\` is one of ${dtypes.map((d) => `\`${d}\``).join(', ')})` : '';
  const run = pair
    ? `const tokenizer = await AutoTokenizer.from_pretrained('${where}');
const model = await AutoModelForSequenceClassification.from_pretrained('${where}', { dtype: '${dtype}' });
const encoded = tokenizer('a text', { text_pair: 'its second text', truncation: true });
console.log((await model(encoded)).logits.tolist());`
    : `const model = await pipeline('${name}', '${where}', { dtype: '${dtype}' });
console.log(await model('a text'${options}));`;
  return `transformers.js${others}:\n\n${block('js', `${environment}\n${run}`)}`;
}

export function onnxruntimeLines({ pair }: Place, variant: OnnxVariant): string {
  return `onnxruntime, in this folder:\n\n${block(
    'python',
    `
import onnxruntime, transformers
session = onnxruntime.InferenceSession('${ONNX_VARIANTS[variant].file}')
encoded = transformers.AutoTokenizer.from_pretrained('.')(${texts(pair)}, truncation=True, return_tensors='np')
print(session.run(['logits'], {i.name: encoded[i.name] for i in session.get_inputs()})[0])`,
  )}`;
}

/** A linear layer on mean-pooled tokens, as sentence-transformers' Dense: it encodes to logits. */
export function sentenceTransformersLines({ pair, where }: Place): string {
  return `sentence-transformers (a text is encoded to its logits, in the order of \`id2label\` in config.json):\n\n${block(
    'python',
    `
from sentence_transformers import SentenceTransformer
print(SentenceTransformer('${where}').encode([${pair ? `(${texts(true)})` : texts(false)}]))`,
  )}`;
}

/**
 * @param base the Hub's id, or null.
 * @param dtype that the base's config.json asks for; adapter and head are float32.
 */
export function peftLines(
  { task, pair, where }: Place,
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
print(model(**tokenizer(${texts(pair)}, truncation=True, return_tensors='pt')).logits)`,
  )}`;
}
