/** The columns of the table of classes, and of labels, which know more of each. */
import type {
  AveragedScores,
  MultiLabelMetrics,
  RankingAverages,
} from '../../../learning/evaluate';

export interface ScoreRow extends AveragedScores {
  readonly label: string;
  readonly support: number;
  readonly roc_auc?: number | null;
  readonly average_precision?: number | null;
  readonly threshold?: number;
}
export type ScoreKey = keyof ScoreRow;

/** `Micro average`. */
export interface AverageRow extends AveragedScores, Partial<RankingAverages> {
  readonly label: string;
}

export interface ScoreColumn {
  readonly key: ScoreKey;
  readonly name: string;
  readonly means: string;
}

/** The first is the name. @param unit what is counted: `text`, `word`. */
export function scoreColumns(unit: string, several: boolean): readonly ScoreColumn[] {
  const support: ScoreColumn = {
    key: 'support',
    name: `Test ${unit}s`,
    means: `How many test ${unit}s have this label.`,
  };
  const scores: readonly ScoreColumn[] = [
    { key: 'label', name: several ? 'Label' : 'Class', means: '' },
    {
      key: 'precision',
      name: 'Precision',
      means: `Of the ${unit}s given this label, how many have it.`,
    },
    {
      key: 'recall',
      name: 'Recall',
      means: `Of the ${unit}s with this label, how many were given it.`,
    },
    { key: 'f1_score', name: 'F1', means: 'Balance of precision and recall.' },
  ];
  if (!several) return [...scores, support];
  return [
    ...scores,
    {
      key: 'roc_auc',
      name: 'AUC',
      means: `How often a ${unit} with this label ranks above one without.`,
    },
    {
      key: 'average_precision',
      name: 'AP',
      means: 'Average precision: the area under the precision-recall curve.',
    },
    {
      key: 'threshold',
      name: 'Threshold',
      means: `The probability from which on a ${unit} is given this label.`,
    },
    support,
  ];
}

export function averagesOf({ micro, macro, weighted, samples }: MultiLabelMetrics): AverageRow[] {
  return [
    { label: 'Micro average', ...micro },
    { label: 'Macro average', ...macro },
    { label: 'Weighted by texts', ...weighted },
    { label: 'Mean of the texts', ...samples },
  ];
}
