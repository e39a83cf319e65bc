/**
 * What a classifier page says of itself: plain data that the engine writes into the one HTML file and the page
 * in it reads. It names classes, columns and figures; it holds none of the texts, no file's name and no hash.
 */
import { layersSaid } from '../models';
import type { Task } from '../project';
import { cardFacts, type CardFacts, type RunDocument } from '../project';

export interface StandaloneFacts {
  readonly kind: 'headlight.standalone';
  readonly schemaVersion: 1;
  readonly name: string;
  /** When it was trained: milliseconds since the epoch. */
  readonly created: number;
  /** Of Headlight. */
  readonly version: string;
  readonly task: Task;
  readonly classes: readonly string[];
  /** The columns of training, looked for in files to label; `pair` is null for single texts. */
  readonly columns: { readonly text: string; readonly pair: string | null };
  readonly encoder: {
    readonly id: string;
    readonly precision: string;
    /** null when it is not known. */
    readonly licence: string | null;
  };
  /** One plain sentence: what was trained, and how. */
  readonly method: string;
  readonly rows: { readonly train: number; readonly validation: number; readonly test: number };
  readonly metrics: CardFacts['metrics'];
  readonly perClass: CardFacts['per_class'];
  readonly baseline: CardFacts['baseline'];
  /** Plain sentences. */
  readonly limits: readonly string[];
  /** Whether it computes with weights that were rounded to 8 bits after the figures were measured. */
  readonly rounded: boolean;
}

/** @param licence of the encoder; null when it is not known. */
export function standaloneFacts(
  name: string,
  document: RunDocument,
  licence: string | null,
  rounded: boolean,
): StandaloneFacts {
  const { recipe, record } = document;
  const card = cardFacts(name, document, licence);
  const { split } = record;
  return {
    kind: 'headlight.standalone',
    schemaVersion: 1,
    name,
    created: card.created,
    version: card.version,
    task: recipe.task,
    classes: record.data.classes,
    columns: { text: recipe.data.text, pair: recipe.data.text_pair },
    encoder: { id: recipe.encoder.id, precision: recipe.encoder.precision, licence },
    method: methodOf(document, card),
    rows: { train: split.train_rows, validation: split.validation_rows, test: split.test_rows },
    metrics: card.metrics,
    perClass: card.per_class,
    baseline: card.baseline,
    limits: [
      ...(rounded
        ? [
            'Its weights were rounded to 8 bits for this page, after the figures were measured: probabilities differ a little from those of the run.',
          ]
        : []),
      ...card.limits,
    ],
    rounded,
  };
}

function methodOf({ recipe, record }: RunDocument, card: CardFacts): string {
  if (recipe.method !== 'probe' || record.method !== 'probe') return card.method;
  const { pooling } = recipe.embed;
  const head =
    record.head.type === 'mlp'
      ? 'a head with one hidden layer'
      : recipe.task === 'multi_label'
        ? 'a logistic regression for each label'
        : 'a logistic regression';
  const features =
    record.encoder.architecture === 'static'
      ? 'the mean of its word vectors'
      : `${layersSaid(recipe.embed)} (${pooling} pooling)`;
  return `The encoder was left as it is; ${head} was fitted on ${features}.`;
}
