/** How alike two embeddings of the same texts are. */
import type { Features } from './embedder';

/** The cosine of each row of one to the same row of the other: [rows]. Two rows of zeros (texts without tokens) agree. */
export function rowCosines(a: Features, b: Features): Float64Array {
  return Float64Array.from({ length: a.rows }, (_, row) => {
    let dot = 0;
    let squareA = 0;
    let squareB = 0;
    for (let i = row * a.columns; i < (row + 1) * a.columns; i++) {
      const x = a.data[i] ?? 0;
      const y = b.data[i] ?? 0;
      dot += x * y;
      squareA += x * x;
      squareB += y * y;
    }
    if (squareA === 0 || squareB === 0) return squareA === squareB ? 1 : 0;
    return dot / Math.sqrt(squareA * squareB);
  });
}
