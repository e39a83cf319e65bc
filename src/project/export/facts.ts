/** What the model card tells of a run: from its record, without any of its texts. */
import { wilsonInterval, type EntityScores, type Metrics } from '../../learning/evaluate';
import { classFigures, isAgreement, multiLabelFigures, unknownAccuracy } from '../recipe';
import type { Recipe, RunDocument, RunRecord } from '../types';
import { entityIntervals, macroF1Interval } from './intervals';
import type { CardFacts, CardMetric, Estimate, ModelParts, TaskOfModel } from './parts';

/** @param licence of the base model; null when it is not known. */
export function cardFacts(name: string, run: RunDocument, licence: string | null): CardFacts {
  const { recipe, record, created } = run;
  const { data, split } = record;
  const several = multiLabelFigures(record);
  return {
    name,
    created,
    version: record.environment['headlight'] ?? '',
    base: { ...recipe.encoder, licence },
    method: method(run),
    data: {
      files: data.files.flatMap(({ role, sha256, rows }) =>
        role === 'names' || role === 'unused' ? [] : [{ part: partOf(role, recipe), sha256, rows }],
      ),
      // Values of a column are the person's.
      split: recipe.split.method === 'column' ? { method: 'column' } : { ...recipe.split },
      train_rows: split.train_rows,
      test_rows: split.test_rows,
    },
    settings: settings(run),
    metrics: cardMetrics(record),
    per_class:
      several === null
        ? (entityRows(record) ?? classFigures(record).test.per_class)
        : several.test.per_label,
    baseline: several === null ? majority(record) : null,
    limits: [
      ...labelLimits(record),
      ...(recipe.method === 'own'
        ? [
            'What it was trained on is not told by its files; where that holds texts of the test part, the figures are too good.',
            ...(recipe.encoder.precision === 'fp32'
              ? []
              : [
                  `The figures were measured with weights rounded to ${recipe.encoder.precision}; these files hold the weights as they came.`,
                ]),
          ]
        : []),
      ...(split.train_rows < 1000 && recipe.method !== 'own'
        ? [
            `It learned from ${split.train_rows} rows only; rare ways to say a thing are not among them.`,
          ]
        : []),
      ...(several === null
        ? ['It always answers with one of its classes, also where none fits.']
        : [
            `A text has a label from this probability on: ${data.classes.map((label, k) => `${label} ${(several.thresholds[k] ?? 0.5).toFixed(3)}`).join(', ')}.`,
          ]),
      'What the base model learned of the world, its prejudices among it, is still there.',
    ],
  };
}

function majority(record: RunRecord): CardFacts['baseline'] {
  const { baseline } = classFigures(record);
  return { label: baseline.label, test_accuracy: baseline.test.accuracy };
}

type FilePart = CardFacts['data']['files'][number]['part'];

function partOf(role: 'train' | 'validation' | 'test', { split }: Recipe): FilePart {
  return split.method === 'files' ? role : 'train and test';
}

/** What the files say of a run's head. */
export function headOf({
  recipe,
  record,
}: RunDocument): Pick<
  ModelParts,
  'task' | 'head' | 'pair' | 'classes' | 'maxTokens' | 'thresholds'
> {
  const task: TaskOfModel =
    recipe.task === 'token_classification'
      ? 'token_classification'
      : recipe.task === 'multi_label'
        ? 'multi_label_classification'
        : 'single_label_classification';
  const { classes, text_pair } = record.data;
  const thresholds = multiLabelFigures(record)?.thresholds ?? null;
  const pair = text_pair !== null;
  const common = { task, pair, classes, thresholds };
  switch (recipe.method) {
    case 'probe':
      return { ...common, head: 'stock', maxTokens: recipe.embed.maxTokens };
    case 'own':
      return { ...common, head: 'stock', maxTokens: recipe.own.max_length };
    case 'finetune':
      return { ...common, head: recipe.finetune.head, maxTokens: recipe.finetune.max_length };
  }
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
  if (recipe.method === 'own')
    return `${what}: the classifier of the base model as it came, its classes named by the labels of the data. Nothing was trained.`;
  const { method: how } = recipe.finetune;
  const pairs = record.method === 'finetune' ? record.finetune.fit.pairs : undefined;
  if (pairs !== undefined)
    return `${what}: the base model learned from pairs of texts, ${pairs.positive} of one class and ${pairs.negative} of different ones (contrastive fine-tuning as in SetFit; method ${how.name}); the head is a logistic regression on the mean of the tokens.`;
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
  if (recipe.method === 'own') return { ...recipe.own, device: recipe.device };
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

/** Of labels that no file held: where they came from, and where nobody knows how good they are, that. */
function labelLimits(record: RunRecord): string[] {
  const { labelling } = record;
  if (labelling === undefined) return [];
  const { rows, teachers } = labelling;
  const unknown = unknownAccuracy(record);
  const by = teachers.map(({ name }) => name).join(', ');
  return [
    ...(unknown === null ? [] : [unknown]),
    ...(rows.teacher === 0
      ? []
      : [
          `${rows.teacher} of its texts were labelled by ${by}, and by no person; its mistakes were learned too.`,
        ]),
  ];
}

function cardMetrics(record: RunRecord): CardMetric[] {
  const several = multiLabelFigures(record);
  if (several !== null) {
    const plain = (value: number): Estimate => ({ value, interval: null });
    const share = (value: number, rows: number): Estimate => ({
      value,
      interval: wilsonInterval(Math.round(value * rows), rows),
    });
    const { train, test } = several;
    return [
      {
        type: 'f1',
        name: 'Micro F1',
        train: plain(train.micro.f1_score),
        test: { value: test.micro.f1_score, interval: test.micro_f1_interval ?? null },
      },
      {
        type: 'f1',
        name: 'Macro F1',
        train: plain(train.macro.f1_score),
        test: plain(test.macro.f1_score),
      },
      {
        type: isAgreement(record) ? 'agreement' : 'accuracy',
        name: isAgreement(record) ? 'Every label as its teacher says' : 'Every label right',
        train: share(train.subset_accuracy, train.rows),
        test: share(test.subset_accuracy, test.rows),
      },
    ];
  }
  const { train, test } = classFigures(record);
  const entities = record.method === 'probe' ? null : record.entities;
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
    {
      type: isAgreement(record) ? 'agreement' : 'accuracy',
      name: isAgreement(record) ? 'Agreement with its teacher' : `Accuracy${of}`,
      train: accuracy(train),
      test: accuracy(test),
    },
    { type: 'f1', name: `Macro F1${of}`, train: f1(train), test: f1(test) },
  ];
}

function entityRows(record: RunRecord): CardFacts['per_class'] | null {
  if (record.method === 'probe' || record.entities === null) return null;
  return record.entities.test.per_type.map(({ type, ...scores }) => ({ label: type, ...scores }));
}
