/** The colour scheme: the system's, or the one the person chose. Remembered on this device. */
import { recall, remember } from './memory';

export type Scheme = 'system' | 'light' | 'dark';

const KEY = 'headlight.scheme';

export class Theme {
  #scheme = $state.raw<Scheme>('system');
  readonly #apply: (scheme: Scheme) => void;

  /** @param apply puts the scheme on the page. */
  constructor(apply: (scheme: Scheme) => void) {
    this.#apply = apply;
    const kept = recall(KEY);
    if (kept === 'light' || kept === 'dark') this.#scheme = kept;
    apply(this.#scheme);
  }

  get scheme(): Scheme {
    return this.#scheme;
  }

  choose(scheme: Scheme): void {
    this.#scheme = scheme;
    remember(KEY, scheme === 'system' ? null : scheme);
    this.#apply(scheme);
  }
}
