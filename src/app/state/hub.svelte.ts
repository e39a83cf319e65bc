/**
 * Uploading a run's model to the Hub: the one thing that sends something of the person's away, and only when
 * asked. The token goes from the field to the engine and is forgotten when the upload ends, however it ends; left
 * empty, the one that is set for downloads is used.
 */
import type { Engine } from '../../engine';
import { Work } from './work.svelte';

/** `owner/name`, as the Hub allows it. */
const REPOSITORY = /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9_][\w.-]{0,95}$/;

export class Hub {
  readonly #engine: Engine;
  readonly #project: string;
  #url = $state.raw<string | null>(null);
  #repository = $state.raw('');
  #token = $state.raw('');
  #private = $state.raw(true);
  #tokenIsSet = $state.raw(false);
  readonly work = new Work();

  constructor(engine: Engine, project: string) {
    this.#engine = engine;
    this.#project = project;
  }

  get repository(): string {
    return this.#repository;
  }
  set repository(value: string) {
    this.#repository = value;
  }
  /** Empty again as soon as an upload has ended. */
  get token(): string {
    return this.#token;
  }
  set token(value: string) {
    this.#token = value;
  }
  get private(): boolean {
    return this.#private;
  }
  set private(value: boolean) {
    this.#private = value;
  }
  /** Whether one is set for the model host: then an upload needs none of its own. */
  get tokenIsSet(): boolean {
    return this.#tokenIsSet;
  }
  async findToken(): Promise<void> {
    const found = await this.work.attempt(() => this.#engine.hasHubToken());
    this.#tokenIsSet = found !== null;
  }
  /** Where it now lies; null before. */
  get url(): string | null {
    return this.#url;
  }
  /** What is wrong with the repository's name; null while it is empty or can be one. */
  get problem(): string | null {
    const name = this.#repository.trim();
    if (name === '' || REPOSITORY.test(name)) return null;
    return 'Give it as owner/name: your name on the Hub, a slash, then letters, digits, “-”, “_” and “.”.';
  }
  get ready(): boolean {
    const hasToken = this.#tokenIsSet || this.#token.trim() !== '';
    return this.#repository.trim() !== '' && this.problem === null && hasToken;
  }

  async push(run: string): Promise<void> {
    if (!this.ready) return;
    const upload = {
      repository: this.#repository.trim(),
      token: this.#token.trim() === '' ? null : this.#token.trim(),
      private: this.#private,
    };
    this.#url = null;
    const done = await this.work.run('Uploading the model', (signal) =>
      this.#engine.pushToHub(this.#project, run, upload, signal),
    );
    this.#token = '';
    if (done !== null) this.#url = done.url;
  }

  /** Another run is shown. */
  reset(): void {
    this.work.stop();
    this.work.dismiss();
    this.#url = null;
    this.#token = '';
  }
}
