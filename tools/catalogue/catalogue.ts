/** What is written by hand of each model, with what our own builders compute from its config. */
import { GraphBuilder } from '../../src/graph/onnx';
import { peakActivationBytes } from '../../src/learning/finetune/memory';
import { trainingGraph } from '../../src/learning/finetune/graphs';
import {
  defaultLoraTargets,
  type CatalogueModel,
  type HubCatalogue,
  type TrainableModel,
  type TrainMethod,
} from '../../src/models';
import { modelShape, openShapeOnly } from '../../src/models/encoders/trainable/shape';
import { MODELS, type Written } from './models';

/** A batch as a fine-tune has it by default. */
const BATCH = 8;
const TOKENS = 128;
const RANK = 8;

export function hubCatalogue(): HubCatalogue {
  const known = new Map<string, Computed>();
  return {
    format: 'headlight.hub-catalogue',
    version: 1,
    models: MODELS.map((written) => {
      // Many share one shape, and the graphs of a large one take seconds.
      const key = JSON.stringify(written.config);
      const computed = known.get(key) ?? compute(written.config);
      known.set(key, computed);
      return entry(written, computed);
    }),
  };
}

type Computed = Pick<
  CatalogueModel,
  | 'architecture'
  | 'parameters'
  | 'layers'
  | 'hiddenSize'
  | 'maxTokens'
  | 'bytes'
  | 'largest'
  | 'work'
>;

function entry(written: Written, computed: Computed): CatalogueModel {
  const { id, licence, languages, about, purposes } = written;
  const { parameters } = computed;
  return {
    id,
    ...computed,
    maxTokens: written.maxTokens ?? computed.maxTokens,
    licence,
    languages,
    about,
    purposes,
    head: written.head ?? null,
    tokenizer: written.tokenizer ?? 'tokenizer.json',
    download: parameters * (written.stored === 'fp16' ? 2 : 4),
  };
}

export function compute(config: unknown): Computed {
  const shape = modelShape(config);
  const { modelType, layers, hiddenSize } = shape.config;
  const lora: TrainMethod = {
    name: 'lora',
    rank: RANK,
    alpha: 2 * RANK,
    dropout: 0,
    targets: defaultLoraTargets(modelType),
    base: 'fp32',
  };
  return {
    architecture: modelType,
    parameters: shape.parameters,
    layers,
    hiddenSize,
    maxTokens: shape.config.maxTokens,
    bytes: shape.bytes,
    largest: shape.largest,
    work: {
      embed: { trainable: 0, activations: embedding(config) },
      lora: training(config, lora),
      full: training(config, { name: 'full' }),
    },
  };
}

function training(config: unknown, method: TrainMethod): CatalogueModel['work']['full'] {
  const model = openShapeOnly(config, {
    task: 'text',
    head: 'stock',
    classes: 4,
    method,
    dropout: null,
    seed: 0,
  });
  const graph = trainingGraph(
    { model, device: 'wasm', table: 'host' },
    BATCH,
    TOKENS,
    { name: 'cross_entropy', classWeights: null },
    false,
  );
  return { trainable: trainableOf(model), activations: peakActivationBytes(graph.model) };
}

function embedding(config: unknown): number {
  const model = openShapeOnly(config, {
    task: 'embedding',
    head: 'mean',
    classes: 0,
    method: { name: 'head' },
    dropout: null,
    seed: 0,
  });
  const builder = new GraphBuilder({ name: 'embedding' });
  const { output } = model.forward(builder, {
    batch: BATCH,
    tokens: TOKENS,
    training: false,
    table: 'graph',
    device: 'wasm',
  });
  builder.output(output, 'embedding');
  return peakActivationBytes(builder.build());
}

function trainableOf({ parameters }: TrainableModel): number {
  let count = 0;
  for (const { dims, trainable } of parameters.values())
    if (trainable) count += dims.reduce((product, dim) => product * dim, 1);
  return count;
}
