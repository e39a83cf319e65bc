/** The map of a run's texts: drawn when it is asked for; what of it is shown, and which text is pointed at. */
import { DEFAULT_TEXT_MAP, type Engine, type TextMap } from '../../engine';
import { Work } from './work.svelte';

/** By what the points are told apart. */
export type MapColour = 'class' | 'error';
export type MapPart = 'all' | 'train' | 'test';

const PART_OF: Readonly<Record<Exclude<MapPart, 'all'>, number>> = { train: 0, test: 2 };

export class MapView {
  readonly #engine: Engine;
  readonly #project: string;
  readonly run: string;
  #map = $state.raw<TextMap | null>(null);
  #at = $state.raw<number | null>(null);
  #pinned = $state.raw(false);
  #picked = $state.raw(0);
  #colour = $state.raw<MapColour>('class');
  #part = $state.raw<MapPart>('all');
  #front = $state.raw<number | null>(null);
  #offset = $state.raw(0);
  #picks = 0;
  readonly work = new Work();

  constructor(engine: Engine, project: string, run: string) {
    this.#engine = engine;
    this.#project = project;
    this.run = run;
  }

  get map(): TextMap | null {
    return this.#map;
  }
  /** The text that is pointed at, by its place in the map's lists; null when none is. */
  get at(): number | null {
    return this.#at;
  }
  /** Whether it stays when the pointer moves on. */
  get pinned(): boolean {
    return this.#pinned;
  }
  /** Above 0 when the pinned text was picked to be mended; another number for each time. */
  get picked(): number {
    return this.#picked;
  }
  get colour(): MapColour {
    return this.#colour;
  }
  get part(): MapPart {
    return this.#part;
  }
  /** The class that stands out; null: all alike. */
  get front(): number | null {
    return this.#front;
  }
  /** Of the table's page. */
  get offset(): number {
    return this.#offset;
  }
  /** What is shown: places in the map's lists, wrong ones first. */
  get shown(): readonly number[] {
    return this.#shown;
  }
  readonly #shown = $derived.by(() => {
    const map = this.#map;
    if (map === null) return [];
    const places = [...map.part.keys()].filter(
      (at) =>
        (this.#part === 'all' || map.part[at] === PART_OF[this.#part]) &&
        (this.#front === null || (map.actual[at]?.includes(this.#front) ?? false)),
    );
    const isWrong = (at: number): number => map.isWrong[at] ?? 0;
    const sure = (at: number): number => map.probability[at] ?? 0;
    return places.sort((a, b) => isWrong(b) - isWrong(a) || sure(b) - sure(a) || a - b);
  });

  async open(): Promise<void> {
    if (this.#map !== null || this.work.running) return;
    const map = await this.work.run('Map of the texts', (signal) =>
      this.#engine.textMap(this.#project, this.run, DEFAULT_TEXT_MAP, signal),
    );
    if (map !== null) this.#map = map;
  }

  point(at: number | null): void {
    if (!this.#pinned) this.#at = at;
  }
  /** null lets go. */
  pin(at: number | null): void {
    this.#at = at;
    this.#pinned = at !== null;
    this.#picked = 0;
  }
  /** Pins it, to be mended. */
  pick(at: number): void {
    this.pin(at);
    this.#picked = ++this.#picks;
  }
  colourBy(colour: MapColour): void {
    this.#colour = colour;
  }
  showPart(part: MapPart): void {
    this.#part = part;
    this.#offset = 0;
    this.pin(null);
  }
  bringForward(label: number | null): void {
    this.#front = label;
    this.#offset = 0;
  }
  turn(offset: number): void {
    this.#offset = offset;
  }
}
