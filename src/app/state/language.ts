/** The language of a project's texts, as far as the rows that the page shows tell. */
import { languageOf, type ProjectView } from '../../engine';

/** ISO 639-1; null where it is not clear. */
export function languageOfView({ files, choice }: ProjectView): string | null {
  const texts = files
    .filter(({ role }) => role === 'train')
    .flatMap(({ columnNames, preview }) => {
      const at = columnNames.indexOf(choice.textColumn ?? '');
      return at < 0 ? [] : preview.map((row) => row[at] ?? '');
    });
  return languageOf(texts);
}
