/** Runs the forward pass of a trainable model on ONNX Runtime's CPU kernels, feeding it as the trainer does. */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { GraphBuilder, writeModel } from '../../../src/graph/onnx';
import type { ForwardOptions, TrainableModel } from '../../../src/models/encoders';

type Rows = readonly (readonly number[])[];

export interface TrainableInputs {
  readonly ids: Rows;
  readonly mask: Rows;
  readonly types: Rows;
}

export interface RunOptions {
  readonly table?: 'host' | 'graph';
  readonly trained?: ReadonlyMap<string, Float32Array>;
  readonly training?: boolean;
  /** Of a dropout input with this many values. */
  readonly random?: (size: number) => Float32Array;
  readonly device?: ForwardOptions['device'];
}

/** The output, one flat row a text. */
export async function runTrainable(
  model: TrainableModel,
  inputs: TrainableInputs,
  options: RunOptions = {},
): Promise<number[][]> {
  const { table = 'graph', trained, training = false, device = 'cpu' } = options;
  const batch = inputs.ids.length;
  const tokens = inputs.ids[0]?.length ?? 0;
  const builder = new GraphBuilder({ name: 'forward' });
  const forward = model.forward(builder, { batch, tokens, training, table, device });
  builder.output(forward.output, 'output');
  const bytes = writeModel(builder.build());
  const feeds: Record<string, Tensor> = {
    attention_mask: new Tensor('float32', Float32Array.from(inputs.mask.flat()), [batch, tokens]),
  };
  const ids = Int32Array.from(inputs.ids.flat());
  if (model.tokenTypes)
    feeds['token_type_ids'] = new Tensor('int32', Int32Array.from(inputs.types.flat()), [
      batch,
      tokens,
    ]);
  if (table === 'graph') feeds['input_ids'] = new Tensor('int32', ids, [batch, tokens]);
  else feeds['word_rows'] = wordRows(model, ids);
  for (const name of forward.parameters) {
    const parameter = model.parameters.get(name);
    if (parameter === undefined) throw new Error(`the graph wants ${name}`);
    const { dims, values } = parameter;
    const newer = trained?.get(name);
    if (values.precision === 'fp16') feeds[name] = new Tensor('float16', values.data, dims);
    else if (values.precision === 'int8') {
      feeds[name] = new Tensor('int8', values.data, dims);
      feeds[`${name}.scale`] = new Tensor('float32', values.scales, [values.scales.length]);
    } else feeds[name] = new Tensor('float32', newer ?? values.data, dims);
  }
  for (const { rowsInput, rows, columnsInput, columns } of forward.dropout) {
    const random = options.random ?? ((size) => new Float32Array(size).fill(1));
    feeds[rowsInput] = new Tensor('float32', random(rows), [rows, 1]);
    feeds[columnsInput] = new Tensor('float32', random(columns), [1, columns]);
  }
  const session = await InferenceSession.create(bytes, { logSeverityLevel: 3 });
  const output = (await session.run(feeds))['output'];
  await session.release();
  const data = output?.data as Float32Array;
  const size = data.length / batch;
  return Array.from({ length: batch }, (_, row) =>
    Array.from(data.subarray(row * size, (row + 1) * size)),
  );
}

function wordRows(model: TrainableModel, ids: Int32Array): Tensor {
  const table = model.parameters.get(model.wordTable);
  if (table === undefined) throw new Error('no word table');
  const { values } = table;
  const hidden = table.dims[1] ?? 0;
  const rows = new Float32Array(ids.length * hidden);
  ids.forEach((id, i) => {
    for (let h = 0; h < hidden; h++) {
      const at = id * hidden + h;
      rows[i * hidden + h] =
        values.precision === 'fp32'
          ? (values.data[at] ?? NaN)
          : values.precision === 'int8'
            ? (values.data[at] ?? NaN) * (values.scales[id] ?? NaN)
            : half(values.data[at] ?? 0);
    }
  });
  return new Tensor('float32', rows, [ids.length, hidden]);
}

/** IEEE 754 binary16, normal and subnormal numbers. */
function half(bits: number): number {
  const [sign, exponent, fraction] = [bits >>> 15 ? -1 : 1, (bits >>> 10) & 31, bits & 1023];
  return exponent === 0
    ? (sign * fraction) / 2 ** 24
    : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
