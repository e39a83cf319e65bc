/** What a host's answer says of a file: which part comes, of how much, and whether it goes on with what is kept. */

export interface ContentRange {
  readonly start: number;
  /** The last byte, not the one after it. */
  readonly end: number;
  /** null: the host does not say (`*`). */
  readonly total: number | null;
}

/** @returns null when it is absent; `bad` when it is not what a part of a file is answered with. */
export function contentRange(headers: Headers): ContentRange | 'bad' | null {
  const text = headers.get('content-range');
  if (text === null) return null;
  const found = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/.exec(text.trim());
  if (found === null) return 'bad';
  const [start, end] = [Number(found[1]), Number(found[2])];
  const total = found[3] === '*' ? null : Number(found[3]);
  return end < start || (total !== null && end >= total) ? 'bad' : { start, end, total };
}

/** Of an answer 416: how long the file is. */
export function unsatisfiedTotal(headers: Headers): number | null {
  const found = /^bytes \*\/(\d{1,15})$/.exec(headers.get('content-range') ?? '');
  return found === null ? null : Number(found[1]);
}

/**
 * The ETag with the origin that gave it: the storage behind a model host is several hosts, which need not call one
 * content the same.
 */
export function taggedOrigin(response: Response, url: string): string | null {
  const { headers } = response;
  const tag = (headers.get('x-linked-etag') ?? headers.get('etag'))?.replace(/^W\//, '');
  if (tag === undefined || tag === '') return null;
  return `${originOf(response, url)} ${tag}`;
}

/** Whether both are of one origin and differ. */
export function isOtherTag(kept: string | null, now: string | null): boolean {
  if (kept === null || now === null || kept === now) return false;
  const [before, after] = [kept, now].map((tag) => tag.slice(0, Math.max(0, tag.indexOf(' '))));
  return before === after;
}

/** Where the answer came from after redirects. */
function originOf(response: Response, url: string): string {
  return new URL(response.url === '' ? url : response.url).origin;
}

/** A bad moment of the host, or an address of its storage that has expired: asking again may help. */
export function isPassing(response: Response, url: string): boolean {
  const { status } = response;
  if ([408, 425, 429, 500, 502, 503, 504].includes(status)) return true;
  return originOf(response, url) !== new URL(url).origin && [401, 403, 404, 410].includes(status);
}

/** Milliseconds that the host asks to wait, at most half a minute. */
export function retryAfter(headers: Headers): number {
  const seconds = Number(headers.get('retry-after') ?? 0);
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 30) * 1000 : 0;
}
