import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type UserConfig } from 'vite';
import { securityHeaders } from './src/platform/web/policy.ts';
import { licenceCollector } from './tools/vite/licences.ts';
import { noCdnPlugin } from './tools/vite/no-cdn.ts';
import { buildConstants, runtimeFilesPlugin } from './tools/vite/runtime-files.ts';
import { serviceWorkerPlugin } from './tools/vite/service-worker.ts';
import { standalonePlugin } from './tools/vite/standalone.ts';
import { tfjsThreadsPlugin } from './tools/vite/tfjs-threads.ts';

/** The ML worker's lazy chunks (tfjs' kernels) are large, and only fetched when used. */
const CHUNK_WARNING_KB = 1200;

/** Vite's development server cannot change its policy as the service worker does; this opens it. */
const devModelHost = process.env['HEADLIGHT_MODEL_HOST'] ?? null;

/** What the page's build and the test harness's have in common. */
export function sharedConfig(command: 'build' | 'serve'): UserConfig {
  // What is built is what ships, also when a test runner that sets another NODE_ENV builds it.
  if (command === 'build') process.env['NODE_ENV'] = 'production';
  const licences = licenceCollector();
  return {
    // Relative: the build works from any sub-path.
    base: './',
    define: buildConstants(),
    // ONNX Runtime is told where its WebAssembly lies; without this it would bundle a copy.
    resolve: {
      conditions: [
        'onnxruntime-web-use-extern-wasm',
        'module',
        'browser',
        'development|production',
      ],
    },
    plugins: [
      runtimeFilesPlugin(),
      licences.collect(),
      licences.write(),
      noCdnPlugin(),
      serviceWorkerPlugin(),
    ],
    build: {
      target: 'es2022',
      // Inlined assets would be data: addresses, which the policy does not allow.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      chunkSizeWarningLimit: CHUNK_WARNING_KB,
      reportCompressedSize: false,
    },
    worker: {
      format: 'es',
      plugins: () => [tfjsThreadsPlugin(), licences.collect(), noCdnPlugin()],
    },
    server: { headers: securityHeaders(devModelHost, { inlineStyles: true }) },
    preview: { headers: securityHeaders(null) },
  };
}

export default defineConfig(({ command }) => {
  const shared = sharedConfig(command);
  return { ...shared, plugins: [svelte(), standalonePlugin(), ...(shared.plugins ?? [])] };
});
