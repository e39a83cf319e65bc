import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type UserConfig } from 'vite';
import { securityHeaders } from './src/platform/web/policy';
import { noCdnPlugin } from './tools/vite/no-cdn';
import { buildConstants, runtimeFilesPlugin } from './tools/vite/runtime-files';
import { serviceWorkerPlugin } from './tools/vite/service-worker';

/** Vite's own limit for a warning, in kB: the ML worker's lazy chunks are large, and only fetched when used. */
const CHUNK_WARNING_KB = 1200;

/** What the page's build and the test harness's have in common. */
export function sharedConfig(): UserConfig {
  return {
    base: './',
    define: buildConstants(),
    // Runtimes are told where their WebAssembly lies; without this they would bundle a copy.
    resolve: {
      conditions: [
        'onnxruntime-web-use-extern-wasm',
        'module',
        'browser',
        'development|production',
      ],
    },
    plugins: [runtimeFilesPlugin()],
    build: {
      target: 'es2022',
      sourcemap: false,
      // Inlined assets would be data: addresses, which the policy does not allow.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      chunkSizeWarningLimit: CHUNK_WARNING_KB,
      reportCompressedSize: false,
    },
    worker: { format: 'es', plugins: () => [noCdnPlugin()] },
    server: { headers: securityHeaders(null, { inlineStyles: true }) },
    preview: { headers: securityHeaders(null) },
  };
}

export default defineConfig(() => {
  const shared = sharedConfig();
  return {
    ...shared,
    plugins: [svelte(), ...(shared.plugins ?? []), noCdnPlugin(), serviceWorkerPlugin()],
  };
});
