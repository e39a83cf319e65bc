/**
 * A model that learns in milliseconds, behind the interface of encoders: word vectors (with dropout), a dense
 * layer with tanh, the mean over the tokens (or each token), a linear head.
 */
import { seededRandom } from '../../../../src/base';
import { attribute, type GraphBuilder, type Value } from '../../../../src/graph/onnx';
import type { Parameter, TrainableModel, TrainTask } from '../../../../src/models';
import type { Example, FinetuneRequest, TrainerSettings } from '../../../../src/learning/finetune';
import type { OnnxRuntime } from '../../../../src/platform';
import { memoryStorage } from '../../../helpers/memory-storage';

export interface SmallModelOptions {
  readonly task?: TrainTask;
  readonly classes?: number;
  readonly dropout?: number;
  /** Whether the word table is trained. Default true. */
  readonly trainTable?: boolean;
  /** Multiplies the word vectors: large ones overflow. */
  readonly scale?: number;
}

const HIDDEN = 6;
export const VOCABULARY = 40;

export function smallModel(options: SmallModelOptions = {}): TrainableModel {
  const { task = 'text', classes = 3, dropout = 0.2, trainTable = true, scale = 1 } = options;
  const random = seededRandom(5);
  const parameter = (
    name: string,
    dims: readonly number[],
    size: number,
    trainable = true,
  ): [string, Parameter] => {
    const count = dims.reduce((all, dim) => all * dim, 1);
    const data = Float32Array.from({ length: count }, () => size * random.normal());
    const decay = dims.length > 1;
    return [name, { name, dims, values: { precision: 'fp32', data }, trainable, decay }];
  };
  const parameters = new Map([
    parameter('words', [VOCABULARY, HIDDEN], scale, trainTable),
    parameter('dense.weight', [HIDDEN, HIDDEN], 0.5),
    parameter('dense.bias', [HIDDEN], 0.1),
    parameter('classifier.weight', [classes, HIDDEN], 0.5),
    parameter('classifier.bias', [classes], 0.1),
  ]);
  return {
    architecture: 'bert',
    options: {
      task,
      head: 'mean',
      classes,
      method: { name: 'full' },
      dropout,
      seed: 5,
    },
    hiddenSize: HIDDEN,
    layers: 1,
    maxTokens: 32,
    tokenTypes: false,
    wordTable: 'words',
    parameters,
    forward(b, { batch, tokens, training, table }) {
      const rows = batch * tokens;
      const names = ['dense.weight', 'dense.bias'];
      if (task !== 'embedding') names.push('classifier.weight', 'classifier.bias');
      const fed = new Map(
        names.map((name) => [name, b.input(name, 'float32', parameters.get(name)?.dims ?? [])]),
      );
      const mask = b.input('attention_mask', 'float32', [batch, tokens]);
      let words: Value;
      if (table === 'host') words = b.input('word_rows', 'float32', [rows, HIDDEN]);
      else {
        const ids = b.input('input_ids', 'int32', [batch, tokens]);
        const weights = b.input('words', 'float32', [VOCABULARY, HIDDEN]);
        names.push('words');
        words = b.add('Reshape', [b.add('Gather', [weights, ids]), b.integers(rows, HIDDEN)]);
      }
      const sites = [];
      if (training && dropout > 0) {
        const site = {
          rowsInput: 'drop.rows',
          rows,
          columnsInput: 'drop.columns',
          columns: HIDDEN,
        };
        sites.push(site);
        words = drop(b, words, site, dropout);
      }
      const linear = (x: Value, name: string): Value =>
        b.add('Gemm', [x, fed.get(`${name}.weight`)!, fed.get(`${name}.bias`)!], {
          transB: attribute.int(1),
        });
      const dense = b.add('Tanh', [linear(words, 'dense')]);
      let output: Value;
      if (task === 'token') {
        output = b.add('Reshape', [
          linear(dense, 'classifier'),
          b.integers(batch, tokens, classes),
        ]);
      } else {
        const sequence = b.add('Reshape', [dense, b.integers(batch, tokens, HIDDEN)]);
        const weights = b.add('Reshape', [mask, b.integers(batch, tokens, 1)]);
        const kept = { keepdims: attribute.int(0) };
        const sum = b.add('ReduceSum', [b.add('Mul', [sequence, weights]), b.integers(1)], kept);
        const count = b.add('ReduceSum', [weights, b.integers(1)], kept);
        const mean = b.add('Div', [sum, count]);
        output = task === 'embedding' ? mean : linear(mean, 'classifier');
      }
      return { output, dropout: sites, boundaries: [], parameters: names };
    },
    checkpoint: () => new Map(),
    adapter: () => new Map(),
  };
}

/** As `DropoutSite` says: kept where (rows * columns) mod 4093 is at least the threshold. */
function drop(
  b: GraphBuilder,
  x: Value,
  site: { rowsInput: string; rows: number; columnsInput: string; columns: number },
  p: number,
): Value {
  const rows = b.input(site.rowsInput, 'float32', [site.rows, 1]);
  const columns = b.input(site.columnsInput, 'float32', [1, site.columns]);
  const product = b.add('Mul', [rows, columns]);
  const whole = b.add('Floor', [b.add('Mul', [product, b.scalar(1 / 4093)])]);
  const rest = b.add('Sub', [product, b.add('Mul', [whole, b.scalar(4093)])]);
  const kept = b.add('Cast', [b.add('GreaterOrEqual', [rest, b.scalar(4093 * p)])], {
    to: attribute.elementType('float32'),
  });
  return b.add('Mul', [x, b.add('Mul', [kept, b.scalar(1 / (1 - p))])]);
}

/** Texts whose class is told by their first three words; of uneven lengths. */
export function smallTexts(rows: number, seed: number, classes = 3): Example[] {
  const random = seededRandom(seed);
  return Array.from({ length: rows }, () => {
    const target = random.integer(classes);
    const ids = [0, 0, 0].map(() => 3 + target * 5 + random.integer(5));
    const length = random.integer(12);
    for (let i = 0; i < length; i++) ids.push(20 + random.integer(VOCABULARY - 22));
    return { ids, types: null, target };
  });
}

/** A fine-tune of the small model on small texts, kept nowhere. */
export function smallRequest(
  runtime: OnnxRuntime,
  settings: TrainerSettings,
  changed: Partial<FinetuneRequest> = {},
): FinetuneRequest {
  return {
    model: smallModel(),
    data: {
      train: smallTexts(46, 1),
      validation: smallTexts(30, 2),
      padId: 0,
      classes: ['a', 'b', 'c'],
    },
    settings,
    loss: { name: 'cross_entropy', classWeights: null },
    device: 'cpu',
    runtime,
    storage: memoryStorage(),
    scope: 'project/finetune',
    identity: 'this one',
    then: 'train',
    ...changed,
  };
}
