/** Builds the command line: one ESM file, its packages left to node_modules. */
import { defineConfig } from 'vite';

export default defineConfig({
  // The page's assets are not copied beside it.
  publicDir: false,
  build: {
    ssr: 'companion/main.ts',
    target: 'node20',
    outDir: 'dist-node',
    emptyOutDir: true,
    minify: false,
    rolldownOptions: {
      output: {
        entryFileNames: 'headlight.js',
        chunkFileNames: '[name]-[hash].js',
        banner: (chunk) => (chunk.isEntry ? '#!/usr/bin/env node' : ''),
      },
    },
  },
});
