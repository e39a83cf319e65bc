/** The little that is read of the `config.json` of an architecture that Headlight does not know. */
import * as v from 'valibot';
import { HeadlightError, readJson } from '../../../base';

const count = v.optional(v.nullable(v.pipe(v.number(), v.integer(), v.minValue(1))));

const schema = v.object({
  model_type: v.optional(v.string()),
  max_position_embeddings: count,
  n_positions: count,
  max_seq_len: count,
  hidden_size: count,
  n_embd: count,
  dim: count,
  d_model: count,
  pad_token_id: v.optional(v.nullable(v.unknown())),
});

/** Where positions are not said, as BERT. */
const USUAL_POSITIONS = 512;

/** Architectures whose positions begin after the padding's id (Liu et al. 2019, as fairseq has it). */
const OFFSET = /roberta|^mpnet$|^camembert$|^xmod$|^longformer$|^data2vec-text$|^esm$/;

/** @throws HeadlightError `bad-model` when it is not a JSON object, or a size in it is no number. */
export function longestText(bytes: Uint8Array): {
  readonly modelType: string | null;
  readonly maxTokens: number;
  /** Of the last hidden state; null: not said. */
  readonly hiddenSize: number | null;
} {
  const json = readJson(bytes, 'The encoder’s config.json', {
    hint: 'Download or copy the model’s folder again.',
  });
  const parsed = v.safeParse(schema, json);
  if (!parsed.success)
    throw new HeadlightError(
      'bad-model',
      `The encoder’s config.json cannot be used: ${parsed.issues[0].message}`,
      { hint: 'Choose a model with a complete config.json, as transformers writes it.' },
    );
  const found = parsed.output;
  const modelType = found.model_type ?? null;
  const positions =
    found.max_position_embeddings ?? found.n_positions ?? found.max_seq_len ?? USUAL_POSITIONS;
  const pad = typeof found.pad_token_id === 'number' ? found.pad_token_id : 1;
  const offset = OFFSET.test(modelType ?? '') ? pad + 1 : 0;
  const hiddenSize = found.hidden_size ?? found.n_embd ?? found.dim ?? found.d_model ?? null;
  return { modelType, maxTokens: Math.max(3, positions - offset), hiddenSize };
}
