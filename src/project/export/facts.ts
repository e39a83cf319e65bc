/** What the model card tells of a run: from its record, without any of its texts. */
import type { EntityScores, Metrics } from '../../learning/evaluate';
import type { RunDocument, RunRecord } from '../types';
import { entityIntervals, macroF1Interval } from './intervals';
import type { CardFacts, CardMetric, Estimate, ModelParts, TaskOfModel } from './parts';

/** @param licence of the base model; null when it is not known. */
export function cardFacts(name: string, run: RunDocument, licence: string | null): CardFacts {
  const { recipe, record, created } = run;
  const { data, metrics, split } = record;
  return {
    name,
    created,
    version: record.environment['headlight'] ?? '',
    base: { ...recipe.encoder, licence },
    method: method(run),
    data: {
      files:
        data.test === null
          ? [{ part: 'train and test', sha256: data.train.sha256, rows: data.train.rows }]
          : [
              { part: 'train', sha256: data.train.sha256, rows: data.train.rows },
              { part: 'test', sha256: data.test.sha256, rows: data.test.rows },
            ],
      split: { ...recipe.split },
      train_rows: split.train_rows,
      test_rows: split.test_rows,
    },
    settings: settings(run),
    metrics: cardMetrics(record),
    per_class: entityRows(record) ?? metrics.test.per_class,
    baseline: {
      label: metrics.baseline.label,
      test_accuracy: metrics.baseline.test.accuracy,
    },
    limits: [
      ...(split.train_rows < 1000
        ? [
            `It learned from ${split.train_rows} rows only; rare ways to say a thing are not among them.`,
          ]
        : []),
      'It always answers with one of its classes, also where none fits.',
      'What the base model learned of the world, its prejudices among it, is still there.',
    ],
  };
}

/** What the files say of a run's head. */
export function headOf({
  recipe,
  record,
}: RunDocument): Pick<ModelParts, 'task' | 'head' | 'pair' | 'classes' | 'maxTokens'> {
  const task: TaskOfModel =
    recipe.task === 'token_classification' ? 'token_classification' : 'single_label_classification';
  const { classes, text_pair } = record.data;
  const pair = text_pair !== null;
  return recipe.method === 'probe'
    ? { task, pair, head: 'stock', classes, maxTokens: recipe.embed.maxTokens }
    : { task, pair, head: recipe.finetune.head, classes, maxTokens: recipe.finetune.max_length };
}

function method({ recipe, record }: RunDocument): string {
  const what =
    recipe.task === 'token_classification'
      ? 'A token classifier'
      : record.data.text_pair === null
        ? 'A text classifier'
        : 'A classifier of pairs of texts';
  if (recipe.method === 'probe') {
    const { layer } = recipe.embed;
    return `${what}: a logistic regression on the [CLS] token after layer ${layer}, folded into the stock head; the layers after it are left out.`;
  }
  const { method: how } = recipe.finetune;
  switch (how.name) {
    case 'full':
      return `${what}: every weight of the base model was fine-tuned.`;
    case 'last':
      return `${what}: the last ${how.layers} layers of the base model and the head were fine-tuned.`;
    case 'lora':
      return `${what}: fine-tuned with LoRA (rank ${how.rank}, alpha ${how.alpha}, on ${how.targets.join(', ')}) and the head.`;
    case 'bitfit':
      return `${what}: the biases of the base model and the head were fine-tuned.`;
    case 'head':
      return `${what}: the head alone was trained, on the frozen base model.`;
  }
}

function settings({ recipe, record }: RunDocument): Record<string, unknown> {
  if (recipe.method === 'probe') return { ...recipe.embed, ...recipe.head };
  if (record.method !== 'finetune') return { ...recipe.finetune };
  const { fit } = record.finetune;
  return {
    ...recipe.finetune,
    'rows trained on': fit.train_rows,
    'rows for evaluation while training': fit.validation_rows,
    'optimiser step that was kept': `${fit.step} of ${fit.steps}`,
    'trained parameters': `${fit.trainable_parameters} of ${fit.parameters}`,
    device: recipe.device,
  };
}

function cardMetrics(record: RunRecord): CardMetric[] {
  const { train, test } = record.metrics;
  const entities = record.method === 'finetune' ? record.entities : null;
  const of = entities === null ? '' : ' of words';
  const wholeEntities = (
    [
      ['f1', 'F1', 'f1_score'],
      ['precision', 'Precision', 'precision'],
      ['recall', 'Recall', 'recall'],
    ] as const
  ).flatMap(([type, name, key]): CardMetric[] => {
    if (entities === null) return [];
    const estimate = (scores: EntityScores): Estimate => ({
      value: scores[key],
      interval: entityIntervals(scores)?.[key] ?? null,
    });
    return [
      {
        type,
        name: `${name} of entities`,
        train: estimate(entities.train),
        test: estimate(entities.test),
      },
    ];
  });
  const accuracy = (metrics: Metrics): Estimate => ({
    value: metrics.accuracy,
    interval: metrics.accuracy_interval,
  });
  const f1 = (metrics: Metrics): Estimate => ({
    value: metrics.f1_macro,
    interval: macroF1Interval(metrics.confusion_matrix),
  });
  return [
    ...wholeEntities,
    { type: 'accuracy', name: `Accuracy${of}`, train: accuracy(train), test: accuracy(test) },
    { type: 'f1', name: `Macro F1${of}`, train: f1(train), test: f1(test) },
  ];
}

function entityRows(record: RunRecord): CardFacts['per_class'] | null {
  if (record.method !== 'finetune' || record.entities === null) return null;
  return record.entities.test.per_type.map(({ type, ...scores }) => ({ label: type, ...scores }));
}
