import { join } from 'node:path';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';
import { securityHeaders } from '../../../src/platform/web/policy';

/** The page alone, over an engine in memory. */
export default defineConfig({
  root: join(import.meta.dirname, '../../..'),
  cacheDir: join(import.meta.dirname, '../../../node_modules/.vite/page'),
  plugins: [svelte()],
  server: { headers: securityHeaders(null, { inlineStyles: true }), hmr: false, watch: null },
});
