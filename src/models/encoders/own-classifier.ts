/** Whether a checkpoint has a classifier of its own, what it tells apart, and why it may not be used as it is. */
import * as v from 'valibot';
import { readJson } from '../../base';
import { ARCHITECTURES } from './architectures';

/** The head of a checkpoint that was fine-tuned elsewhere, as `transformers` has it. */
export interface OwnClassifier {
  /** What it gives: one class a text, several, or one a token. */
  readonly task: 'classification' | 'multi_label' | 'token_classification';
  /** Of config.json's `id2label`, in the order of the logits; `LABEL_0`, … where it names none. */
  readonly classes: readonly string[];
  /** A sentence on why it cannot be used; null when it can. */
  readonly problem: string | null;
  /** Of config.json, where it says something else than `classes`: what transformers' zero-shot pipeline goes by. */
  readonly label2id?: Readonly<Record<string, number>>;
}

const names = v.record(v.string(), v.string());
const schema = v.object({
  model_type: v.optional(v.string()),
  architectures: v.optional(v.nullable(v.array(v.string())), null),
  id2label: v.optional(v.nullable(names), null),
  label2id: v.optional(v.nullable(v.unknown()), null),
  num_labels: v.optional(v.nullable(v.pipe(v.number(), v.integer(), v.minValue(1))), null),
  problem_type: v.optional(v.nullable(v.string()), null),
});

/** More classes than any classifier has: a hostile config.json must not ask for a list of them. */
const MOST_CLASSES = 100_000;

/**
 * @param config of config.json.
 * @param shapeOf a weight's shape, by its name in the checkpoint; null when there is none.
 * @returns null for an encoder without a classifier: config.json names no `…ForSequenceClassification` or
 *   `…ForTokenClassification`, or the weights of its head are not in the checkpoint.
 * @throws HeadlightError `bad-model` when config.json is not one.
 */
export function ownClassifier(
  config: Uint8Array,
  shapeOf: (name: string) => readonly number[] | null,
): OwnClassifier | null {
  const json = parsed(config);
  const found = v.safeParse(schema, json);
  if (!found.success) return null;
  const { model_type: modelType, architectures, problem_type: problem } = found.output;
  const isToken = (architectures ?? []).some((name) => name.endsWith('ForTokenClassification'));
  const isText =
    (architectures ?? []).some((name) => name.endsWith('ForSequenceClassification')) ||
    ((architectures ?? []).length === 0 && isEntailment(found.output));
  const open = ARCHITECTURES.get(modelType ?? '');
  if (open === undefined || (!isToken && !isText)) return null;
  const { hiddenSize, layout } = open(json);
  const weight = isToken ? layout.head.tokenClassifier : layout.head.classifier;
  const [count, columns, ...more] = shapeOf(`${weight}.weight`) ?? [];
  if (count === undefined || count < 1 || columns !== hiddenSize || more.length > 0) return null;
  const classes = classNames(found.output.id2label, count);
  const task = isToken
    ? 'token_classification'
    : problem === 'multi_label_classification'
      ? 'multi_label'
      : 'classification';
  const about = {
    task,
    classes: classes ?? [],
    ...otherIds(found.output.label2id, classes ?? [], count),
  } as const;
  if (classes === null)
    return {
      ...about,
      problem: `Its config.json does not name each of the ${count} classes that its classifier has (id2label).`,
    };
  if (!isToken && (problem === 'regression' || (problem === null && count === 1)))
    return {
      ...about,
      problem: 'Its head gives a number for each text (regression), not a class.',
    };
  if (count < 2 && task !== 'multi_label')
    return { ...about, problem: 'Its classifier has a single class, so it tells nothing apart.' };
  return { ...about, problem: null };
}

/**
 * The classifier inside of an exported graph of any architecture: for labels by entailment, where the logits are all
 * that is asked for.
 * @param columns of its logits; null: the graph does not say.
 * @returns null when config.json names no `…ForSequenceClassification`, or other classes than there are columns.
 */
export function exportedClassifier(
  config: Uint8Array,
  columns: number | null,
): OwnClassifier | null {
  const found = v.safeParse(schema, parsed(config));
  if (!found.success) return null;
  const { architectures, id2label, label2id } = found.output;
  if (!(architectures ?? []).some((name) => name.endsWith('ForSequenceClassification')))
    return null;
  const count = columns ?? Object.keys(id2label ?? {}).length;
  const classes = count < 1 ? null : classNames(id2label, count);
  if (classes === null) return null;
  return {
    task: 'classification',
    classes,
    problem: 'It is inside of an exported graph, which serves as a zero-shot teacher only.',
    ...otherIds(label2id, classes, count),
  };
}

/** In the order of the logits; null when config.json names others than there are. */
function classNames(
  id2label: Readonly<Record<string, string>> | null,
  count: number,
): readonly string[] | null {
  if (count > MOST_CLASSES) return null;
  const ids = Array.from({ length: count }, (_, id) => String(id));
  // `transformers` leaves the names of two nameless classes out.
  if (id2label === null) return ids.map((id) => `LABEL_${id}`);
  if (Object.keys(id2label).length !== count) return null;
  const found = ids.flatMap((id) => (Object.hasOwn(id2label, id) ? [id2label[id] ?? ''] : []));
  return found.length === count ? found : null;
}

/** Some older checkpoints name no class of transformers; what tells entailment reads texts, not tokens. */
function isEntailment({
  id2label,
  label2id,
}: Pick<v.InferOutput<typeof schema>, 'id2label' | 'label2id'>): boolean {
  const named = v.safeParse(ids, label2id);
  const all = [
    ...Object.values(id2label ?? {}),
    ...(named.success ? Object.keys(named.output) : []),
  ];
  return all.some((name) => /^entail/i.test(name)) && all.some((name) => /^contra/i.test(name));
}

const ids = v.record(v.string(), v.pipe(v.number(), v.integer(), v.minValue(0)));

/**
 * Where `label2id` names classes that `id2label` does not, or elsewhere; what cannot be ids is not looked at, nor are
 * the names that `transformers` gives to nameless classes.
 */
function otherIds(
  label2id: unknown,
  classes: readonly string[],
  count: number,
): Pick<OwnClassifier, 'label2id'> {
  const found = v.safeParse(ids, label2id);
  if (!found.success) return {};
  const entries = Object.entries(found.output);
  if (entries.length > count || entries.some(([, id]) => id >= count)) return {};
  if (entries.every(([name]) => /^LABEL_\d+$/.test(name))) return {};
  return entries.every(([name, id]) => classes[id] === name) ? {} : { label2id: found.output };
}

function parsed(config: Uint8Array): unknown {
  return readJson(config, 'The encoder’s config.json', {
    hint: 'Download or copy the model’s folder again.',
  });
}
