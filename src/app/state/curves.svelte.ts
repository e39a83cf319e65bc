/**
 * The curves of a training while it runs. Points come with every step; they are shown a few times a second,
 * so that a fast training does not keep the page busy drawing.
 */
import type { CurvePoint, TrainingProgress } from '../../base';

/** Milliseconds between two drawings. */
const PACE = 400;

export class Curves {
  #points: CurvePoint[] = [];
  #shown = $state.raw<readonly CurvePoint[]>([]);
  #live = $state.raw<TrainingProgress | null>(null);
  #latest: TrainingProgress | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Oldest first. */
  get points(): readonly CurvePoint[] {
    return this.#shown;
  }
  /** The last event, without its points; null before the first. */
  get live(): TrainingProgress | null {
    return this.#live;
  }

  /** Begins anew, from what an earlier part of the same training has shown. */
  start(history: readonly CurvePoint[] = []): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#points = [...history];
    this.#shown = history;
    this.#latest = null;
    this.#live = null;
  }

  add(event: TrainingProgress): void {
    this.#latest = event;
    for (const point of event.points) {
      // After a resume some steps are done again: theirs are the points that count.
      while ((this.#points.at(-1)?.step ?? -1) >= point.step) this.#points.pop();
      this.#points.push(point);
    }
    this.#timer ??= setTimeout(() => this.flush(), this.#live === null ? 0 : PACE);
  }

  /** Shows all that has come in. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#shown.length !== this.#points.length || this.#latest !== null) {
      this.#shown = [...this.#points];
    }
    if (this.#latest !== null) this.#live = { ...this.#latest, points: [] };
  }
}
