/** Texts to time embedding with: the sample's, repeated with a number so that none is the same. */
import { readFile } from 'node:fs/promises';
import { cellsOf, parseTable } from '../../src/data';

export async function benchTexts(count: number): Promise<string[]> {
  const name = 'support-inbox.csv';
  const url = new URL(`../../public/samples/${name}`, import.meta.url);
  const table = parseTable({ name, bytes: new Uint8Array(await readFile(url)) });
  const messages = [...cellsOf(table, 'message')];
  return Array.from({ length: count }, (_, index) => {
    const message = messages[index % messages.length] ?? '';
    return index < messages.length
      ? message
      : `${message} (${Math.floor(index / messages.length)})`;
  });
}
