/** What kind of run one is, a probe or a fine-tuned encoder, and what it was made with. */
import type { RunView } from '../../engine';
import type { FinetuneSettings } from '../../learning/finetune';

export function isFinetuned({ record }: RunView): boolean {
  return record.method === 'finetune';
}

/** Whether it labels words instead of texts. */
export function isTagger({ record }: RunView): boolean {
  return record.task === 'token_classification';
}

/** Whether it can be said of it if fine-tuning is worth it: read off a logistic regression of one class a text. */
export function canBeAdvised({ record }: RunView): boolean {
  if (record.method !== 'probe') return false;
  return record.head.type === 'logistic_regression' && !('labels' in record.head.fit);
}

/** Every setting under its name, with its value as it is read. */
export function settingLines(settings: FinetuneSettings): readonly (readonly [string, string])[] {
  const { method, ...rest } = settings;
  const { name, ...values } = method;
  return [
    ['method', name],
    ...Object.entries<string | number | readonly string[]>(values).map(
      ([key, value]) => [`method.${key}`, said(value)] as const,
    ),
    ...Object.entries(rest).map(([key, value]) => [key, said(value)] as const),
  ];
}

function said(value: string | number | boolean | null | readonly string[]): string {
  if (value === null) return '–';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return typeof value === 'object' ? value.join(', ') : String(value);
}
