/** Tables: files in, columns, labels, splits, and tables out. */
export * from './types';
export { decodeBytes, type DecodedText } from './decode';
export { parseTable } from './parse';
export { TAGS_COLUMN, WORDS_COLUMN } from './conll';
export { findColumns, wordCount } from './columns';
export {
  cellsOf,
  classCounts,
  labelSentences,
  labelTexts,
  sortClasses,
  textLengths,
  type TextLengths,
} from './labels';
export { makeSplit, splitSentences } from './split';
export { drawRows } from './draw';
export { dominantTag, entityType, tagWords } from './tags';
export { predictionsCsv, rowsCsv, safeCell, type CsvCell } from './csv';
export { parseParseSettings, parseSplitSettings } from './settings';
