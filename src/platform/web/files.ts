/**
 * The runtimes' files that the build copies beside the page, and where: `runtime/<name>-<version>/<file>`.
 * The version in the path lets a new release and an old open tab live side by side. Read by the build
 * (`tools/vite/`) and by the worker; free of the DOM and of Node.
 *
 * The Asyncify build of ONNX Runtime (WebGPU where the browser cannot suspend WebAssembly) is over the
 * 25 MiB that some static hosts take for one file, so it ships in two parts and is joined in memory.
 */

export const ORT_PACKAGE = 'onnxruntime-web';
export const TFJS_WASM_PACKAGE = '@tensorflow/tfjs-backend-wasm';

/** The builds of ONNX Runtime that are used, by what they need from the browser. */
export type OrtBuild = 'jspi' | 'wasm' | 'asyncify';

interface OrtFiles {
  readonly mjs: string;
  /** One file, or the parts that are joined. */
  readonly wasm: readonly string[];
}

export const ORT_FILES: Readonly<Record<OrtBuild, OrtFiles>> = {
  jspi: {
    mjs: 'ort-wasm-simd-threaded.jspi.mjs',
    wasm: ['ort-wasm-simd-threaded.jspi.wasm'],
  },
  wasm: {
    mjs: 'ort-wasm-simd-threaded.mjs',
    wasm: ['ort-wasm-simd-threaded.wasm'],
  },
  asyncify: {
    mjs: 'ort-wasm-simd-threaded.asyncify.mjs',
    wasm: [
      'ort-wasm-simd-threaded.asyncify.wasm.part1',
      'ort-wasm-simd-threaded.asyncify.wasm.part2',
    ],
  },
};

export const TFJS_WASM_FILES = [
  'tfjs-backend-wasm.wasm',
  'tfjs-backend-wasm-simd.wasm',
  'tfjs-backend-wasm-threaded-simd.wasm',
] as const;

/** tfjs' threaded build computes on half the cores at most: on two it gains nothing. */
const FEWEST_TFJS_THREADS = 3;

/**
 * Threads for tfjs on WASM; 1 is its build without threads. In Firefox always: the threaded build never
 * finishes starting in about one of four loads there (153, seen on two cores). A fit takes seconds either way.
 * @param threads that there could be.
 */
export function tfjsThreads(threads: number, userAgent: string): number {
  return threads >= FEWEST_TFJS_THREADS && !/\bFirefox\//.test(userAgent) ? threads : 1;
}

/** The build that computes on so many threads. */
export function tfjsWasmFile(threads: number): (typeof TFJS_WASM_FILES)[number] {
  return threads > 1 ? 'tfjs-backend-wasm-threaded-simd.wasm' : 'tfjs-backend-wasm-simd.wasm';
}

/** `runtime/onnxruntime-web-1.31.0/` of the package's version, relative to the page. */
export function runtimeFolder(packageName: string, version: string): string {
  return `runtime/${packageName.replace(/^@.*\//, '')}-${version}/`;
}

/** Which build serves a device in this browser: JSPI needs a WebAssembly that can be suspended. */
export function ortBuildFor(device: 'wasm' | 'webgpu'): OrtBuild {
  if ('Suspending' in WebAssembly) return 'jspi';
  return device === 'wasm' ? 'wasm' : 'asyncify';
}
