import { join } from 'node:path';
import { defineConfig } from 'vite';
import { sharedConfig } from '../../../vite.config';

/** Tells two builds apart, as two releases are: see `platform-release.test.ts`. */
const release = process.env['HARNESS_RELEASE'] ?? 'one';

export default defineConfig(({ command }) => {
  const shared = sharedConfig(command);
  return {
    ...shared,
    root: import.meta.dirname,
    publicDir: join(import.meta.dirname, 'public'),
    cacheDir: join(import.meta.dirname, '../../../node_modules/.vite/harness'),
    define: { ...shared.define, __RELEASE__: JSON.stringify(release) },
  };
});
