/** Files that ship with Headlight, from the package's `public/` and from what was built beside it. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { HeadlightError } from '../../base';
import type { Assets } from '../platform';

/** @param built where what starts with `<name>/` lies, for what is not in the folder: made by the build. */
export function createNodeAssets(
  folder: string,
  built: Readonly<Record<string, string>> = {},
): Assets {
  return {
    async read(path, onBytes) {
      const under = built[path.split('/')[0] ?? ''];
      if (under !== undefined) return createNodeAssets(under).read(path, onBytes);
      const file = resolve(folder, ...path.split('/'));
      const inside = relative(folder, file);
      if (inside === '' || inside.startsWith('..')) {
        throw new HeadlightError('not-found', `${path} does not ship with Headlight.`);
      }
      let total: number;
      try {
        const info = await stat(file);
        if (!info.isFile()) throw new Error(`${file} is a folder.`);
        total = info.size;
      } catch (cause) {
        throw new HeadlightError('not-found', `${path} does not ship with this Headlight.`, {
          hint: `It should stand in ${folder}. Install Headlight again.`,
          cause,
        });
      }
      const bytes = new Uint8Array(total);
      let done = 0;
      for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) {
        const piece = chunk as Buffer;
        if (done + piece.length > total) break;
        bytes.set(piece, done);
        done += piece.length;
        onBytes?.(done, total);
      }
      if (done !== total) {
        throw new HeadlightError('bad-file', `${file} changed while it was read.`, {
          hint: 'Start again.',
        });
      }
      return bytes;
    },
  };
}
