/** Whether a table's first row names its columns, with the reason. */

export interface HeaderFinding {
  readonly hasHeader: boolean;
  /** One plain sentence. */
  readonly reason: string;
}

const NUMBER = /^[+-]?(\d+([.,]\d+)*|[.,]\d+)([eE][+-]?\d+)?%?$/;

/** Column names as people and data sets write them, lower case, in several languages. */
export const TEXT_NAMES: ReadonlySet<string> = new Set(
  (
    'text texts sentence sentence1 message messages msg comment comments comment_text review reviews ' +
    'review_text reviewtext content body document description question questions query utterance tweet ' +
    'post input premise prompt title headline abstract passage feedback eng verbatim response answer ' +
    'texte phrase commentaire texto mensaje comentario frase nachricht satz kommentar testo ' +
    'messaggio mensagem tekst bericht metin текст сообщение отзыв 文本 内容 评论 句子 本文 テキスト 文章 ' +
    '텍스트 문장 내용 نص النص متن पाठ טקסט κείμενο ข้อความ'
  ).split(' '),
);
export const LABEL_NAMES: ReadonlySet<string> = new Set(
  (
    'label labels class classes category categories target topic topics intent subject sentiment tag ' +
    'genre type emotion y gold stars rating score polarity coarse coarse_label label_coarse acceptable ' +
    'spam toxic department queue étiquette etiquette categorie catégorie classe sujet etiqueta categoria ' +
    'categoría clase tema kategorie klasse thema etichetta rótulo etiket kategori klass метка класс ' +
    'категория тема 标签 类别 分类 ラベル カテゴリ 分類 라벨 레이블 카테고리 تصنيف برچسب लेबल श्रेणी תווית ' +
    'ετικέτα κατηγορία ป้ายกำกับ'
  ).split(' '),
);
const OTHER_NAMES: ReadonlySet<string> = new Set(
  (
    'id idx index uid uuid guid key date datetime time timestamp created author user username name source ' +
    'origin dataset split fold lang language url link email hypothesis sentence2 fine no nr number row'
  ).split(' '),
);

export function normalName(name: string): string {
  return name
    .trim()
    .toLowerCase()
    .normalize('NFC')
    .replace(/[\s-]+/g, '_');
}

function isKnown(name: string): boolean {
  const key = normalName(name);
  return TEXT_NAMES.has(key) || LABEL_NAMES.has(key) || OTHER_NAMES.has(key);
}

/** A plain number, as spreadsheets write them. */
export function isNumber(cell: string): boolean {
  return NUMBER.test(cell.trim());
}

/**
 * @param rows the first rows of the file, empty lines left out; the first is the one in question.
 */
export function findHeader(rows: readonly (readonly string[])[]): HeaderFinding {
  const first = rows[0] ?? [];
  const rest = rows.slice(1);
  const filled = first.filter((cell) => cell.trim() !== '');
  const known = filled.find(isKnown);
  if (filled.length === 0) {
    return {
      hasHeader: rest.length > 0,
      reason: 'The first row is blank, so no column has a name.',
    };
  }
  if (filled.some(isNumber)) {
    return { hasHeader: false, reason: 'The first row holds a number, so it is a row of data.' };
  }
  if (filled.some((cell) => cell.length > 100)) {
    return { hasHeader: false, reason: 'The first row holds a long text, so it is a row of data.' };
  }
  // A value that comes again where values repeat is data, even when it is a word such as `spam`.
  for (let column = 0; column < first.length; column++) {
    const cell = first[column] ?? '';
    if (cell.trim() === '') continue;
    const below = rest.map((row) => row[column] ?? '').filter((other) => other !== '');
    const distinct = new Set(below);
    if (distinct.has(cell) && distinct.size < below.length) {
      return {
        hasHeader: false,
        reason: `“${cell.trim()}” of the first row comes again further down.`,
      };
    }
  }
  if (new Set(filled).size === filled.length) {
    if (known !== undefined) {
      return { hasHeader: true, reason: `The first row names a column “${known.trim()}”.` };
    }
    for (let column = 0; column < first.length; column++) {
      const cell = first[column] ?? '';
      if (cell.trim() === '') continue;
      const below = rest.map((row) => row[column] ?? '').filter((other) => other !== '');
      if (below.length === 0) continue;
      if (below.every(isNumber)) {
        return { hasHeader: true, reason: `Below “${cell.trim()}” there are only numbers.` };
      }
      const distinct = new Set(below);
      if (distinct.size <= below.length / 2) {
        return {
          hasHeader: true,
          reason: `“${cell.trim()}” of the first row never comes again, where other values repeat.`,
        };
      }
    }
    const meanBelow = mean(rest.flatMap((row) => row.map((cell) => cell.length)));
    const meanFirst = mean(first.map((cell) => cell.length));
    if (rest.length > 0 && meanBelow > 3 * meanFirst && first.every((cell) => cell.length <= 40)) {
      return {
        hasHeader: true,
        reason: 'The cells of the first row are much shorter than the others.',
      };
    }
  }
  return { hasHeader: false, reason: 'The first row looks like the others.' };
}

/** Column names as they are shown: never empty, never twice the same. */
export function columnNames(header: readonly string[] | null, width: number): string[] {
  const taken = new Set<string>();
  // Names as written go first, so that a made-up name never takes one away.
  for (const cell of header ?? []) taken.add(cell.trim());
  const used = new Set<string>();
  return Array.from({ length: width }, (_, index) => {
    const written = header?.[index]?.trim() ?? '';
    const wanted = written === '' ? `column ${index + 1}` : written;
    let name = wanted;
    for (let n = 2; used.has(name) || (name !== written && taken.has(name)); n++) {
      name = `${wanted} ${n}`;
    }
    used.add(name);
    return name;
  });
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, value) => sum + value, 0) / Math.max(1, numbers.length);
}
