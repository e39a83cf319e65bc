/** Zips: the same files give the same bytes and come back; hostile ones are refused before unpacking. */
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { HeadlightError } from '../../../src/base';
import { readArchive, writeArchive } from '../../../src/project';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('archives', () => {
  it('come back as they were, in any order of writing', () => {
    const files = new Map([
      ['b/données.csv', bytes('text,label\n"é, ü",1\n')],
      ['a.json', bytes('{}')],
      ['model.onnx', new Uint8Array(5000).map((_, i) => (i * 7919) % 251)],
    ]);
    const zip = writeArchive(files);
    expect(readArchive(zip, 'x.zip')).toEqual(new Map([...files].sort()));
    expect(writeArchive(new Map([...files].reverse()))).toEqual(zip);
  });

  it('of one line repeated over 5 MB opens again, and stays small where it can', () => {
    const line = 'the same text,the same label\n';
    const files = new Map([
      ['files/repeated.csv', bytes(line.repeat(Math.ceil(5e6 / line.length)))],
      ['files/usual.csv', bytes(Array.from({ length: 2000 }, (_, i) => `text ${i},a\n`).join(''))],
    ]);
    const zip = writeArchive(files);
    const back = readArchive(zip, 'x.zip');
    for (const [name, before] of files)
      expect(Buffer.compare(back.get(name) ?? new Uint8Array(), before), name).toBe(0);
    expect(zip.length).toBeLessThan(5e6 + 20_000);
  });

  it.each([
    ['a bomb', zipSync({ 'a.txt': new Uint8Array(200_000_000) }), 'unpack to more'],
    ['an entry outside its folder', zipSync({ '../evil': bytes('x') }), 'outside its folder'],
    ['an absolute entry', zipSync({ '/etc/passwd': bytes('x') }), 'outside its folder'],
    ['no zip', bytes('text,label\n'), 'not a zip'],
    [
      'a zip cut short',
      writeArchive(new Map([['a', bytes('x'.repeat(999))]])).slice(0, 60),
      'not a zip',
    ],
  ])('refuses %s', (_, zip, words) => {
    let error: unknown;
    try {
      readArchive(zip, 'x.zip');
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(HeadlightError);
    expect((error as HeadlightError).code).toBe('bad-file');
    expect((error as HeadlightError).message).toContain(words);
  });
});
