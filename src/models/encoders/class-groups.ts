/**
 * The logits of a model's own classes as logits of other labels, of which each means one of the classes,
 * several or none: nodes at the end of a graph.
 */
import { attribute, type GraphBuilder, type Value } from '../../graph/onnx';
import { MASKED } from './pooling';

export interface ClassGroups {
  /** For each label the classes that mean it; empty: no class does. */
  readonly groups: readonly (readonly number[])[];
  /**
   * How classes of one label come together. `any`: their probabilities are added (softmax; the log of the sum
   * of exponentials). `most`: the largest counts (sigmoids).
   */
  readonly join: 'any' | 'most';
}

/**
 * @param logits [batch, classes], or [batch, tokens, classes], float32.
 * @returns [batch, labels] or [batch, tokens, labels]. A label without a class gets a logit far below any other;
 *   classes that mean no label are left out, so that a softmax over the labels shares out what the others had.
 */
export function groupClasses(
  builder: GraphBuilder,
  logits: Value,
  classes: number,
  { groups, join }: ClassGroups,
): Value {
  const single = groups.map(([first], label) =>
    groups[label]?.length === 1 && first !== undefined ? first : -1,
  );
  if (single.every((at) => at >= 0)) {
    if (single.length === classes && single.every((at, label) => at === label)) return logits;
    const picked = builder.constant('int64', [single.length], BigInt64Array.from(single, BigInt));
    return builder.add('Gather', [logits, picked], { axis: attribute.int(-1) });
  }
  const bias = new Float32Array(groups.length * classes).fill(MASKED);
  groups.forEach((group, label) => {
    for (const at of group) bias[label * classes + at] = 0;
  });
  const apart = builder.add('Unsqueeze', [logits, builder.integers(-2)]);
  const own = builder.add('Add', [
    apart,
    builder.constant('float32', [groups.length, classes], bias),
  ]);
  const most = builder.add('ReduceMax', [own], {
    axes: attribute.ints([-1]),
    keepdims: attribute.int(1),
  });
  const least = builder.add('Squeeze', [most, builder.integers(-1)]);
  if (join === 'most') return least;
  // Composed, the largest taken out first: not every device's ReduceLogSumExp does.
  const shares = builder.add('Exp', [builder.add('Sub', [own, most])]);
  const sum = builder.add('ReduceSum', [shares, builder.integers(-1)], {
    keepdims: attribute.int(0),
  });
  return builder.add('Add', [least, builder.add('Log', [sum])]);
}
