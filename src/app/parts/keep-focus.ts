/** Keeps the keyboard where it is while what it has changed is worked on: a field that is locked loses focus. */
import { tick } from 'svelte';

export async function keepFocus(change: () => Promise<unknown>): Promise<void> {
  const before = document.activeElement;
  await change();
  await tick();
  const isLost = document.activeElement === null || document.activeElement === document.body;
  if (isLost && before instanceof HTMLElement && before.isConnected)
    before.focus({ preventScroll: true });
}
