/**
 * The instant encoder: static token embeddings distilled from all-MiniLM-L6-v2 as in Model2Vec
 * (https://github.com/MinishLab/model2vec). Every entry of the vocabulary goes through the encoder, its
 * hidden states are reduced by PCA, weighted by how rare the token is, and kept in 8 bits a row.
 * No text is used, only the vocabulary.
 */
import { buildStaticGraph, padBatch, quantizeStaticTable, staticConfig } from '../../src/models';
import type { Encoder } from '../../src/models';
import { makeTensor, readModel, writeModel } from '../../src/graph/onnx';
import { openSession } from '../../src/graph/runtime';
import type { OnnxRuntime } from '../../src/platform';
import type { BuiltModel } from './files';
import { plainTokenizer } from './minilm';
import { principalComponents } from './principal-components';

export const INSTANT_ID = 'headlight-instant-en';

export const INSTANT = {
  /**
   * The layer whose hidden states are taken. Layers 0 to 6, several side by side, and the mean over [CLS],
   * token and [SEP] were tried on SST-2, TREC and AG News; the last layer's mean was 4 to 8 points worse
   * than the token's own state at layer 4, all others within a point or two of it.
   */
  layer: 4,
  dimensions: 256,
  whitening: 0.5,
  /** a in a / (a + p): smooth inverse frequency (Arora et al. 2017). */
  sif: 1e-4,
  maxTokens: 512,
} as const;

const BATCH = 512;

/** @param source the folder of the original @param encoder it, opened in 32-bit floats */
export async function buildInstant(
  source: string,
  encoder: Encoder,
  runtime: OnnxRuntime,
): Promise<BuiltModel> {
  const vocabulary = encoder.tokenizer.vocabularySize;
  const { dimensions, whitening, maxTokens } = INSTANT;
  const { hiddenSize } = encoder.model;
  const states = await vocabularyStates(encoder, runtime);
  const vectors = principalComponents(states, vocabulary, hiddenSize, dimensions, whitening);
  weigh(vectors, dimensions, specialIds(source));
  const table = quantizeStaticTable(vectors, vocabulary, dimensions);
  const tokenizerConfig = {
    tokenizer_class: 'BertTokenizer',
    do_lower_case: true,
    pad_token: '[PAD]',
    unk_token: '[UNK]',
    model_max_length: maxTokens,
  };
  return {
    id: INSTANT_ID,
    weights: 'model.onnx',
    files: [
      { name: 'config.json', bytes: new TextEncoder().encode(staticConfig(table, maxTokens)) },
      // Without the post-processor no [CLS] and [SEP] are added, which would count for nothing anyway.
      { name: 'tokenizer.json', bytes: plainTokenizer(source, { post_processor: null }) },
      {
        name: 'tokenizer_config.json',
        bytes: new TextEncoder().encode(JSON.stringify(tokenizerConfig, null, 2) + '\n'),
      },
      { name: 'model.onnx', bytes: buildStaticGraph(table) },
    ],
  };
}

/**
 * Each token's own hidden state in `[CLS] token [SEP]`.
 *
 * @returns `[vocabulary, hidden]`
 */
async function vocabularyStates(
  { tokenizer, model }: Encoder,
  runtime: OnnxRuntime,
): Promise<Float32Array> {
  const output = { layer: INSTANT.layer, pooling: 'cls', normalize: false } as const;
  const session = await openSession(runtime, readSecondToken(model.graph(output)), {
    device: 'cpu',
  });
  const [cls = 0, sep = 0] = tokenizer.encode('', 8);
  const rows = tokenizer.vocabularySize;
  const states = new Float32Array(rows * model.hiddenSize);
  for (let start = 0; start < rows; start += BATCH) {
    const ids = Array.from({ length: Math.min(BATCH, rows - start) }, (_, i) => start + i);
    const sequences = ids.map((id) => [cls, id, sep]);
    const { inputIds, attentionMask } = padBatch(sequences, ids.length, 3, tokenizer.padId);
    const dims = [ids.length, 3];
    const { embedding } = await session.run({
      input_ids: { type: 'int64', dims, data: inputIds },
      attention_mask: { type: 'int64', dims, data: attentionMask },
    });
    if (embedding?.type !== 'float32') throw new Error('the graph gave no embedding');
    states.set(embedding.data, start * model.hiddenSize);
  }
  await session.release();
  return states;
}

/** CLS pooling reads the token at position 0; here the one at position 1. */
function readSecondToken(graph: Uint8Array): Uint8Array {
  const model = readModel(graph);
  const gather = model.graph.nodes.find(({ outputs }) => outputs.includes('embedding'));
  const index = gather?.opType === 'Gather' ? gather.inputs[1] : undefined;
  const initializers = model.graph.initializers.map((tensor) =>
    tensor.name === index ? makeTensor(tensor.name, 'int64', [], BigInt64Array.of(1n)) : tensor,
  );
  if (index === undefined || !model.graph.initializers.some(({ name }) => name === index))
    throw new Error('CLS pooling is not a Gather by a constant any more');
  return writeModel({ ...model, graph: { ...model.graph, initializers } });
}

/**
 * Rare tokens say more: each row times a / (a + p), with p by Zipf's law from the token's place in the
 * vocabulary, which is sorted by frequency. Special tokens become zero and do not count.
 */
function weigh(vectors: Float32Array, columns: number, special: ReadonlySet<number>): void {
  const rows = vectors.length / columns;
  let harmonic = 0;
  for (let rank = 1; rank <= rows; rank++) harmonic += 1 / rank;
  for (let id = 0; id < rows; id++) {
    const probability = 1 / ((id + 1) * harmonic);
    const weight = special.has(id) ? 0 : INSTANT.sif / (INSTANT.sif + probability);
    for (let i = id * columns; i < (id + 1) * columns; i++) vectors[i] = (vectors[i] ?? 0) * weight;
  }
}

function specialIds(source: string): ReadonlySet<number> {
  const json = JSON.parse(new TextDecoder().decode(plainTokenizer(source))) as {
    readonly added_tokens: readonly { readonly id: number; readonly special: boolean }[];
  };
  return new Set(json.added_tokens.filter(({ special }) => special).map(({ id }) => id));
}
