/** What an export of a trained model is made of, as the engine hands it in. Plain data. */
import type { CheckpointTensor, ClassGroups, EncoderReference, ModelFile } from '../../models';

export type TaskOfModel =
  /** A class a text: softmax. */
  | 'single_label_classification'
  /** Several classes a text: a sigmoid each. */
  | 'multi_label_classification'
  /** A class a token. */
  | 'token_classification';

export interface ModelParts {
  readonly task: TaskOfModel;
  /** `stock`: as `transformers` has it for the architecture; `mean`: mean pooling, one linear layer. */
  readonly head: 'stock' | 'mean';
  /** Whether it takes two texts (premise and hypothesis); false for single ones. */
  readonly pair: boolean;
  /** In the order of the logits. */
  readonly classes: readonly string[];
  /** Several classes a text: the probability from which on a text has each; else null. */
  readonly thresholds: readonly number[] | null;
  /** Longer texts are cut to this many tokens, special ones counted. */
  readonly maxTokens: number;
  /** The encoder's config.json, parsed; of a cut encoder with the layers that are left. */
  readonly config: Readonly<Record<string, unknown>>;
  /** `TrainableModel.checkpoint`, or `probeCheckpoint`'s: names as in `transformers`, all float32. */
  readonly checkpoint: ReadonlyMap<string, CheckpointTensor>;
  /** The encoder's tokenizer files: `tokenizer.json`, and `tokenizer_config.json`, `vocab.txt`, … where it has them. */
  readonly tokenizer: readonly ModelFile[];
  readonly card: CardFacts;
  /**
   * Of a model's own classifier whose classes are not the labels one for one: which of the checkpoint's classes each
   * label is. Only graphs join classes.
   */
  readonly groups?: { readonly own: number; readonly classes: ClassGroups };
}

/** What the model card tells beside what the files say. */
export interface CardFacts {
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly created: number;
  /** Of Headlight. */
  readonly version: string;
  readonly base: EncoderReference & {
    /** null when it is not known. */
    readonly licence: string | null;
  };
  /** One or two plain sentences: what was trained, and how. */
  readonly method: string;
  readonly data: {
    readonly files: readonly {
      readonly part: 'train' | 'validation' | 'test' | 'train and test';
      readonly sha256: string;
      readonly rows: number;
    }[];
    /** As in the recipe: method, share, seed. */
    readonly split: Readonly<Record<string, unknown>>;
    readonly train_rows: number;
    readonly test_rows: number;
  };
  /** Names and values, as in the recipe; nested ones are written as JSON. Seeds among them. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly metrics: readonly CardMetric[];
  readonly per_class: readonly {
    readonly label: string;
    readonly precision: number;
    readonly recall: number;
    readonly f1_score: number;
    readonly support: number;
  }[];
  /** Always answering the most frequent class; null where there is no such thing. */
  readonly baseline: { readonly label: string; readonly test_accuracy: number } | null;
  /** Plain sentences beyond those that hold for every model. */
  readonly limits: readonly string[];
}

export interface CardMetric {
  /** As the Hub calls it: `accuracy`, `f1`. */
  readonly type: string;
  /** For people: `Accuracy`, `Macro F1`. */
  readonly name: string;
  readonly train: Estimate | null;
  readonly test: Estimate;
}

export interface Estimate {
  readonly value: number;
  /** 95 %; null where none was computed. */
  readonly interval: readonly [number, number] | null;
}
