/** What a words baseline says of texts, and which words it goes by. */
import { probabilitiesOf } from '../heads';
import { columnsOf, sparseRow } from './tfidf';
import type { TfidfModel } from './types';

/** Probabilities, [texts, classes] row-major; rows sum to 1 when a text has one class. */
export function predictTfidf(model: TfidfModel, texts: Iterable<string>): Float64Array {
  const columns = columnsOf(model.vocabulary);
  const { coef, intercept } = model;
  const outputs = intercept.length;
  const logits: number[] = [];
  for (const text of texts) {
    const own = intercept.slice();
    for (const { column, value } of sparseRow(text, model.vocabulary, columns))
      for (let k = 0; k < outputs; k++) own[k]! += value * coef[column * outputs + k]!;
    logits.push(...own);
  }
  const all = Float64Array.from(logits);
  if (!model.multiLabel) return probabilitiesOf(all, logits.length / outputs, model.classes.length);
  return all.map((z) => {
    const e = Math.exp(-Math.abs(z));
    return (z > 0 ? 1 : e) / (1 + e);
  });
}
