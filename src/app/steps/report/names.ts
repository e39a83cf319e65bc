/** How a run is called where several stand together. */
import { layersSaid, type RunView } from '../../../engine';

export function encoderName({ record }: RunView): string {
  return record.encoder.id;
}

const METHODS = {
  full: 'everything',
  last: 'last layers',
  lora: 'LoRA',
  bitfit: 'BitFit',
  head: 'head alone',
} as const;

/** What sets a run apart from others with the same encoder. */
export function encoderDetail({ record }: RunView): string {
  if (record.method === 'finetune') {
    const { method, learning_rate, num_train_epochs, max_length, fit } = record.finetune;
    const what = method.name === 'lora' ? `LoRA r = ${method.rank}` : METHODS[method.name];
    return [
      `fine-tuned${fit.pairs === undefined ? '' : ' on pairs'}: ${what}`,
      `${learning_rate}`,
      `${num_train_epochs} ${num_train_epochs === 1 ? 'epoch' : 'epochs'}`,
      `${max_length} tokens`,
      record.encoder.device,
    ].join(', ');
  }
  if (record.method === 'own')
    return ['its own classifier', `${record.own.max_length} tokens`, record.encoder.device].join(
      ', ',
    );
  const { encoder, head } = record;
  const parts =
    encoder.architecture === 'static'
      ? ['static embeddings']
      : [layersSaid(encoder), encoder.pooling];
  parts.push(encoder.precision, encoder.device);
  if (head.type === 'mlp') parts.push(`hidden layer of ${head.hidden}`);
  else {
    if (!('labels' in head.fit)) parts.push(`C = ${head.fit.C}`);
    if (head.class_weight === 'balanced') parts.push('balanced');
  }
  if (head.standardize) parts.push('standardised');
  return parts.join(', ');
}

const KINDS = { probe: 'Probe', finetune: 'Fine-tuned', own: 'As it is' } as const;

/** `Fine-tuned, all-MiniLM-L6-v2`. */
export function runName(run: RunView): string {
  return `${KINDS[run.record.method]}, ${encoderName(run)}`;
}
