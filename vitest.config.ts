/**
 * Tests in Node (`unit`), and in real browsers that the tests drive themselves: `browser`, two files a
 * core at a time, and after them `threads`, one file at a time with all cores, where pages run threads of their own. (Threads
 * of WASM wait for each other in loops: two pages that share two cores need four times as long as one after the other.)
 */
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import { lanes } from './test/helpers/cores';
import { SlowFirst } from './test/helpers/slow-first';

/** What the threads of a page's runtimes are tested in. */
const ALL_CORES = [
  'test/browser/own-requests.test.ts',
  'test/browser/parity.test.ts',
  'test/browser/platform.test.ts',
  'test/browser/platform-static-host.test.ts',
];
const IN_BROWSERS = {
  environment: 'node',
  globalSetup: ['test/helpers/build-once.ts'],
  testTimeout: 300_000,
  hookTimeout: 300_000,
};

export default defineConfig({
  test: {
    sequence: { sequencer: SlowFirst },
    projects: [
      {
        // The page's state classes hold runes.
        plugins: [svelte()],
        test: {
          name: 'unit',
          environment: 'node',
          include: ['test/unit/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          // Files of one worker share the modules, which takes as long to load as most files take to run: a file leaves
          // globals, the environment and mocks as it found them.
          isolate: false,
          // Vitest leaves a core to others, which of two is half of all.
          maxWorkers: '100%',
          setupFiles: ['test/helpers/own-core.ts'],
        },
      },
      {
        test: {
          ...IN_BROWSERS,
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          exclude: ALL_CORES,
          maxWorkers: lanes(),
          setupFiles: ['test/helpers/own-core.ts'],
        },
      },
      {
        test: {
          ...IN_BROWSERS,
          name: 'threads',
          include: ALL_CORES,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
