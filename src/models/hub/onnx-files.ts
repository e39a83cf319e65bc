/**
 * Which of a repository's exported graphs is taken for a precision, and which files belong to it. Names are those
 * that optimum and transformers.js write, in the model's folder or in `onnx/`.
 */
import { HeadlightError } from '../../base';
import { externalFiles } from '../../graph/onnx';
import type { Precision } from '../types';
import type { WeightFiles } from './weight-files';

/** Beginnings of names, the best first; `?` stands for anything that a tool adds (`model_qint8_avx512`). */
const VARIANTS: Readonly<Record<Precision, readonly RegExp[]>> = {
  fp32: [/^model$/, /^model_fp32$/, /^model_O[123]$/],
  fp16: [/^model_fp16$/, /^model_O4$/],
  q8: [
    /^model_quantized$/,
    /^model_int8$/,
    /^model_q8$/,
    /^model_uint8$/,
    /^model_qu?int8(_\w+)?$/,
    /^model_q8f16$/,
  ],
  q4: [/^model_q4$/, /^model_int4$/, /^model_q4f16$/, /^model_bnb4$/],
};

/** The most bits first. */
const BY_BITS: readonly Precision[] = ['fp32', 'fp16', 'q8', 'q4'];

const FOLDERS = ['', 'onnx/'] as const;

/**
 * The graph of a precision.
 * @returns null when the model has no exported graph at all. One in more bits than are asked for where the asked
 *   one is missing, since fewer may be made of it when it is opened.
 * @throws HeadlightError `bad-setting`, naming what there is, when only graphs in fewer bits are there.
 */
export function chooseExport(
  names: readonly string[],
  precision: Precision,
  id: string,
): string | null {
  const there = exportsByPrecision(names);
  const found = there.get(precision);
  if (found !== undefined) return found;
  const larger = BY_BITS.slice(0, BY_BITS.indexOf(precision))
    .map((one) => there.get(one))
    .find((name) => name !== undefined);
  if (larger !== undefined) return larger;
  if (there.size === 0) return null;
  const list = [...there].map(([one, name]) => `${one} (${name})`).join(', ');
  throw new HeadlightError(
    'bad-setting',
    `${id} has no ONNX file in ${precision}, but in ${list}.`,
    {
      hint: `Choose the precision ${[...there.keys()].join(' or ')}.`,
    },
  );
}

/** The file that is taken for each precision that there is. */
function exportsByPrecision(names: readonly string[]): ReadonlyMap<Precision, string> {
  const found = new Map<Precision, string>();
  for (const precision of BY_BITS) {
    for (const pattern of VARIANTS[precision]) {
      const name = FOLDERS.flatMap((folder) =>
        names.filter(
          (one) =>
            one.startsWith(folder) &&
            one.endsWith('.onnx') &&
            pattern.test(one.slice(folder.length, -'.onnx'.length)),
        ),
      )[0];
      if (name === undefined) continue;
      found.set(precision, name);
      break;
    }
  }
  return found;
}

/**
 * Files that by their names hold a graph's weights: `model.onnx_data`, `model.onnx_data_1`, `model.onnx.data`. What
 * the graph itself says is `withExternalFiles`, for which it must be there.
 */
export function usualExternal(graph: string, names: readonly string[]): readonly string[] {
  return names.filter(
    (name) => name.startsWith(graph) && /^[._]data(_\d+)?$/.test(name.slice(graph.length)),
  );
}

/**
 * The files that a graph keeps its weights in, named as the graph itself is: relative to the model's folder.
 * @throws HeadlightError `bad-model` when the graph is damaged, or names a file outside of its folder.
 */
export function namedByGraph(graph: string, bytes: Uint8Array): readonly string[] {
  const folder = graph.slice(0, graph.lastIndexOf('/') + 1);
  try {
    return externalFiles(bytes).map((file) => folder + file);
  } catch (error) {
    if (!(error instanceof HeadlightError)) throw error;
    throw new HeadlightError(error.code, `${graph}: ${error.message}`, {
      ...(error.hint === null ? {} : { hint: error.hint }),
      cause: error,
    });
  }
}

/**
 * The graph and the files that hold its weights, as the graph says.
 * @param read the graph's bytes.
 * @throws HeadlightError `bad-model` as `namedByGraph`.
 */
export function withExternalFiles(
  weights: WeightFiles,
  read: (name: string) => Uint8Array,
): WeightFiles {
  const [graph] = weights.files;
  if (weights.format !== 'onnx' || graph === undefined) return weights;
  return { ...weights, files: [graph, ...namedByGraph(graph, read(graph))] };
}

/** The files beside a graph, by the names that the graph gives them. */
export function readExternal(
  weights: WeightFiles,
  read: (name: string) => Uint8Array,
): ReadonlyMap<string, Uint8Array> {
  const [graph = '', ...files] = weights.files;
  const folder = graph.slice(0, graph.lastIndexOf('/') + 1);
  return new Map(files.map((file) => [file.slice(folder.length), read(file)]));
}
