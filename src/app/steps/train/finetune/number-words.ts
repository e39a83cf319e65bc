/** What the page says about each number of a fine-tune's settings. */
import type { Bounds, NumberName } from '../../../state/finetune-fields';

export interface NumberWords {
  readonly label: string;
  readonly explain: string;
  /** As transformers or PEFT calls it, where the form's own name is another. */
  readonly shown?: string;
  /** What an empty field means. */
  readonly empty?: string;
}

export function numberWords(name: NumberName, bounds: Bounds): NumberWords {
  return WORDS[name](bounds);
}

const WORDS: Readonly<Record<NumberName, (bounds: Bounds) => NumberWords>> = {
  num_iterations: () => ({
    label: 'Pairs a text',
    explain: 'So many of either kind for each text. 20 is usual; time grows with it.',
    empty: 'as the pairs chosen say',
  }),
  head_C: () => ({
    label: 'Penalty of the head',
    explain: 'Inverse strength, C of the logistic regression on the embeddings.',
  }),
  layers: (bounds) => ({
    label: 'How many layers',
    explain: `Counted from the end; the encoder has ${bounds.layers}.`,
  }),
  rank: () => ({
    label: 'Rank',
    explain: 'Width of the adapters. 8 is usual; 16 or 32 learn more.',
    shown: 'r',
  }),
  alpha: () => ({
    label: 'Scale',
    explain: 'Their effect is scaled by this divided by the rank; twice the rank is usual.',
    shown: 'lora_alpha',
  }),
  lora_dropout: () => ({
    label: 'Dropout of the adapters',
    explain: 'Share of their inputs left out at random while training.',
  }),
  learning_rate: () => ({
    label: 'Learning rate',
    explain: 'Size of the steps. 2e-5 to 5e-5 for everything; ten times that for LoRA and BitFit.',
  }),
  num_train_epochs: () => ({
    label: 'Epochs',
    explain: 'How often each text is seen. 2 to 5 is usual.',
  }),
  per_device_train_batch_size: () => ({
    label: 'Texts a step',
    explain:
      'Larger batches need more memory and take fewer steps. Where pairs are learned from: pairs.',
  }),
  gradient_accumulation_steps: () => ({
    label: 'Batches added up for one step',
    explain: 'Has the effect of a larger batch without its memory.',
  }),
  warmup_steps: () => ({
    label: 'Warm-up',
    explain: 'The rate grows during these steps. Below 1: a share of all steps.',
  }),
  weight_decay: () => ({
    label: 'Weight decay',
    explain: 'Pulls weights towards zero; 0.01 is usual. Biases and LayerNorm are left alone.',
  }),
  max_steps: () => ({
    label: 'Steps at most',
    explain: 'Above 0 it counts instead of the epochs.',
  }),
  max_length: (bounds) => ({
    label: 'Tokens a text',
    explain: `Longer texts are cut. Shorter is faster; this encoder reads ${bounds.maxTokens} at most.`,
  }),
  train_rows: (bounds) => ({
    label: 'Use this many rows',
    explain: 'Of the training part, with the classes’ shares kept.',
    shown: 'rows',
    empty: `all ${bounds.trainRows}`,
  }),
  label_smoothing_factor: () => ({
    label: 'Label smoothing',
    explain: 'Makes it less sure of its training labels; 0.1 helps when some are wrong.',
  }),
  dropout: () => ({
    label: 'Dropout',
    explain: 'Share left out at random while training, against learning by heart.',
    empty: 'as the encoder was trained',
  }),
  eval_steps: () => ({
    label: 'Steps between evaluations',
    explain: 'More often shows more, and takes longer.',
  }),
  validation_share: () => ({
    label: 'Held out for evaluations',
    explain: 'Share of the training texts: 0.1 is a tenth.',
  }),
  early_stopping_patience: () => ({
    label: 'Stop early',
    explain: 'After so many evaluations without a better one.',
    empty: 'never',
  }),
  per_device_eval_batch_size: () => ({
    label: 'Texts at a time',
    explain: 'While evaluating; changes only speed and memory.',
  }),
  seed: () => ({
    label: 'Seed',
    explain: 'Of the order of the texts, new weights and dropout. Same seed, same result.',
  }),
  max_grad_norm: () => ({
    label: 'Longest gradient',
    explain: 'Longer ones are shortened to this; 0 leaves them.',
  }),
  adam_beta1: () => ({
    label: 'AdamW, first moment',
    explain: 'How slowly the direction changes.',
  }),
  adam_beta2: () => ({ label: 'AdamW, second moment', explain: 'How slowly the scale changes.' }),
  adam_epsilon: () => ({ label: 'AdamW, epsilon', explain: 'Against division by zero.' }),
};
