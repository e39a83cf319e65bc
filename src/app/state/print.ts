/** On paper nothing can be unfolded: what is folded in the report opens for the printer, and folds again after. */

/** @param place the part of the page whose folds are opened. @returns undoes it. */
export function unfoldForPrint(place: () => Element | null): () => void {
  let opened: HTMLDetailsElement[] = [];
  const before = (): void => {
    opened = [...(place()?.querySelectorAll<HTMLDetailsElement>('details:not([open])') ?? [])];
    for (const details of opened) details.open = true;
  };
  const after = (): void => {
    for (const details of opened) details.open = false;
    opened = [];
  };
  window.addEventListener('beforeprint', before);
  window.addEventListener('afterprint', after);
  return () => {
    window.removeEventListener('beforeprint', before);
    window.removeEventListener('afterprint', after);
  };
}
