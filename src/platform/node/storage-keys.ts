/**
 * Storage keys as file paths and back. Any text is a key; its path stays inside the area, is the same on
 * case-insensitive disks, and fits the limits of file names everywhere.
 *
 * `a/B c` becomes `a+/!b%20c`: a folder ends in `+`, so that a key can also be the beginning of another; a
 * capital is `!` and the small letter; a name that is too long goes on in a folder that ends in `~`.
 */

/** Bytes; limits are 255, and a temporary suffix must fit as well. */
const LONGEST_NAME = 180;
const EMPTY = '%';
/** Names that Windows keeps for devices. */
const RESERVED = /^(con|prn|aux|nul|com\d|lpt\d)(?=\.|$)/;

/** Path segments, the last one the file's name. */
export function keyToPath(key: string): string[] {
  const segments = key.split('/');
  const path: string[] = [];
  segments.forEach((segment, index) => {
    const isFile = index === segments.length - 1;
    let rest = encodeSegment(segment);
    while (rest.length > LONGEST_NAME) {
      // Never inside an escape: `%20` and `!a` stay whole.
      let cut = LONGEST_NAME;
      for (let back = 1; back <= 2; back++) if (rest[LONGEST_NAME - back] === '%') cut -= back;
      if (rest[cut - 1] === '!') cut -= 1;
      path.push(`${rest.slice(0, cut)}~`);
      rest = rest.slice(cut);
    }
    path.push(isFile ? rest : `${rest}+`);
  });
  return path;
}

/** @returns null for a path that no key makes: something else lies in the folder. */
export function pathToKey(path: readonly string[]): string | null {
  let encoded = '';
  const segments: string[] = [];
  for (const [index, name] of path.entries()) {
    if (index === path.length - 1) segments.push(encoded + name);
    else if (name.endsWith('~')) encoded += name.slice(0, -1);
    else if (name.endsWith('+')) {
      segments.push(encoded + name.slice(0, -1));
      encoded = '';
    } else return null;
  }
  try {
    const key = segments.map(decodeSegment).join('/');
    return keyToPath(key).join('/') === path.join('/') ? key : null;
  } catch {
    return null; // a malformed escape
  }
}

function encodeSegment(segment: string): string {
  if (segment === '') return EMPTY;
  return Array.from(segment)
    .map((char) => {
      if (/^[a-z0-9_.-]$/.test(char)) return char;
      if (/^[A-Z]$/.test(char)) return `!${char.toLowerCase()}`;
      return escapeBytes(char);
    })
    .join('')
    .replace(/^\./, '%2E')
    .replace(/\.$/, '%2E')
    .replace(
      RESERVED,
      (name) => `%${name.charCodeAt(0).toString(16).toUpperCase()}${name.slice(1)}`,
    );
}

const encoder = new TextEncoder();

function escapeBytes(char: string): string {
  return [...encoder.encode(char)]
    .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
    .join('');
}

function decodeSegment(name: string): string {
  if (name === EMPTY) return '';
  return decodeURIComponent(name.replace(/!([a-z])/g, (_, letter: string) => letter.toUpperCase()));
}
