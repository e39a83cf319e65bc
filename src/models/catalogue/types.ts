/**
 * The bundled catalogue: the usual foundation models of the Hugging Face Hub by id, with what is known of each
 * before anything is downloaded. `public/models/hub.json` holds it; tools/build-catalogue.ts writes it.
 */
import * as v from 'valibot';
import { HeadlightError } from '../../base';
import type { Assets } from '../../platform';
import { TRANSFORMERS } from '../encoders';

const CATALOGUE_PATH = 'models/hub.json';

const bytes = v.pipe(v.number(), v.integer(), v.minValue(0));

/** For a batch of 8 texts of 128 tokens on a processor: what a graph keeps while it runs. */
const workSchema = v.object({
  /** Weights that learn; 0 where nothing does. */
  trainable: bytes,
  /** Bytes. */
  activations: bytes,
});

const modelSchema = v.object({
  /** `owner/name`. */
  id: v.string(),
  architecture: v.picklist(TRANSFORMERS),
  /** As `transformers` counts them: `AutoModel.num_parameters()`. */
  parameters: bytes,
  layers: bytes,
  hiddenSize: bytes,
  maxTokens: bytes,
  /** As its card says; null: not known here. */
  licence: v.nullable(v.string()),
  /** ISO 639-1, or `multilingual`. */
  languages: v.array(v.string()),
  /** One line: when to use it. */
  about: v.string(),
  /** Words to find it by: `sentences`, `small`, `toxic`. */
  purposes: v.array(v.string()),
  /** The classifier that it comes with; null: none. */
  head: v.nullable(v.object({ task: v.string(), classes: bytes })),
  /** What its tokenizer can be read from in its repository. */
  tokenizer: v.picklist(['tokenizer.json', 'vocab.txt', 'vocab.json', 'spm.model']),
  /** About what is downloaded: its repository keeps one checkpoint, whatever precision is made of it. */
  download: bytes,
  /** Of its weights as they are kept in memory, in each precision. */
  bytes: v.object({ fp32: bytes, fp16: bytes, q8: bytes, q4: bytes }),
  /** Elements of its largest tensor. */
  largest: bytes,
  work: v.object({ embed: workSchema, lora: workSchema, full: workSchema }),
});

const catalogueSchema = v.object({
  format: v.literal('headlight.hub-catalogue'),
  version: v.literal(1),
  models: v.array(modelSchema),
});

export type CatalogueModel = v.InferOutput<typeof modelSchema>;
export type HubCatalogue = v.InferOutput<typeof catalogueSchema>;

/** @throws HeadlightError `internal` when the catalogue that was built in cannot be read. */
export async function readHubCatalogue(assets: Assets): Promise<readonly CatalogueModel[]> {
  const content = await assets.read(CATALOGUE_PATH);
  try {
    return v.parse(catalogueSchema, JSON.parse(new TextDecoder().decode(content))).models;
  } catch (cause) {
    throw new HeadlightError('internal', 'The catalogue of models cannot be read.', {
      hint: 'This copy of Headlight is not whole: build it again. A model can still be fetched by its id.',
      cause,
    });
  }
}
