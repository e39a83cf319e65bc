/** What the HTML file holds beside its page: read out of its elements, and let go of, for they are large. */
import { HeadlightError } from '../../base';
import { BLOCK_ATTRIBUTE, type StandaloneContent, type StandaloneFacts } from '../../engine';

/** @throws HeadlightError `bad-file` when the file was cut off, or is the template without a classifier. */
export function readFacts(): StandaloneFacts {
  const text = document.getElementById('headlight-facts')?.textContent ?? '';
  try {
    return JSON.parse(text) as StandaloneFacts;
  } catch (cause) {
    throw new HeadlightError('bad-file', 'This page holds no classifier.', {
      hint: 'Get the file again from whoever made it; it may have been cut off on its way.',
      cause,
    });
  }
}

export function takeContent({ columns }: StandaloneFacts): StandaloneContent {
  const blocks = new Map<string, string[]>();
  for (const element of document.querySelectorAll(`script[${BLOCK_ATTRIBUTE}]`)) {
    const name = element.getAttribute(BLOCK_ATTRIBUTE) ?? '';
    blocks.set(name, [...(blocks.get(name) ?? []), element.textContent]);
    element.remove();
  }
  return { kind: 'headlight.open', blocks: [...blocks], columns };
}

/**
 * The worker that computes, from its script in the page: a file cannot start one from another file.
 * @throws HeadlightError `device` when this browser starts none.
 */
export function startWorker(): Worker {
  const script = document.getElementById('headlight-worker')?.textContent ?? '';
  const address = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));
  try {
    return new Worker(address, { name: 'classifier' });
  } catch (cause) {
    throw new HeadlightError('device', 'This browser does not let a file compute.', {
      hint: 'Open it in a current Chrome, Edge or Firefox.',
      cause,
    });
  }
}
