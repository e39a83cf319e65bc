/** Numbers and times as people read them. Space before units is a no-break space. */

const NBSP = '\u00a0';
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });

/** `12,345`. */
export function count(value: number): string {
  return whole.format(value);
}

/** `1 row`, `12,345 rows`. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** A number of weights: `22.7 M`, `1.3 B`. */
export function millions(value: number): string {
  if (value >= 999.5e6) return `${(value / 1e9).toFixed(1)}${NBSP}B`;
  return `${(value / 1e6).toFixed(value < 99.95e6 ? 1 : 0)}${NBSP}M`;
}

/** A share in [0, 1] as `83.1 %`. */
export function percent(share: number, digits = 1): string {
  return `${(share * 100).toFixed(digits)}${NBSP}%`;
}

/** Shares in [0, 1] as `80.9–85.1 %`. */
export function interval([low, high]: readonly [number, number], digits = 1): string {
  return `${(low * 100).toFixed(digits)}–${(high * 100).toFixed(digits)}${NBSP}%`;
}

/** `0.831`; an en dash where it is not defined. */
export function score(value: number | null, digits = 3): string {
  return value === null || Number.isNaN(value) ? '–' : value.toFixed(digits);
}

/** Decimal units, as file managers show them: `23 MB`. */
export function bytes(value: number): string {
  if (value < 1000) return `${value}${NBSP}B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let amount = value / 1000;
  let unit = 0;
  while (amount >= 999.5 && unit < units.length - 1) {
    amount /= 1000;
    unit++;
  }
  return `${amount < 10 ? amount.toFixed(1) : whole.format(amount)}${NBSP}${units[unit] ?? ''}`;
}

/** Seconds as `0.8 s`, `42 s`, `3 min 20 s`, `1 h 5 min`. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)}${NBSP}s`;
  const rounded = Math.round(seconds);
  if (rounded < 60) return `${rounded}${NBSP}s`;
  const minutes = Math.floor(rounded / 60);
  if (minutes < 60) {
    const rest = rounded % 60;
    return rest === 0 ? `${minutes}${NBSP}min` : `${minutes}${NBSP}min ${rest}${NBSP}s`;
  }
  return `${Math.floor(minutes / 60)}${NBSP}h ${minutes % 60}${NBSP}min`;
}

/** Time left, coarse so that it does not flicker: `about 20 s left`. */
export function timeLeft(seconds: number): string {
  if (seconds < 1.5) return 'almost done';
  if (seconds < 10) return `about ${Math.ceil(seconds)}${NBSP}s left`;
  if (seconds < 90) return `about ${Math.round(seconds / 5) * 5}${NBSP}s left`;
  if (seconds < 5400) return `about ${Math.round(seconds / 60)}${NBSP}min left`;
  return `about ${(seconds / 3600).toFixed(1)}${NBSP}h left`;
}

/** `412`, `3.21`: three significant digits. */
export function figure(value: number): string {
  return value >= 1000 ? whole.format(value) : compact.format(value);
}

/** Milliseconds since the epoch as `21 Nov, 02:43` (with the year when it is another one). */
export function moment(time: number, now: number = Date.now()): string {
  if (time <= 0) return 'never';
  const date = new Date(time);
  const sameYear = date.getFullYear() === new Date(now).getFullYear();
  return new Intl.DateTimeFormat('en-GB', {
    day: 'numeric',
    month: 'short',
    ...(sameYear ? {} : { year: 'numeric' }),
    hour: '2-digit',
    minute: '2-digit',
  }).format(date);
}

export const DELIMITER_NAMES = {
  ',': 'comma',
  '\t': 'tab',
  ';': 'semicolon',
  '|': 'vertical bar',
} as const;

export const ENCODING_NAMES = {
  'utf-8': 'UTF-8',
  'utf-16le': 'UTF-16 LE',
  'utf-16be': 'UTF-16 BE',
  'windows-1252': 'Windows-1252',
} as const;

export const FORMAT_NAMES = {
  table: 'a table of delimited text',
  json: 'JSON',
  jsonl: 'JSON Lines',
  parquet: 'Parquet',
  xlsx: 'an Excel workbook',
  lines: 'plain text, a row a line',
  fasttext: 'fastText',
  conll: 'a word and its label a line (CoNLL)',
} as const;
