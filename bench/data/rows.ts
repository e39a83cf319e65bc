/** The file that is read: so many rows of an id, a text of a few sentences (quotes, commas, breaks) and a label. */
import { open } from 'node:fs/promises';

const WORDS =
  'the parcel never came and nobody answers my mails, which is why I ask again whether “größer” boxes cost more'.split(
    ' ',
  );

export async function writeRows(path: string, rows: number): Promise<void> {
  const file = await open(path, 'w');
  try {
    await file.writeFile('id,text,label\n');
    for (let start = 0; start < rows; start += 10_000) {
      let text = '';
      for (let row = start; row < Math.min(rows, start + 10_000); row++) {
        const words: string[] = [];
        for (let i = 0; i < 44; i++)
          words.push(WORDS[(row * 7 + i * (1 + (row % 5))) % WORDS.length]!);
        const said = row % 9 === 0 ? ' He said ""no"".\nAnd left.' : ` It is row ${row}.`;
        text += `${row},"${words.join(' ')}${said}",label ${row % 6}\n`;
      }
      await file.writeFile(text);
    }
  } finally {
    await file.close();
  }
}
