/** Ways to divide rows into parts, and a part as a file. */
export { splitCsv } from './csv';
export { splitGiven, type GivenParts } from './given';
export { divideByLabels } from './iterative';
export { TEST, VALIDATION, divideByClass, divideByRows } from './stratified';
