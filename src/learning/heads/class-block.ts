/**
 * Some classes of a softmax fitted while the others stay as they are: a step of block coordinate descent (Nocedal & Wright,
 * Numerical Optimization, 2006, section 9.3; with blocks of classes as Simon, Friedman & Hastie, A blockwise descent
 * algorithm for group-penalized multiresponse and multinomial regression, 2013). A row that comes in moves the weights of its own class and
 * of those that it is mistaken for, and hardly the others: these few are fitted for a tenth of the products.
 */
import { descend, type DescentSettings, type LinearProblem } from './conjugate-gradients';
import { logitOfOthers } from './probabilities';

/**
 * @param classes which outputs are fitted.
 * @param point [columns, outputs], intercepts last, whose mean becomes 0; moved in place.
 * @param logits of the point, [rows, outputs]; they move with it.
 */
export async function descendClasses(
  problem: LinearProblem,
  classes: readonly number[],
  point: Float32Array,
  logits: Float32Array,
  settings: DescentSettings,
): Promise<void> {
  const { features, outputs, targets } = problem;
  const own: LinearProblem = {
    ...problem,
    outputs: classes.length,
    targets: columnsOf(targets, outputs, classes, new Uint8Array(features.rows * classes.length)),
    rest: logitOfOthers(logits, outputs, classes),
  };
  const start = {
    point: columnsOf(point, outputs, classes, new Float32Array(features.columns * classes.length)),
    logits: columnsOf(logits, outputs, classes, new Float32Array(features.rows * classes.length)),
  };
  const found = await descend(own, start, settings);
  setColumns(point, outputs, classes, found.point);
  setColumns(logits, outputs, classes, await features.times(found.point, classes.length));
  centreIntercepts(point, logits, outputs);
}

/** All classes together may be as likely as they like: intercepts have no penalty, and their mean is held at 0. */
function centreIntercepts(point: Float32Array, logits: Float32Array, outputs: number): void {
  const intercepts = point.subarray(point.length - outputs);
  const mean = intercepts.reduce((sum, value) => sum + value, 0) / outputs;
  for (let k = 0; k < outputs; k++) intercepts[k]! -= mean;
  for (let at = 0; at < logits.length; at++) logits[at]! -= mean;
}

/** Some columns of [any, width]. @param into [any, columns], which becomes them. */
function columnsOf<Values extends Float32Array | Uint8Array>(
  values: Values,
  width: number,
  columns: readonly number[],
  into: Values,
): Values {
  for (let from = 0, at = 0; from < values.length; from += width)
    for (const column of columns) into[at++] = values[from + column]!;
  return into;
}

/** The other way round. */
function setColumns(
  values: Float32Array,
  width: number,
  columns: readonly number[],
  own: Float32Array,
): void {
  for (let from = 0, at = 0; from < values.length; from += width)
    for (const column of columns) values[from + column] = own[at++]!;
}
