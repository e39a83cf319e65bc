/** The two inputs every encoder's graph takes, and the repair of texts that were cut without their closing token. */
import { attribute, type GraphBuilder, type Value } from '../../graph/onnx';

export interface TokenInputs {
  /** int64 [batch, tokens]. */
  readonly ids: Value;
  /** [batch, tokens], float32: 1 for a token, 0 for padding. */
  readonly mask: Value;
  /** int64 [batch, tokens]; absent or null: every token is of type 0. */
  readonly types?: Value | null;
}

/** The special token that ends every text, and how many tokens a text may have, it included. */
export interface ClosingToken {
  readonly id: number;
  readonly maxTokens: number;
}

/**
 * Adds `input_ids` and `attention_mask` (int64 [batch, tokens], padded on the right).
 *
 * @param closing put at the last place of each text that fills `maxTokens`. A text that was cut as Python's
 *   tokenizers cut has it there already; transformers.js cuts it off. Shorter texts stay as they are.
 */
export function addTokenInputs(
  builder: GraphBuilder,
  closing: ClosingToken | null = null,
): TokenInputs {
  const ids = builder.input('input_ids', 'int64', ['batch', 'tokens']);
  const attentionMask = builder.input('attention_mask', 'int64', ['batch', 'tokens']);
  const mask = builder.add('Cast', [attentionMask], { to: attribute.elementType('float32') });
  if (closing === null) return { ids, mask };
  const int64 = (value: number): Value =>
    builder.constant('int64', [], BigInt64Array.of(BigInt(value)));
  const length = builder.add('Squeeze', [
    builder.add('Shape', [ids], { start: attribute.int(1), end: attribute.int(2) }),
    builder.integers(0),
  ]);
  // Places counted from 1, 0 where there is padding: so the mask is respected by the one comparison.
  const places = builder.withDims(
    builder.add('Range', [int64(1), builder.add('Add', [length, int64(1)]), int64(1)]),
    ['tokens'],
  );
  const isLast = builder.add('Equal', [
    builder.add('Mul', [attentionMask, places]),
    int64(closing.maxTokens),
  ]);
  const closed = builder.add('Where', [isLast, int64(closing.id), ids]);
  return { ids: builder.withDims(closed, ['batch', 'tokens']), mask };
}
