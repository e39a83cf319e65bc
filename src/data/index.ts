/** Tables: files in, columns, labels, splits, and tables out. */
export * from './types';
export { decodeBytes, type DecodedText } from './decode';
export { parseTable } from './parse';
export { TAGS_COLUMN, WORDS_COLUMN } from './conll';
export { dataTables, findColumns, findFileParts, wordCount } from './columns';
export {
  cellsOf,
  classCounts,
  labelSentences,
  labelTexts,
  selectRows,
  sortClasses,
  textLengths,
  type LabelOptions,
  type TextLengths,
} from './labels';
export { makeSplit, splitSentences, type FileParts } from './split';
export { drawRows, drawTexts } from './draw';
export { groupTexts, normalText, type RowGroups } from './audit/same-text';
export { namesOf } from './wizard/names';
export {
  inspectTables,
  suggestedSplit,
  type DataTask,
  type InspectOptions,
  type InspectReport,
  type InspectedFile,
} from './wizard/inspect';
export { auditData, type AuditInput } from './audit/audit';
export { junkOf, type TokenLimit } from './audit/rows';
export { applyRepairs, splitRepaired, type Repaired } from './repair/apply';
export { splitCsv } from './split/csv';
export { dominantTag, entityType, tagWords } from './tags';
export { predictionsCsv, rowsCsv, safeCell, type CsvCell } from './csv';
export { parseParseSettings, parseSplitSettings } from './settings';
