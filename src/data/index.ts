/** Tables: files in, columns, labels, splits, and tables out. */
export * from './types';
export { decodeBytes, type DecodedText } from './decode';
export { parseTable } from './parse';
export { findColumns, wordCount } from './columns';
export {
  cellsOf,
  classCounts,
  labelTexts,
  sortClasses,
  textLengths,
  type TextLengths,
} from './labels';
export { makeSplit } from './split';
export { predictionsCsv, rowsCsv, safeCell, type CsvCell } from './csv';
export { parseParseSettings, parseSplitSettings } from './settings';
