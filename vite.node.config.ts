/** Builds the command line: one ESM file, its packages left to node_modules; beside it the classifier page's parts. */
import { defineConfig } from 'vite';
import { standalonePlugin } from './tools/vite/standalone';

export default defineConfig({
  // The page's assets are not copied beside it.
  publicDir: false,
  plugins: [standalonePlugin()],
  build: {
    ssr: 'companion/main.ts',
    target: 'node20',
    outDir: 'dist-node',
    emptyOutDir: true,
    minify: false,
    rolldownOptions: {
      // Another build within this one takes most of its time.
      checks: { bundlerTimings: false },
      output: {
        entryFileNames: 'headlight.js',
        chunkFileNames: '[name]-[hash].js',
        banner: (chunk) => (chunk.isEntry ? '#!/usr/bin/env node' : ''),
      },
    },
  },
});
