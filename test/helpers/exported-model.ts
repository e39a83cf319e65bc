/**
 * The tiny BERT as exporters write it: `plain` as torch.onnx does at opset 11 (LayerNorm and GELU composed,
 * weights of linear layers turned and nameless, shapes computed in the graph), `fused` as ONNX Runtime's
 * optimiser leaves it. Written by hand, not by Headlight's own encoders.
 */
import {
  attribute,
  makeTensor,
  writeModel,
  type Attribute,
  type Node,
  type Tensor,
  type ValueInfo,
} from '../../src/graph/onnx';
import { float32Values, readSafetensors, type ModelFile } from '../../src/models';
import { tinyModelFiles, type TinyModelOptions } from './tiny-model';

const HEADS = 4;
const MICROSOFT = 'com.microsoft';

export type ExportStyle = 'plain' | 'fused';

/** The files of `tinyModelFiles`, `model.safetensors` replaced by an export of it. */
export function exportedModelFiles(
  style: ExportStyle,
  name = 'model.onnx',
  options: TinyModelOptions = {},
): ModelFile[] {
  return tinyModelFiles(options).map((file) =>
    file.name === 'model.safetensors'
      ? { name, bytes: exported(file.bytes, style, options.layers ?? 2) }
      : file,
  );
}

/** config.json says another architecture, one that Headlight has no graph of its own for. */
export function asUnknownArchitecture(files: readonly ModelFile[]): ModelFile[] {
  return files.map((file) => {
    if (file.name !== 'config.json') return file;
    const config = JSON.parse(new TextDecoder().decode(file.bytes)) as Record<string, unknown>;
    const bytes = new TextEncoder().encode(JSON.stringify({ ...config, model_type: 'funnel' }));
    return { name: file.name, bytes };
  });
}

/** A graph without attention, whose last hidden state is all that can be used. */
export function shallowOnnx(options: TinyModelOptions = {}): Uint8Array {
  const file = tinyModelFiles(options).find(({ name }) => name === 'model.safetensors');
  const writer = new Writer(file?.bytes ?? new Uint8Array());
  const rows = writer.add('Gather', [
    writer.weight('embeddings.word_embeddings.weight'),
    'input_ids',
  ]);
  return writer.finish(writer.add('Tanh', [rows]), options.hidden ?? 32);
}

function exported(safetensors: Uint8Array, style: ExportStyle, layers: number): Uint8Array {
  const writer = new Writer(safetensors);
  const hidden = writer.size('embeddings.LayerNorm.weight');
  const last = style === 'plain' ? plain(writer, hidden, layers) : fused(writer, layers);
  return writer.finish(last, hidden);
}

function plain(w: Writer, hidden: number, layers: number): string {
  const shape = w.add('Shape', ['input_ids']);
  const at = (index: number): string =>
    w.add('Unsqueeze', [w.add('Gather', [shape, w.integer(index)])], { axes: attribute.ints([0]) });
  const positions = w.add('Slice', [
    w.integers(
      Array.from({ length: 64 }, (_, i) => i),
      [1, 64],
    ),
    w.integers([0]),
    at(1),
    w.integers([1]),
  ]);
  const table = (name: string, ids: string): string =>
    w.add('Gather', [w.weight(`embeddings.${name}_embeddings.weight`), ids]);
  const words = table('word', 'input_ids');
  const typed = w.add('Add', [words, table('token_type', 'token_type_ids')]);
  let state = w.norm('embeddings.LayerNorm', w.add('Add', [typed, table('position', positions)]));
  const mask = w.add(
    'Cast',
    [w.add('Unsqueeze', ['attention_mask'], { axes: attribute.ints([1, 2]) })],
    { to: attribute.elementType('float32') },
  );
  const bias = w.add('Mul', [w.add('Sub', [w.scalar(1), mask]), w.scalar(-10000)]);
  for (let layer = 0; layer < layers; layer++) {
    const name = (part: string): string => `encoder.layer.${layer}.${part}`;
    const input = state;
    const perHead = (part: string, perm: readonly number[]): string => {
      const sizes = w.add(
        'Concat',
        [at(0), at(1), w.integers([HEADS]), w.integers([hidden / HEADS])],
        { axis: attribute.int(0) },
      );
      const parted = w.add('Reshape', [w.linear(name(`attention.self.${part}`), input), sizes]);
      return w.add('Transpose', [parted], { perm: attribute.ints(perm) });
    };
    const scores = w.add('Div', [
      w.add('MatMul', [perHead('query', [0, 2, 1, 3]), perHead('key', [0, 2, 3, 1])]),
      w.scalar(Math.sqrt(hidden / HEADS)),
    ]);
    const weights = w.add('Softmax', [w.add('Add', [scores, bias])], { axis: attribute.int(3) });
    const mixed = w.add('Transpose', [w.add('MatMul', [weights, perHead('value', [0, 2, 1, 3])])], {
      perm: attribute.ints([0, 2, 1, 3]),
    });
    const joined = w.add('Reshape', [
      mixed,
      w.add('Concat', [at(0), at(1), w.integers([hidden])], { axis: attribute.int(0) }),
    ]);
    const attended = w.add('Add', [w.linear(name('attention.output.dense'), joined), input]);
    const middle = w.norm(name('attention.output.LayerNorm'), attended);
    const wide = w.linear(name('intermediate.dense'), middle);
    const erf = w.add('Add', [
      w.add('Erf', [w.add('Div', [wide, w.scalar(Math.SQRT2)])]),
      w.scalar(1),
    ]);
    const active = w.add('Mul', [w.add('Mul', [wide, erf]), w.scalar(0.5)]);
    const narrow = w.add('Add', [w.linear(name('output.dense'), active), middle]);
    state = w.norm(name('output.LayerNorm'), narrow);
  }
  return state;
}

function fused(w: Writer, layers: number): string {
  const epsilon = attribute.float(1e-12);
  const int32 = (name: string): string =>
    w.add('Cast', [name], { to: attribute.elementType('int32') });
  const tables = ['word', 'position', 'token_type'].map((name) =>
    w.weight(`embeddings.${name}_embeddings.weight`),
  );
  const norm = (name: string): string[] => [w.weight(`${name}.weight`), w.weight(`${name}.bias`)];
  const embedded = w.addAll(
    'EmbedLayerNormalization',
    [
      int32('input_ids'),
      int32('token_type_ids'),
      ...tables,
      ...norm('embeddings.LayerNorm'),
      int32('attention_mask'),
    ],
    { epsilon },
    2,
  );
  let [state = ''] = embedded;
  for (let layer = 0; layer < layers; layer++) {
    const name = (part: string): string => `encoder.layer.${layer}.${part}`;
    const attended = w.fused(
      'Attention',
      [state, ...w.packed(name('attention.self')), embedded[1] ?? ''],
      { num_heads: attribute.int(HEADS) },
    );
    const output = w.add('MatMul', [attended, w.turned(name('attention.output.dense'))]);
    const middle = w.fused(
      'SkipLayerNormalization',
      [
        output,
        state,
        ...norm(name('attention.output.LayerNorm')),
        w.weight(name('attention.output.dense.bias')),
      ],
      { epsilon },
    );
    const wide = w.add('MatMul', [middle, w.turned(name('intermediate.dense'))]);
    const active = w.fused('BiasGelu', [wide, w.weight(name('intermediate.dense.bias'))], {});
    const narrow = w.add('MatMul', [active, w.turned(name('output.dense'))]);
    state = w.fused(
      'SkipLayerNormalization',
      [narrow, middle, ...norm(name('output.LayerNorm')), w.weight(name('output.dense.bias'))],
      { epsilon },
    );
  }
  return state;
}

class Writer {
  readonly #nodes: Node[] = [];
  readonly #initializers = new Map<string, Tensor>();
  readonly #checkpoint: ReturnType<typeof readSafetensors>;

  constructor(safetensors: Uint8Array) {
    this.#checkpoint = readSafetensors(safetensors);
  }

  addAll(
    opType: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>>,
    outputs: number,
    domain = MICROSOFT,
  ): string[] {
    const number = this.#nodes.length;
    const names = Array.from(
      { length: outputs },
      (_, i) => `${300 + number}${i === 0 ? '' : `_${i}`}`,
    );
    this.#nodes.push({
      name: `${opType}_${number}`,
      opType,
      domain,
      inputs,
      outputs: names,
      attributes: new Map(Object.entries(attributes)),
    });
    return names;
  }

  add(
    opType: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
  ): string {
    return this.addAll(opType, inputs, attributes, 1, '')[0] ?? '';
  }

  fused(
    opType: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>>,
  ): string {
    return this.addAll(opType, inputs, attributes, 1)[0] ?? '';
  }

  size(name: string): number {
    return this.#values(name).length;
  }

  weight(name: string): string {
    const { shape } = this.#checkpoint.tensors.get(name) ?? { shape: [] };
    return this.#keep(makeTensor(`bert.${name}`, 'float32', shape, this.#values(name)));
  }

  /** A linear layer's weight as [in, out], without a name that says so. */
  turned(name: string): string {
    const [out = 0, into = 0] = this.#checkpoint.tensors.get(`${name}.weight`)?.shape ?? [];
    return this.#keep(
      makeTensor(
        `onnx::MatMul_${this.#initializers.size}`,
        'float32',
        [into, out],
        transposed(this.#values(`${name}.weight`), out, into),
      ),
    );
  }

  /** Query, key and value side by side: [in, 3 * out], and their biases. */
  packed(name: string): [string, string] {
    const parts = ['query', 'key', 'value'].map((part) => `${name}.${part}`);
    const weights = parts.map((part) => this.#values(`${part}.weight`));
    const biases = parts.flatMap((part) => [...this.#values(`${part}.bias`)]);
    const size = biases.length / 3;
    const all = Float32Array.from(weights.flatMap((values) => [...values]));
    return [
      this.#keep(
        makeTensor(
          `${name}_qkv_weight`,
          'float32',
          [size, 3 * size],
          transposed(all, 3 * size, size),
        ),
      ),
      this.#keep(makeTensor(`${name}_qkv_bias`, 'float32', [3 * size], Float32Array.from(biases))),
    ];
  }

  linear(name: string, value: string): string {
    return this.add('Add', [
      this.add('MatMul', [value, this.turned(name)]),
      this.weight(`${name}.bias`),
    ]);
  }

  norm(name: string, value: string): string {
    const last = { axes: attribute.ints([-1]) };
    const centred = this.add('Sub', [value, this.add('ReduceMean', [value], last)]);
    const squares = this.add('ReduceMean', [this.add('Pow', [centred, this.scalar(2)])], last);
    const deviation = this.add('Sqrt', [this.add('Add', [squares, this.scalar(1e-12)])]);
    const scaled = this.add('Mul', [
      this.add('Div', [centred, deviation]),
      this.weight(`${name}.weight`),
    ]);
    return this.add('Add', [scaled, this.weight(`${name}.bias`)]);
  }

  scalar(value: number): string {
    return this.#keep(
      makeTensor(`c${this.#initializers.size}`, 'float32', [], Float32Array.of(value)),
    );
  }

  integer(value: number): string {
    return this.#keep(
      makeTensor(`c${this.#initializers.size}`, 'int64', [], BigInt64Array.of(BigInt(value))),
    );
  }

  integers(values: readonly number[], dims: readonly number[] = [values.length]): string {
    return this.#keep(
      makeTensor(`c${this.#initializers.size}`, 'int64', dims, BigInt64Array.from(values, BigInt)),
    );
  }

  finish(last: string, hidden: number): Uint8Array {
    const ids = (name: string): ValueInfo => ({
      name,
      type: { elementType: 'int64', dims: ['batch', 'sequence'] },
    });
    const read = new Set(this.#nodes.flatMap(({ inputs }) => inputs));
    this.#nodes.push({
      name: 'last',
      opType: 'Identity',
      domain: '',
      inputs: [last],
      outputs: ['last_hidden_state'],
      attributes: new Map(),
    });
    return writeModel({
      irVersion: 6,
      opsets: [
        { domain: '', version: 11 },
        { domain: MICROSOFT, version: 1 },
      ],
      producerName: 'pytorch',
      producerVersion: '1.10',
      metadata: new Map(),
      graph: {
        name: 'torch-jit-export',
        nodes: this.#nodes,
        initializers: [...this.#initializers.values()],
        inputs: ['input_ids', 'attention_mask', 'token_type_ids']
          .filter((name) => name === 'attention_mask' || read.has(name))
          .map(ids),
        outputs: [
          {
            name: 'last_hidden_state',
            type: { elementType: 'float32', dims: ['batch', 'sequence', hidden] },
          },
        ],
        valueInfo: [],
      },
    });
  }

  #values(name: string): Float32Array {
    const tensor = this.#checkpoint.tensors.get(name);
    if (tensor === undefined) throw new Error(`the tiny model has no ${name}`);
    return float32Values(tensor, name);
  }

  #keep(tensor: Tensor): string {
    this.#initializers.set(tensor.name, tensor);
    return tensor.name;
  }
}

function transposed(values: Float32Array, rows: number, columns: number): Float32Array {
  return Float32Array.from(
    values,
    (_, i) => values[(i % rows) * columns + Math.floor(i / rows)] ?? 0,
  );
}
