/**
 * Active learning of the engine in memory: texts come in the order of the file, the curve rises with the labels. It
 * learns nothing.
 */
import { HeadlightError, ProgressMeter, type Job } from '../../src/base';
import type {
  ActiveCurve,
  ActiveEngine,
  ActiveRow,
  ActiveSettings,
  ActiveView,
} from '../../src/engine';
import { pointOf, type HandLabel } from '../../src/learning/labelling';
import { FakeLabelling } from './fake-labelling';

const HELD_OUT = 40;

export abstract class FakeActive extends FakeLabelling implements ActiveEngine {
  /** Texts that are held out to measure by. */
  activeHeldOut = HELD_OUT;
  /** What the advice of the next answers is. */
  activeVerdict: ActiveCurve['advice']['verdict'] = 'unclear';
  /** Thrown by the next label. */
  activeFailure: HeadlightError | null = null;
  readonly #started = new Map<string, ActiveSettings>();

  async *startActive(project: string, settings: ActiveSettings): Job<ActiveView> {
    const meter = new ProgressMeter('Embedding texts', 'texts', 10);
    yield meter.at(0);
    yield meter.at(10);
    this.#started.set(project, settings);
    return this.#view(project);
  }

  async nextActive(project: string, count: number): Promise<readonly ActiveRow[]> {
    const { rows } = await this.reviewRows(project, {
      state: 'open',
      label: null,
      confidence: null,
      disagreement: false,
      order: 'file',
      from: 0,
      count,
    });
    const { settings } = await this.labelling(project);
    return rows.map(({ origin, text }) => ({
      origin,
      text,
      why: {
        kind: 'unsure',
        likeliest: settings.classes
          .slice(0, 2)
          .map(({ name }, at) => ({ label: name, probability: 0.51 - at * 0.04 })),
      },
      likely: settings.classes.slice(-9).map(({ name }) => name),
    }));
  }

  async labelActive(project: string, label: Omit<HandLabel, 'at'>): Promise<ActiveView> {
    const failure = this.activeFailure;
    this.activeFailure = null;
    if (failure !== null) throw failure;
    await this.labelRow(project, label);
    return this.#view(project);
  }

  async undoActive(project: string): Promise<ActiveView> {
    await this.undoLabel(project);
    return this.#view(project);
  }

  async activeCurve(project: string): Promise<ActiveCurve> {
    const { hand } = await this.labelling(project);
    const learned = hand.labelled - hand.held_out;
    const counts = Array.from({ length: Math.floor(learned / 2) }, (_, at) => 2 * (at + 1));
    const measured = this.activeHeldOut === 0 ? [] : counts;
    return {
      points: measured.map((labels) =>
        pointOf({
          labels,
          right: Array.from(
            { length: this.activeHeldOut },
            (_, row) => row < this.activeHeldOut * (1 - 1 / (1 + labels / 3)),
          ),
        }),
      ),
      held_out: this.activeHeldOut,
      advice: {
        verdict: this.activeHeldOut === 0 ? 'no_hold_out' : this.activeVerdict,
        gain: null,
      },
      sentence:
        this.activeHeldOut === 0
          ? 'Nothing is known of the accuracy: no labelled text is held out to measure by.'
          : 'Too early to say whether more labels help.',
    };
  }

  async #view(project: string): Promise<ActiveView> {
    const settings = this.#started.get(project);
    if (settings === undefined)
      throw new HeadlightError('bad-setting', 'Choosing texts has not been started here.');
    const view = await this.labelling(project);
    const [next] = await this.nextActive(project, 1);
    const { hand } = view;
    return {
      settings,
      pool: view.rows,
      rows: view.rows,
      open: view.rows - hand.labelled - hand.skipped,
      labelled: hand.labelled - hand.held_out,
      classes: view.settings.classes.map(({ name }, at) => ({
        name,
        labelled: hand.classes[at] ?? 0,
      })),
      next: next ?? null,
      curve: await this.activeCurve(project),
      last: hand.last,
      milliseconds: hand.labelled > 1 ? 12 : null,
    };
  }
}
