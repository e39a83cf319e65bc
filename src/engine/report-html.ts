/**
 * Pieces of HTML for the report as a file: text in, escaped, HTML out. Free of the DOM, so that page and command
 * line make the same file.
 */

/** HTML that is safe to stand in a page. */
export type Html = { readonly html: string };
export type Content = Html | string | number;

/** Rows that stand together on one page of paper. */
const MOST_TOGETHER = 20;
const NBSP = '\u00a0';
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

export function html(text: string): Html {
  return { html: text };
}

export function escaped(content: Content): string {
  if (typeof content === 'object') return content.html;
  return String(content)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

export function joined(parts: readonly (Html | null)[]): Html {
  return html(
    parts
      .filter((part) => part !== null)
      .map((part) => part.html)
      .join('\n'),
  );
}

export function paragraph(content: Content, kind = ''): Html {
  return html(`<p${kind === '' ? '' : ` class="${kind}"`}>${escaped(content)}</p>`);
}

/** null where there is nothing in it. */
export function section(title: string, parts: readonly (Html | null)[]): Html | null {
  const content = joined(parts);
  if (content.html.trim() === '') return null;
  return html(`<section>\n<h2>${escaped(title)}</h2>\n${content.html}\n</section>`);
}

export interface TableContent {
  readonly caption: string;
  readonly columns: readonly string[];
  /** The first cell of each names its row. */
  readonly rows: readonly (readonly Content[])[];
  /** How many columns from the left are words; the others are numbers. Default 1. */
  readonly words?: number;
}

/** null without rows. */
export function table({ caption, columns, rows, words = 1 }: TableContent): Html | null {
  if (rows.length === 0) return null;
  const kind = (at: number): string => (at < words ? '' : ' class="num"');
  const head = columns.map((name, at) => `<th scope="col"${kind(at)}>${escaped(name)}</th>`);
  const body = rows.map((row) => {
    const cells = row.map((value, at) =>
      at === 0 ? `<th scope="row">${escaped(value)}</th>` : `<td${kind(at)}>${escaped(value)}</td>`,
    );
    return `<tr>${cells.join('')}</tr>`;
  });
  return framed(
    caption,
    `<table${rows.length <= MOST_TOGETHER ? ' class="short"' : ''}>\n<caption>${escaped(caption)}</caption>\n<thead><tr>${head.join('')}</tr></thead>\n<tbody>\n${body.join('\n')}\n</tbody>\n</table>`,
  );
}

/** Scrolls within itself where it is wider than the window, by keyboard too. */
export function framed(label: string, content: string): Html {
  return html(
    `<div class="wide" tabindex="0" role="region" aria-label="${escaped(label)}">\n${content}\n</div>`,
  );
}

/** Names with what they are. null without any. */
export function definitions(lines: readonly (readonly [string, Content])[]): Html | null {
  if (lines.length === 0) return null;
  const items = lines.map(
    ([name, value]) => `<div><dt>${escaped(name)}</dt><dd>${escaped(value)}</dd></div>`,
  );
  return html(`<dl>\n${items.join('\n')}\n</dl>`);
}

/** null without any. */
export function list(items: readonly Content[]): Html | null {
  if (items.length === 0) return null;
  return html(`<ul>\n${items.map((item) => `<li>${escaped(item)}</li>`).join('\n')}\n</ul>`);
}

export function count(value: number): string {
  return whole.format(value);
}

/** A share in [0, 1]. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(1)}${NBSP}%`;
}

/** An en dash where it is not defined. */
export function score(value: number | null | undefined): string {
  return value === null || value === undefined || Number.isNaN(value) ? '–' : value.toFixed(3);
}

export function range([low, high]: readonly [number, number]): string {
  return `${low.toFixed(3)} to ${high.toFixed(3)}`;
}
