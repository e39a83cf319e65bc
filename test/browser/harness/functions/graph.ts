/** What `gradients.test.ts` runs in the worker: gradient graphs on WASM and on WebGPU. */
import type { InferenceSession } from 'onnxruntime-web';
import { differentiate } from '../../../../src/graph/autodiff';
import { writeModel } from '../../../../src/graph/onnx';
import type { Platform, TensorData } from '../../../../src/platform';
import { createWebPlatform } from '../../../../src/platform/web';
import { ortBuildFor } from '../../../../src/platform/web/files';
import { gpuDevice } from '../../../../src/platform/web/gpu';
import { loadOrt } from '../../../../src/platform/web/ort-builds';
import { wasmThreads } from '../../../../src/platform/web/runtime';
import { tensorOf, type PlainFeed } from '../../../helpers/golden-gradients';
import { buildCase, tensorsOf, type GradientCase } from '../../../helpers/gradient-cases';
import { FUSED, GRADIENT_CASES, LOG_SOFTMAX } from '../../../helpers/gradient-table';

let made: Promise<Platform> | null = null;
const platform = (): Promise<Platform> => (made ??= createWebPlatform());

/** ONNX Runtime binds the console when it is loaded, so this must stand between them before. */
let listener: ((line: string) => void) | null = null;
for (const level of ['log', 'info', 'warn', 'error', 'debug'] as const) {
  const say = console[level].bind(console);
  console[level] = (...said: unknown[]) => {
    if (listener === null) say(...said);
    else listener(said.map(String).join(' '));
  };
}

const ALL = new Map<string, GradientCase>(
  [...GRADIENT_CASES, ...FUSED, LOG_SOFTMAX].map((one) => [one.name, one]),
);

export interface CaseResult {
  readonly outputs: Readonly<Record<string, readonly number[]>>;
  /** Nodes that ran elsewhere than on the device, `Erf (gradient/Erf_0)`. */
  readonly elsewhere: readonly string[];
}

/** The gradients of one case in float32, and the nodes that WebGPU leaves to the CPU. */
export async function gradientCase(name: string, device: 'wasm' | 'webgpu'): Promise<CaseResult> {
  const one = ALL.get(name);
  if (one === undefined) throw new Error(`No case ${name}`);
  const built = buildCase(one, 'float32');
  const { model } = differentiate(built.model, { loss: 'loss', wrt: built.wrt, device });
  const bytes = writeModel(model);
  const outputs = await runTensors(bytes, device, tensorsOf(built, 'float32'));
  return { outputs, elsewhere: device === 'webgpu' ? await nodesOnCpu(bytes) : [] };
}

async function runTensors(
  bytes: Uint8Array,
  device: 'wasm' | 'webgpu',
  feeds: Readonly<Record<string, TensorData>>,
): Promise<Record<string, number[]>> {
  const { runtime } = await platform();
  const session = await runtime.createSession(bytes, { device });
  try {
    const used = Object.fromEntries(session.inputNames.map((name) => [name, feeds[name]!]));
    const outputs = await session.run(used);
    return Object.fromEntries(
      Object.entries(outputs).map(([name, { data }]) => [name, Array.from(data, Number)]),
    );
  } finally {
    await session.release();
  }
}

/** As `runTensors`, of a model (base64) and plain numbers. */
export async function runModel(
  model: string,
  device: 'wasm' | 'webgpu',
  feeds: Record<string, PlainFeed>,
): Promise<Record<string, number[]>> {
  const inputs = Object.fromEntries(
    Object.entries(feeds).map(([name, feed]) => [name, tensorOf(feed)]),
  );
  return runTensors(bytesOf(model), device, inputs);
}

/** Nodes of a model (base64) that ONNX Runtime places on the CPU when the device is WebGPU. */
export function placedOnCpu(model: string): Promise<string[]> {
  return nodesOnCpu(bytesOf(model));
}

function bytesOf(model: string): Uint8Array {
  return Uint8Array.from(atob(model), (character) => character.charCodeAt(0));
}

/** Reads the placement from ONNX Runtime's own log, which says it at its most talkative level only. */
async function nodesOnCpu(bytes: Uint8Array): Promise<string[]> {
  const { network } = await platform();
  const gpu = await gpuDevice();
  const ort = await loadOrt(ortBuildFor('webgpu'), wasmThreads(), network);
  const lines: string[] = [];
  listener = (line) => lines.push(line);
  let session: InferenceSession | null = null;
  try {
    session = await ort.InferenceSession.create(bytes, {
      executionProviders: [{ name: 'webgpu', device: gpu.device }],
      graphOptimizationLevel: 'all',
      extra: { session: { disable_quant_qdq: '1' } },
      logSeverityLevel: 0,
    });
  } finally {
    listener = null;
    await session?.release();
  }
  return readPlacement(lines);
}

function readPlacement(lines: readonly string[]): string[] {
  const placed: string[] = [];
  let provider: string | null = null;
  let seen = false;
  for (const line of lines.flatMap((text) => text.split('\n'))) {
    const all = /All nodes placed on \[(\w+)\]/.exec(line);
    const some = /Node\(s\) placed on \[(\w+)\]/.exec(line);
    const node = /\]\s+(\w+) \((.*)\)\s*$/.exec(line);
    if (all ?? some) {
      provider = (all ?? some)![1]!;
      seen = true;
      if (all && provider !== 'WebGpuExecutionProvider') placed.push(`every node (${provider})`);
    } else if (provider !== null && node) {
      if (provider !== 'WebGpuExecutionProvider') placed.push(`${node[1]} (${node[2]})`);
    }
  }
  if (!seen)
    throw new Error(`The log does not say where nodes are: ${lines.slice(0, 40).join('\n')}`);
  return placed;
}
