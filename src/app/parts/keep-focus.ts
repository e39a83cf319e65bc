/**
 * Keeps the keyboard where it is while what it has changed is worked on: a field that is locked loses focus, and
 * has it back as soon as it is open again; where the field is gone by then, the section that it stood in has it.
 */
import type { Attachment } from 'svelte/attachments';

type Lockable = HTMLElement & { readonly disabled?: boolean };

/** For the part of the page whose fields are locked together. */
export const keepsFocus: Attachment<HTMLElement> = (part) => {
  let last: Lockable | null = null;
  /** Those it stands in, the nearest first. */
  let sections: readonly HTMLElement[] = [];

  function remember({ target }: FocusEvent): void {
    last = target instanceof HTMLElement ? target : null;
    sections = sectionsAround(last);
  }
  // Left on purpose, unless it is locked or taken away: that is known only after this event.
  function forget({ target }: FocusEvent): void {
    queueMicrotask(() => {
      if (target === last && last?.isConnected === true && last.disabled !== true) last = null;
    });
  }
  function giveUp(): void {
    last = null;
  }
  function restore(): void {
    if (last === null || (last.isConnected && last.disabled === true)) return;
    if (document.activeElement !== null && document.activeElement !== document.body) return;
    if (last.isConnected) last.focus({ preventScroll: true });
    else {
      const section = sections.find((one) => one.isConnected);
      if (section === undefined) return;
      section.tabIndex = -1;
      section.focus({ preventScroll: true });
    }
  }

  const watch = new MutationObserver(restore);
  watch.observe(part, { subtree: true, childList: true, attributeFilter: ['disabled'] });
  part.addEventListener('focusin', remember);
  part.addEventListener('focusout', forget);
  document.addEventListener('pointerdown', giveUp, { capture: true });
  return () => {
    watch.disconnect();
    part.removeEventListener('focusin', remember);
    part.removeEventListener('focusout', forget);
    document.removeEventListener('pointerdown', giveUp, { capture: true });
  };
};

function sectionsAround(field: HTMLElement | null): HTMLElement[] {
  const around: HTMLElement[] = [];
  let at = field?.closest('section') ?? null;
  while (at !== null) {
    around.push(at);
    at = at.parentElement?.closest('section') ?? null;
  }
  return around;
}
