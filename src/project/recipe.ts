/** Between a run's recipe and the choice it was made from. */
import type { Table } from '../data';
import type { DataChoice, ProjectRecord, Recipe, RecipeFile } from './types';

/** How a file was read, for the recipe. */
export function recipeFile(record: ProjectRecord, table: Table): RecipeFile {
  const file = record.files.find((candidate) => candidate.name === table.name);
  return {
    name: table.name,
    sha256: file?.sha256 ?? '',
    format: table.format,
    encoding: table.encoding,
    delimiter: table.delimiter,
    hasHeader: table.hasHeader,
  };
}

/**
 * The choice that reads the recipe's files as they were read then. Settings are pinned only where both
 * files agree: a file whose encoding differs from the other's is sniffed, which is deterministic.
 */
export function choiceOfRecipe(recipe: Recipe): DataChoice {
  const { train, test, text, text_pair, label } = recipe.data;
  const same = (key: 'format' | 'encoding' | 'delimiter' | 'hasHeader'): boolean =>
    test === null || train[key] === test[key];
  return {
    trainFile: train.name,
    testFile: test?.name ?? null,
    textColumn: text,
    textPairColumn: text_pair,
    labelColumn: label,
    split: recipe.split,
    parse: {
      ...(same('format') ? { format: train.format } : {}),
      ...(same('encoding') ? { encoding: train.encoding } : {}),
      ...(same('delimiter') ? { delimiter: train.delimiter } : {}),
      ...(same('hasHeader') ? { hasHeader: train.hasHeader } : {}),
    },
  };
}
