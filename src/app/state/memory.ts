/**
 * Small things the page remembers between visits (colour scheme, last project). Everything works without:
 * a browser that forbids storage only forgets them.
 */

function store(): Storage | null {
  try {
    return typeof localStorage === 'undefined' ? null : localStorage;
  } catch {
    return null; // reading the property throws where site data is blocked
  }
}

export function recall(key: string): string | null {
  return store()?.getItem(key) ?? null;
}

/** @param value null forgets it. */
export function remember(key: string, value: string | null): void {
  try {
    if (value === null) store()?.removeItem(key);
    else store()?.setItem(key, value);
  } catch {
    // Full or forbidden: the page then starts with its defaults next time.
  }
}

/** Forgets all of Headlight's small things. */
export function forgetMemory(): void {
  const kept = store();
  if (kept === null) return;
  for (const key of Object.keys(kept)) if (key.startsWith('headlight.')) kept.removeItem(key);
}
