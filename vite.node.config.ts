/**
 * Builds the command line: ESM, its packages left to node_modules. `engine-process.js` is what `headlight serve` runs
 * beside itself; what both need stands in chunks. Beside them the classifier page's parts.
 */
import { defineConfig } from 'vite';
import { standalonePlugin } from './tools/vite/standalone.ts';

export default defineConfig({
  // The page's assets are not copied beside it.
  publicDir: false,
  plugins: [standalonePlugin()],
  build: {
    ssr: true,
    target: 'node20',
    outDir: 'dist-node',
    emptyOutDir: true,
    minify: false,
    rolldownOptions: {
      input: {
        headlight: 'companion/main.ts',
        'engine-process': 'companion/engine-process.ts',
        'helper-process': 'companion/helper-process.ts',
      },
      // Another build within this one takes most of its time.
      checks: { bundlerTimings: false },
      output: {
        entryFileNames: '[name].js',
        chunkFileNames: '[name]-[hash].js',
        banner: (chunk) =>
          chunk.isEntry && chunk.name === 'headlight' ? '#!/usr/bin/env node' : '',
      },
    },
  },
});
