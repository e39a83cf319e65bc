/**
 * Models that a person brings: a folder, a zip or picked files of this device, a folder on the web; and the token for
 * those of the Hub that are not open to all.
 */
import { HeadlightError, toHeadlightError } from '../../base';
import { folderAddress, type EncoderEntry, type Engine, type TokenKept } from '../../engine';
import type { Precision } from '../../models';
import { isZip, type PickedFolder } from './files';
import { recall, remember } from './memory';
import { Work } from './work.svelte';

/** The address that the page was reloaded for. */
const WANTED = 'headlight.folder';
const PICKED = 'picked files';
const TABLE = /\.(?:csv|tsv|jsonl|parquet|xlsx|conll)$/i;

export class Bring {
  readonly #engine: Engine;
  readonly #take: (entry: EncoderEntry) => Promise<unknown>;
  #gathered = $state.raw<readonly File[]>([]);
  #address = $state.raw('');
  #returned = $state.raw(false);
  #tokenKept = $state.raw<TokenKept | null>(null);
  #token = $state.raw('');
  /** What comes from this device. */
  readonly files = new Work();
  /** What comes from a web folder. */
  readonly folder = new Work();
  readonly tokens = new Work();

  /** @param take has an added encoder listed and chosen. */
  constructor(engine: Engine, take: (entry: EncoderEntry) => Promise<unknown>) {
    this.#engine = engine;
    this.#take = take;
  }

  get running(): boolean {
    return this.files.running || this.folder.running;
  }
  /** Files that were picked and are no whole model yet. */
  get gathered(): readonly File[] {
    return this.#gathered;
  }
  get address(): string {
    return this.#address;
  }
  set address(value: string) {
    this.#address = value;
    this.folder.dismiss();
  }
  /** Whether the page was reloaded to reach the address. */
  get returned(): boolean {
    return this.#returned;
  }
  /** Whether a token is set for the model host, and how long it stays; null: none. */
  get tokenKept(): TokenKept | null {
    return this.#tokenKept;
  }
  /** As it is typed; empty as soon as it is handed over. */
  get token(): string {
    return this.#token;
  }
  set token(value: string) {
    this.#token = value;
  }

  /** What was dropped or picked without a folder: a zip, or files that add to those picked before. */
  async pick(files: readonly File[], precision: Precision): Promise<void> {
    const [first] = files;
    if (files.length === 1 && first !== undefined && isZip(first.name)) {
      const file = { name: first.name, blob: first };
      await this.#add(this.files, 'Reading the zip', (signal) =>
        this.#engine.addZipEncoder(file, precision, signal),
      );
      return;
    }
    const zip = files.find((file) => isZip(file.name));
    if (zip !== undefined) {
      await this.files.attempt(() =>
        Promise.reject(
          new HeadlightError('bad-file', `${zip.name} is a zip among other files.`, {
            hint: 'Choose the zip by itself, or the files of one model without it.',
          }),
        ),
      );
      return;
    }
    const others = this.#gathered;
    const before = others.filter(({ name }) => !files.some((file) => file.name === name));
    this.#gathered = [...before, ...files];
    const all = this.#gathered.map((file) => ({ path: file.name, file }));
    if (await this.addFolder({ name: PICKED, files: all }, precision)) this.#gathered = [];
    // A table belongs to no model: it is not added to what is chosen next.
    else if (files.every(({ name }) => TABLE.test(name))) this.#gathered = others;
  }

  /** Forgets the files that were picked. */
  startOver(): void {
    this.#gathered = [];
    this.files.dismiss();
  }

  async addFolder(folder: PickedFolder, precision: Precision): Promise<boolean> {
    // Which of them belong to the model is the engine's to say; nothing is read before.
    const files = folder.files.map(({ path, file }) => ({ name: path, blob: file }));
    return this.#add(this.files, 'Reading the encoder', (signal) =>
      this.#engine.addFolderEncoder(folder.name, files, precision, signal),
    );
  }

  /** The address as it names the folder; null: none is typed. @throws HeadlightError `bad-setting`. */
  checked(): string | null {
    return this.#address.trim() === '' ? null : folderAddress(this.#address);
  }

  /** What is wrong with the address; null while nothing is. */
  get problem(): HeadlightError | null {
    try {
      this.checked();
      return null;
    } catch (error) {
      return toHeadlightError(error);
    }
  }

  async addHost(precision: Precision): Promise<void> {
    const address = this.#address;
    const added = await this.#add(this.folder, 'Downloading the encoder', (signal) =>
      this.#engine.addHostEncoder(address, precision, signal),
    );
    if (added) this.#address = '';
  }

  /** Before the page is reloaded to reach the address. */
  rememberAddress(): void {
    remember(WANTED, this.#address);
  }

  recallAddress(): void {
    const address = recall(WANTED);
    if (address === null) return;
    remember(WANTED, null);
    this.#address = address;
    this.#returned = true;
  }

  async readToken(): Promise<void> {
    const kept = await this.tokens.attempt(() => this.#engine.hasHubToken());
    if (this.tokens.error === null) this.#tokenKept = kept;
  }

  async setToken(keep: TokenKept): Promise<void> {
    const token = this.#token;
    this.#token = '';
    await this.#tell(() => this.#engine.setHubToken(token, keep));
  }

  async removeToken(): Promise<void> {
    await this.#tell(() => this.#engine.setHubToken(null));
  }

  async #tell(call: () => Promise<void>): Promise<void> {
    await this.tokens.attempt(call);
    if (this.tokens.error === null) await this.readToken();
  }

  async #add(
    work: Work,
    title: string,
    start: Parameters<typeof work.run<EncoderEntry>>[1],
  ): Promise<boolean> {
    const entry = await work.run(title, start);
    if (entry === null) return false;
    await this.#take(entry);
    return true;
  }
}
