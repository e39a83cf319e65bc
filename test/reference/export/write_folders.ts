/**
 * Writes every folder of test/helpers/export-parts.ts, and the texts, under the given folder, for
 * load_huggingface.py.
 *
 *     npx tsx test/reference/export/write_folders.ts OUT
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MAX_TOKENS, REFERENCE_TEXTS, referenceFolders } from '../../helpers/export-parts';

const out = process.argv[2];
if (out === undefined) throw new Error('usage: write_folders.ts OUT');
for (const [name, files] of referenceFolders()) {
  for (const [path, bytes] of files) {
    const target = join(out, name, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, bytes);
  }
}
await writeFile(
  join(out, 'texts.json'),
  JSON.stringify({ texts: REFERENCE_TEXTS, max: MAX_TOKENS }),
);
