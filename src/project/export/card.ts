/**
 * The README.md of a model that goes out: the Hub's metadata (YAML), then in plain words what it is, how it
 * was made, how good it is, where it ends, and how to load it. None of the user's texts is in it.
 */
import type { CardFacts, Estimate, ModelParts } from './parts';

/** Where shipped encoders come from on the Hub. */
const SHIPPED_FROM: Readonly<Record<string, string>> = {
  'all-MiniLM-L6-v2': 'sentence-transformers/all-MiniLM-L6-v2',
};

/** The base's id on the Hub; null when it has none that is known. */
export function hubId({ source, id }: CardFacts['base']): string | null {
  if (source === 'hub') return id;
  return source === 'shipped' ? (SHIPPED_FROM[id] ?? null) : null;
}

export interface CardOptions {
  readonly library: 'transformers' | 'sentence-transformers' | 'transformers.js' | 'peft';
  readonly tags: readonly string[];
  /** Markdown: how to load it. */
  readonly loading: string;
  /** Markdown before the loading: what of this folder differs from the usual. */
  readonly notice?: string;
}

export function card(parts: ModelParts, options: CardOptions): string {
  const { card: facts, classes, maxTokens } = parts;
  const base = hubId(facts.base);
  const limits = [
    `Texts longer than ${maxTokens} tokens are cut at their end.`,
    'The figures are of this test part. Texts of another source, time or language can fare worse.',
    ...facts.limits,
  ];
  return `---
${frontMatter(parts, options)}
---

# ${facts.name}

${facts.method} Trained in Headlight ${facts.version} on ${day(facts.created)}, on the owner’s own device.

- Classes: ${classes.map((label) => `\`${label}\``).join(', ')}
- Base model: ${base === null ? `\`${facts.base.id}\`` : `[${base}](https://huggingface.co/${base})`}, revision \`${facts.base.revision}\`${facts.base.precision === 'q8' ? ', its weights in 8 bits (here as the floats they stand for)' : ''}${facts.base.licence === null ? '' : `, licence ${facts.base.licence}`}

## How good it is

${metricsTable(facts)}

${facts.data.test_rows} test rows, which training never saw; ${facts.data.train_rows} training rows. In brackets: 95 % intervals.${baselineLine(facts)}

${classTable(facts)}## How it was made

${facts.data.files.map(({ part, rows, sha256 }) => `- Data (${part}): ${rows} rows, SHA-256 of the file \`${sha256}\``).join('\n')}
- Split: ${code(facts.data.split)}

| setting | value |
|---|---|
${Object.entries(facts.settings)
  .map(([key, value]) => `| ${key} | ${cell(plain(value))} |`)
  .join('\n')}

## Limits

${limits.map((line) => `- ${line}`).join('\n')}

## How to load it

${options.notice === undefined ? '' : `${options.notice}\n\n`}${options.loading}
`;
}

function frontMatter({ card: facts, task }: ModelParts, options: CardOptions): string {
  const base = hubId(facts.base);
  const pipeline = task === 'token_classification' ? 'token-classification' : 'text-classification';
  const name = task === 'token_classification' ? 'Token Classification' : 'Text Classification';
  // JSON's texts are YAML's double-quoted ones.
  return [
    `library_name: ${options.library}`,
    `pipeline_tag: ${pipeline}`,
    ...(base === null ? [] : [`base_model: ${JSON.stringify(base)}`]),
    'tags:',
    ...['headlight', ...options.tags].map((tag) => `- ${JSON.stringify(tag)}`),
    'metrics:',
    ...[...new Set(facts.metrics.map(({ type }) => type))].map((type) => `- ${type}`),
    'model-index:',
    `- name: ${JSON.stringify(facts.name)}`,
    '  results:',
    '  - task:',
    `      type: ${pipeline}`,
    `      name: ${name}`,
    '    dataset:',
    '      type: csv',
    '      name: "The test rows of a local file"',
    '      split: test',
    '    metrics:',
    ...facts.metrics.flatMap((metric) => [
      `    - type: ${metric.type}`,
      `      name: ${JSON.stringify(metric.name)}`,
      `      value: ${metric.test.value}`,
    ]),
  ].join('\n');
}

function metricsTable({ metrics }: CardFacts): string {
  const rows = metrics.map(
    ({ name, test, train }) =>
      `| ${name} | ${estimate(test)} | ${train === null ? '' : estimate(train)} |`,
  );
  return ['| | test | training |', '|---|---|---|', ...rows].join('\n');
}

function baselineLine({ baseline }: CardFacts): string {
  return baseline === null
    ? ''
    : ` Always answering \`${baseline.label}\` gets an accuracy of ${baseline.test_accuracy.toFixed(3)} on the test rows.`;
}

function classTable({ per_class }: CardFacts): string {
  if (per_class.length === 0) return '';
  const rows = per_class.map(
    (row) =>
      `| ${cell(row.label)} | ${row.precision.toFixed(3)} | ${row.recall.toFixed(3)} | ${row.f1_score.toFixed(3)} | ${row.support} |`,
  );
  return `${['| class (test) | precision | recall | F1 | rows |', '|---|---|---|---|---|', ...rows].join('\n')}\n\n`;
}

function estimate({ value, interval }: Estimate): string {
  const range =
    interval === null ? '' : ` (${interval[0].toFixed(3)} to ${interval[1].toFixed(3)})`;
  return value.toFixed(3) + range;
}

function day(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 10);
}

function code(value: unknown): string {
  return `\`${JSON.stringify(value)}\``;
}

function plain(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** A label or value as a cell of a table. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/\s*\n\s*/g, ' ');
}
