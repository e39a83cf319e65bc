/**
 * Where an exported graph's vectors are read: the hidden states of its layers, found by how the graph computes and
 * by shape; else its last hidden state; else the vector of a text that it gives itself.
 */
import { HeadlightError } from '../../../base';
import {
  AbsurdGraph,
  hiddenStates,
  importModel,
  type HiddenStates,
  type Model,
  type ValueInfo,
} from '../../../graph/onnx';

export interface States {
  /** By layer; one alone where the layers were not found: the last hidden state, or the vector of a text. */
  readonly names: readonly string[];
  readonly hidden: number;
  /** Whether the one value is [batch, hidden]: pooled by the graph itself. */
  readonly isPooled: boolean;
  /** Why there are no layers; null where they were found. */
  readonly note: string | null;
}

/** The shapes that layers must be found in alike: what is found in one alone depends on the shape. */
const SHAPES = [
  { batch: 2, tokens: 7 },
  { batch: 3, tokens: 11 },
] as const;

/** What exporters call the hidden state of every token, where its shape says nothing. */
const STATE_NAMES = /^(last_hidden_state|token_embeddings|hidden_states?|output_0)$/;
const POOLED_NAMES = ['sentence_embedding', 'text_embeds', 'pooler_output', 'pooled_output'];

/**
 * @param maxTokens the longest text.
 * @param hiddenSize as config.json says it; null: it does not.
 * @throws HeadlightError `bad-model` when nothing in the graph is a vector of a text or a token.
 */
export function statesOf(source: Model, maxTokens: number, hiddenSize: number | null): States {
  let problem: string;
  try {
    return { ...layersOf(source, maxTokens), isPooled: false, note: null };
  } catch (error) {
    if (!(error instanceof HeadlightError) || error.code !== 'bad-model') throw error;
    // What would take all memory here would take it in ONNX Runtime too.
    if (error instanceof AbsurdGraph) throw error;
    problem = error.message;
  }
  const last = source.graph.outputs.find((output) => isState(source, output));
  const size = last && sizeOf(last, hiddenSize);
  if (last !== undefined && size !== undefined)
    return {
      names: [last.name],
      hidden: size,
      isPooled: false,
      note: `Only its last hidden state can be used; its layers were not found: ${problem}`,
    };
  const pooled = pooledOutput(source);
  const width = pooled && sizeOf(pooled, hiddenSize);
  if (pooled !== undefined && width !== undefined)
    return {
      names: [pooled.name],
      hidden: width,
      isPooled: true,
      note: `It gives one vector a text, “${pooled.name}”, which the graph pools itself, whatever pooling is chosen; its layers were not found: ${problem}`,
    };
  throw new HeadlightError(
    'bad-model',
    `The layers of the graph were not found (${problem}), and none of its outputs is a hidden state [batch, tokens, hidden].`,
    { hint: 'Export the encoder with its last_hidden_state as an output.' },
  );
}

function layersOf(source: Model, maxTokens: number): HiddenStates {
  const made = new Set(source.graph.nodes.flatMap((node) => node.outputs));
  const [first, second] = SHAPES.map(({ batch, tokens }) =>
    hiddenStates(
      importModel(source, {
        batch,
        tokens: Math.min(tokens, maxTokens),
        dims: noPast(source),
        shapesOnly: true,
      }),
    ),
  );
  const inside = (message: string): HeadlightError => new HeadlightError('bad-model', message);
  if (first === undefined || first.names.join('\n') !== second?.names.join('\n'))
    throw inside('other values have the shape of hidden states when texts have another length');
  if (!first.names.every((name) => made.has(name)))
    throw inside('a hidden state is inside of a fused operator');
  return first;
}

export function idsOf(source: Model): ValueInfo | undefined {
  return source.graph.inputs.find(({ name }) => name === 'input_ids');
}

/** The sizes of an empty past: every symbol of its inputs that the ids do not have is 0. */
function noPast(source: Model): Record<string, number> {
  const shared = new Set(idsOf(source)?.type?.dims ?? []);
  const past = source.graph.inputs.filter(({ name }) => /^past/.test(name));
  const symbols = past.flatMap(({ type }) => type?.dims ?? []);
  return Object.fromEntries(
    symbols.flatMap((dim) => (typeof dim === 'string' && !shared.has(dim) ? [[dim, 0]] : [])),
  );
}

function isFloat({ type }: ValueInfo): boolean {
  return type?.elementType === 'float32' || type?.elementType === 'float16';
}

/** [batch, tokens, hidden] by its shape or, where that is not said, by its name. */
function isState(source: Model, output: ValueInfo): boolean {
  const dims = output.type?.dims ?? null;
  if (!isFloat(output) || /logits|^past|^present/.test(output.name)) return false;
  if (dims === null || dims.some((dim) => dim === null))
    return STATE_NAMES.test(output.name) && (dims === null || dims.length === 3);
  const [batch, places] = idsOf(source)?.type?.dims ?? [];
  const fits = dims[0] === batch && dims[1] === places;
  return dims.length === 3 && (fits || STATE_NAMES.test(output.name));
}

/** [batch, hidden]: by the names that sentence encoders are exported with, the first of them that is there. */
function pooledOutput(source: Model): ValueInfo | undefined {
  const vectors = source.graph.outputs.filter(
    (output) => isFloat(output) && (output.type?.dims?.length ?? 2) === 2,
  );
  return POOLED_NAMES.map((name) => vectors.find((one) => one.name === name)).find(Boolean);
}

function sizeOf(output: ValueInfo, fallback: number | null): number | undefined {
  const size = output.type?.dims?.at(-1);
  return typeof size === 'number' && size > 0 ? size : (fallback ?? undefined);
}
