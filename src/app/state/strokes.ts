/** What a key means while texts are labelled: one stroke, one label. The same everywhere. */

export type Stroke =
  | { readonly kind: 'accept' }
  /** The class of this place. */
  | { readonly kind: 'class'; readonly at: number }
  | { readonly kind: 'search' }
  | { readonly kind: 'skip' }
  | { readonly kind: 'undo' }
  | { readonly kind: 'next' }
  | { readonly kind: 'previous' }
  | { readonly kind: 'first' }
  | { readonly kind: 'last' };

type Key = Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey'>;

const KEYS: Readonly<Record<string, Stroke>> = {
  Enter: { kind: 'accept' },
  '/': { kind: 'search' },
  c: { kind: 'search' },
  s: { kind: 'skip' },
  u: { kind: 'undo' },
  j: { kind: 'next' },
  ArrowDown: { kind: 'next' },
  k: { kind: 'previous' },
  ArrowUp: { kind: 'previous' },
  Home: { kind: 'first' },
  End: { kind: 'last' },
};

/** Classes that have a key: 1 to 9. */
export const KEYED_CLASSES = 9;

/** @param classes how many there are. @returns null for a key that means nothing here. */
export function strokeOf({ key, ctrlKey, metaKey, altKey }: Key, classes: number): Stroke | null {
  if ((ctrlKey || metaKey) && !altKey && key.toLowerCase() === 'z') return { kind: 'undo' };
  if (ctrlKey || metaKey || altKey) return null;
  if (/^[1-9]$/.test(key)) {
    const at = Number(key) - 1;
    return at < classes ? { kind: 'class', at } : null;
  }
  return KEYS[key.length === 1 ? key.toLowerCase() : key] ?? null;
}

/** Classes by what was typed: those that begin so first, then those that hold it. */
export function soughtClasses(classes: readonly string[], typed: string): readonly string[] {
  const wanted = typed.trim().toLowerCase();
  if (wanted === '') return classes;
  const begins = classes.filter((name) => name.toLowerCase().startsWith(wanted));
  const holds = classes.filter(
    (name) => !begins.includes(name) && name.toLowerCase().includes(wanted),
  );
  return [...begins, ...holds];
}
