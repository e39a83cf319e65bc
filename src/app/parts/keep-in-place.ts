/** Keeps an element where it is on the screen while something above it changes height. */
import { tick } from 'svelte';

export async function keepInPlace(element: Element | null, change: () => void): Promise<void> {
  const before = element?.getBoundingClientRect().top ?? null;
  change();
  await tick();
  if (before === null || element === null) return;
  const moved = element.getBoundingClientRect().top - before;
  if (moved !== 0) window.scrollBy({ top: moved, behavior: 'instant' });
}
