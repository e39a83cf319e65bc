/** How a run is called where several stand together. */
import type { RunView } from '../../../engine';

export function encoderName({ record }: RunView): string {
  return record.encoder.id;
}

/** What sets a run apart from others with the same encoder. */
export function encoderDetail({ record }: RunView): string {
  const { encoder, head } = record;
  const parts =
    encoder.architecture === 'static'
      ? ['static embeddings']
      : [`layer ${encoder.layer}`, encoder.pooling];
  parts.push(encoder.precision, encoder.device, `C = ${head.fit.C}`);
  if (head.class_weight === 'balanced') parts.push('balanced');
  if (head.standardize) parts.push('standardised');
  return parts.join(', ');
}
