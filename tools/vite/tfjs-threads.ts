/**
 * Vite plugin: lets tfjs' threads survive minification. tfjs hands its WebAssembly glue to its threads as
 * the text of a function, so that function must not refer to anything outside itself; a minifier renames
 * the one variable that it does refer to (`_scriptDir`, guarded by a `typeof`, which then throws).
 */
import type { Plugin } from 'vite';

const GLUE = /tfjs-backend-wasm\/wasm-out\/tfjs-backend-wasm-threaded-simd\.js$/;
const OUTSIDE = [
  { text: 'typeof _scriptDir !== "undefined" && _scriptDir', instead: 'false' },
  { text: 'Module["mainScriptUrlOrBlob"]||_scriptDir', instead: 'Module["mainScriptUrlOrBlob"]' },
];

export function tfjsThreadsPlugin(): Plugin {
  return {
    name: 'headlight:tfjs-threads',
    apply: 'build',
    transform: {
      filter: { id: GLUE },
      handler(code) {
        let changed = code;
        for (const { text, instead } of OUTSIDE) {
          if (!changed.includes(text)) {
            this.error(
              `tfjs' threaded glue has no \`${text}\` any more: see tools/vite/tfjs-threads.ts`,
            );
          }
          changed = changed.replace(text, instead);
        }
        return { code: changed, map: null };
      },
    },
  };
}
