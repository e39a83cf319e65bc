/**
 * The passes through a model that both trainers make: sessions by shape, what they are fed, the loss and the
 * output that come back. What becomes of the gradients is the trainer's.
 */
import { HeadlightError } from '../../base';
import type { Session } from '../../graph/runtime';
import type { DeviceTensor, Feeds, TensorData } from '../../platform';
import { targetFeeds, tokenFeeds } from './feeds';
import {
  evaluationGraph,
  floatsOf,
  LOSS,
  OUTPUT,
  Sessions,
  trainingGraph,
  type GraphPlan,
  type TrainingGraph,
} from './graphs';
import { dropoutFeeds, type TokenBatch } from './inputs';
import type { TrainerOptions, TrainingBatch } from './trainer';

/** Where parameters and gradients are, as the trainer keeps them. */
export interface Keeping {
  readonly table: GraphPlan['table'];
  /** Whether gradients stay on the device. */
  readonly keepGradients: boolean;
  /** The parameter that a graph takes under this name; undefined when it is none. */
  parameter(name: string): TensorData | DeviceTensor | undefined;
  /** What a batch is fed beside its tokens. */
  words(batch: TokenBatch): Feeds;
}

/** One pass forward and back. */
export interface Learned {
  readonly loss: number;
  readonly outputs: Feeds;
  /** Name of the gradient's output by the name of the input: parameters, and `word_rows`. */
  readonly gradients: ReadonlyMap<string, string>;
}

export class Passes {
  readonly #options: TrainerOptions;
  readonly #keeping: Keeping;
  readonly #plan: GraphPlan;
  readonly #training: Sessions<TrainingGraph>;
  readonly #evaluation: Sessions<ReturnType<typeof evaluationGraph>>;

  constructor(options: TrainerOptions, keeping: Keeping) {
    const { model, device, runtime, threads, shapes } = options;
    this.#options = options;
    this.#keeping = keeping;
    this.#plan = { model, device, table: keeping.table };
    this.#training = new Sessions(runtime, device, threads, shapes);
    this.#evaluation = new Sessions(runtime, device, threads, shapes);
  }

  async learn(batch: TrainingBatch): Promise<Learned> {
    const { loss, settings } = this.#options;
    const { keepGradients } = this.#keeping;
    const { rows, tokens } = batch;
    const { graph, session } = await this.#training.at(
      `${rows} ${tokens}`,
      () => trainingGraph(this.#plan, rows, tokens, loss, settings.gradient_checkpointing),
      ({ gradients }) => (keepGradients ? [...gradients.values()] : []),
    );
    const feeds = {
      ...this.#fed(session, batch),
      ...targetFeeds(batch, graph.lossInputs),
      ...dropoutFeeds(graph.forward.dropout, settings.seed, batch.place),
    };
    const outputs = await (keepGradients ? session.runKeeping(feeds) : session.run(feeds));
    const value = floatsOf(outputs, LOSS)[0];
    if (value === undefined) throw new HeadlightError('internal', 'A training graph gave no loss.');
    return { loss: value + batch.offset, outputs, gradients: graph.gradients };
  }

  async predict(batch: TokenBatch): Promise<Float32Array> {
    const { rows, tokens } = batch;
    const { session } = await this.#evaluation.at(`${rows} ${tokens}`, () =>
      evaluationGraph(this.#plan, rows, tokens),
    );
    return floatsOf(await session.run(this.#fed(session, batch)), OUTPUT);
  }

  async release(): Promise<void> {
    await this.#training.release();
    await this.#evaluation.release();
  }

  /** The parameters that a graph takes, and the texts of a batch. */
  #fed({ inputNames }: Session, batch: TokenBatch): Feeds {
    const { table } = this.#plan;
    const feeds: Record<string, TensorData | DeviceTensor> = {
      ...tokenFeeds(batch, this.#options.model, table),
      ...this.#keeping.words(batch),
    };
    for (const name of inputNames) {
      const tensor = this.#keeping.parameter(name);
      if (tensor !== undefined) feeds[name] = tensor;
    }
    return feeds;
  }
}
