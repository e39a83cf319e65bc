/**
 * Products and probabilities on ONNX Runtime's native code in Node, which takes a third of the time of tfjs' WASM on one thread.
 *
 * Its sessions take no turns with those of encoders (`graph/runtime`): in Node a run blocks the thread that asks for it, so
 * two never overlap. Between two products the event loop turns, though, and an encoder's batch may come in: work that is
 * waited for goes through `exclusively`.
 */
import { HeadlightError } from '../../base';
import { attribute, GraphBuilder, writeModel, type Value } from '../../graph/onnx';
import type { OnnxRuntime, RuntimeSession, TensorData } from '../../platform';
import type { Activation, HeldMatrix, Kernels } from './kernels';

type Operation = 'times' | 'transposedTimes' | `predict ${Activation}` | Activation;

export class OnnxKernels implements Kernels {
  readonly name = 'onnxruntime';
  readonly mostRows = 4096;
  readonly #run: Run;

  static readonly #known = new WeakMap<OnnxRuntime, OnnxKernels>();

  /** One for each runtime, since its sessions stay open. */
  static of(runtime: OnnxRuntime): OnnxKernels {
    const known = OnnxKernels.#known.get(runtime) ?? new OnnxKernels(runtime);
    OnnxKernels.#known.set(runtime, known);
    return known;
  }

  /** @param runtime with the device `cpu`. Sessions are made when they are first needed. */
  constructor(runtime: OnnxRuntime) {
    const sessions = new Map<Operation, Promise<RuntimeSession>>();
    this.#run = async (operation, feeds) => {
      let session = sessions.get(operation);
      if (session === undefined) {
        session = runtime.createSession(graphOf(operation), { device: 'cpu', threads: 1 });
        sessions.set(operation, session);
        session.catch(() => sessions.delete(operation));
      }
      const { result } = await (await session).run(feeds);
      if (result?.type === 'float32') return result.data;
      throw new HeadlightError('internal', `“${operation}” gave no floats.`);
    };
  }

  hold(values: Float32Array, rows: number, columns: number): HeldMatrix {
    return new OnnxMatrix(this.#run, values, rows, columns);
  }

  probabilities(
    activation: Activation,
    logits: Float32Array,
    outputs: number,
  ): Promise<Float32Array> {
    return this.#run(activation, { a: matrix(logits, logits.length / outputs, outputs) });
  }
}

type Run = (
  operation: Operation,
  feeds: Readonly<Record<string, TensorData>>,
) => Promise<Float32Array>;

class OnnxMatrix implements HeldMatrix {
  readonly rows: number;
  readonly columns: number;
  readonly #run: Run;
  #matrix: TensorData | null;

  constructor(run: Run, values: Float32Array, rows: number, columns: number) {
    this.#run = run;
    this.rows = rows;
    this.columns = columns;
    this.#matrix = matrix(values, rows, columns);
  }

  async times(right: Float32Array, width: number): Promise<Float32Array> {
    return this.#run('times', { a: this.#held(), b: matrix(right, this.columns, width) });
  }

  async transposedTimes(right: Float32Array, width: number): Promise<Float32Array> {
    return this.#run('transposedTimes', { a: this.#held(), b: matrix(right, this.rows, width) });
  }

  async predictProbabilities(
    activation: Activation,
    weights: Float32Array,
    bias: Float32Array,
    width: number,
  ): Promise<Float32Array> {
    return this.#run(`predict ${activation}`, {
      a: this.#held(),
      b: matrix(weights, this.columns, width),
      c: { type: 'float32', dims: [width], data: bias },
    });
  }

  dispose(): void {
    this.#matrix = null;
  }

  #held(): TensorData {
    if (this.#matrix === null)
      throw new HeadlightError('internal', 'A matrix was multiplied after it was disposed of.');
    return this.#matrix;
  }
}

function matrix(data: Float32Array, rows: number, columns: number): TensorData {
  return { type: 'float32', dims: [rows, columns], data };
}

/** Bytes of a model. */
function graphOf(operation: Operation): Uint8Array {
  const g = new GraphBuilder({ name: operation });
  const a = g.input('a', 'float32', ['m', 'k']);
  const activated = (logits: Value, activation: Activation): Value =>
    activation === 'softmax'
      ? g.add('Softmax', [logits], { axis: attribute.int(1) })
      : g.add('Sigmoid', [logits]);
  if (operation === 'softmax' || operation === 'sigmoid') {
    g.output(activated(a, operation), 'result');
    return writeModel(g.build());
  }
  const b = g.input('b', 'float32', [operation === 'transposedTimes' ? 'm' : 'k', 'n']);
  if (operation === 'times') g.output(g.add('MatMul', [a, b]), 'result');
  else if (operation === 'transposedTimes')
    g.output(g.add('Gemm', [a, b], { transA: attribute.int(1) }), 'result');
  else {
    const logits = g.add('Gemm', [a, b, g.input('c', 'float32', ['n'])]);
    g.output(activated(logits, operation === 'predict softmax' ? 'softmax' : 'sigmoid'), 'result');
  }
  return writeModel(g.build());
}
