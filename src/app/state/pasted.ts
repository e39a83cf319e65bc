/** Pasted text as a file: it goes the way of any dropped file. */

/** Whether most lines have cells divided by tabs, as a spreadsheet copies them. */
function isOfCells(text: string): boolean {
  const lines = text.split(/\r\n?|\n/).filter((line) => line.trim() !== '');
  return lines.filter((line) => line.includes('\t')).length > lines.length / 2;
}

/**
 * `pasted.tsv` for cells of a spreadsheet, `pasted.txt` for anything else; with a number behind it where a file
 * of that name is there already.
 */
export function pastedFile(text: string, taken: readonly string[] = []): File {
  const ending = isOfCells(text) ? 'tsv' : 'txt';
  let name = `pasted.${ending}`;
  for (let number = 2; taken.includes(name); number++) name = `pasted-${number}.${ending}`;
  return new File([text], name, { type: 'text/plain' });
}

/** What a paste holds: its text, else its files; a copied table carries a picture of itself beside the text. */
export function pastedFiles(
  data: Pick<DataTransfer, 'files' | 'getData'>,
  taken: readonly string[] = [],
): readonly File[] {
  const text = data.getData('text/plain');
  return text.trim() === '' ? [...data.files] : [pastedFile(text, taken)];
}

/** Whether a paste belongs to the field that has focus. */
export function takesText(element: Element | null): boolean {
  return (
    element !== null &&
    element.closest('input:not([type=file]), textarea, select, [contenteditable], dialog') !== null
  );
}
