/**
 * An exported encoder of any architecture, run as it is: its own graph and opset, with pooling (and a head)
 * added at its hidden states. What else it asks for (token types, positions, an empty past) is made in the
 * graph, so that it takes `input_ids` and `attention_mask` as every encoder here does.
 */
import { HeadlightError } from '../../../base';
import {
  attribute,
  checkGraph,
  countParameters,
  withoutDeadCode,
  writeModel,
  type Model,
  type ValueInfo,
} from '../../../graph/onnx';
import type { Precision } from '../../types';
import type { EncoderModel, EncoderOutput } from '../encoder';
import type { ClosingToken } from '../inputs';
import { checkLayerWeights } from '../layer-mix';
import { PlainOperators } from './plain';
import { idsOf, statesOf } from './states';

export interface ExportedEncoder {
  readonly model: EncoderModel;
  /** What a person should know of it; null: nothing. */
  readonly note: string | null;
}

/** What stands beside the graph. */
export interface ExportFacts {
  /** The longest text. */
  readonly maxTokens: number;
  /** null: config.json does not say it. */
  readonly hiddenSize: number | null;
  /** What the graph's weights are kept in. */
  readonly precision: Precision;
}

/**
 * @throws HeadlightError `bad-model` when the graph is hostile or damaged, asks for inputs that are not known, or
 *   gives no vector of a text or a token.
 */
export function openExportedEncoder(source: Model, facts: ExportFacts): ExportedEncoder {
  checkGraph(source);
  checkIds(source);
  const { maxTokens, hiddenSize, precision } = facts;
  const states = statesOf(source, maxTokens, hiddenSize);
  const about = {
    architecture: 'exported',
    layers: states.names.length - 1,
    hiddenSize: states.hidden,
    maxTokens,
    parameters: countParameters(source),
    precision,
  } as const;

  function start(closing: ClosingToken | null): {
    graph: Extension;
    embed: (output: EncoderOutput) => string;
  } {
    const graph = new Extension(source, closing);
    return {
      graph,
      embed({ layer, layerWeights, pooling, normalize }) {
        const state = states.names[layer];
        if (state === undefined)
          throw new HeadlightError('bad-setting', `This encoder has no layer ${layer}.`, {
            hint:
              states.note === null
                ? `Choose a layer from 0 (the embeddings) to ${about.layers} (the last).`
                : 'Its layers were not found in the file: choose 0, its last hidden state.',
          });
        const b = graph.after;
        if (layerWeights !== undefined) checkLayerWeights(layerWeights, about.layers, layer);
        const floats =
          layerWeights === undefined
            ? b.cast(state, 'float32')
            : b.mixed(states.names, layerWeights);
        const embedding = states.isPooled ? floats : b.pool(floats, graph.mask, pooling);
        return normalize ? b.normalize(embedding) : embedding;
      },
    };
  }

  const modelWith = (outputs: Parameters<EncoderModel['graphWithOutputs']>[0]): Model => {
    const { graph, embed } = start(null);
    for (const output of outputs) graph.output(embed(output), output.name, states.hidden);
    return graph.model();
  };
  const graphWithOutputs: EncoderModel['graphWithOutputs'] = (outputs) =>
    writeModel(modelWith(outputs));
  const model: EncoderModel = {
    ...about,
    graphWithOutputs,
    graph: (output) => graphWithOutputs([{ ...output, name: 'embedding' }]),
    graphToRun: (output) => modelWith([{ ...output, name: 'embedding' }]),
    classifierGraph(output, head, closing) {
      const { graph, embed } = start(closing);
      graph.output(graph.after.head(embed(output), states.hidden, head), 'logits', head.classes);
      return writeModel(graph.model());
    },
  };
  // Refused now, where the file is opened, not when it first runs.
  start(null);
  return { model, note: states.note };
}

/** @throws HeadlightError `bad-model` when the graph does not take token ids, any number of texts of any length. */
function checkIds(source: Model): void {
  const ids = idsOf(source);
  if (ids === undefined) {
    const names = source.graph.inputs.map(({ name }) => name).join(', ');
    throw new HeadlightError('bad-model', `The graph has no input "input_ids", but ${names}.`, {
      hint: 'Export the encoder of texts, with its inputs called as transformers calls them.',
    });
  }
  const { dims, elementType } = ids.type ?? { dims: null, elementType: null };
  if (elementType !== 'int64' && elementType !== 'int32')
    throw new HeadlightError(
      'bad-model',
      `The graph takes input_ids as ${elementType ?? 'no tensor'}, not as integers.`,
      { hint: 'Export the encoder of texts, with its token ids as input.' },
    );
  if (dims?.some((dim) => typeof dim === 'number'))
    throw new HeadlightError(
      'bad-model',
      `The graph takes input_ids of the fixed shape [${dims.join(', ')}] only.`,
      { hint: 'Export it again with dynamic axes: any number of texts, of any length.' },
    );
}

/** The file's graph between what makes its inputs and what is added at its end. */
class Extension {
  readonly after: PlainOperators;
  /** float32 [batch, tokens]. */
  readonly mask: string;
  readonly #before: PlainOperators;
  readonly #source: Model;
  /** Inputs of the file that are made here. */
  readonly #made = new Map<string, string>();
  readonly #outputs: ValueInfo[] = [];

  constructor(source: Model, closing: ClosingToken | null) {
    const opset = source.opsets.find(({ domain }) => domain === '' || domain === 'ai.onnx');
    this.#source = source;
    const version = opset?.version ?? 0;
    this.#before = new PlainOperators(version, 'headlight/before/');
    this.after = new PlainOperators(version, 'headlight/after/');
    const b = this.#before;
    const ids = closing === null ? 'input_ids' : b.closed('input_ids', 'attention_mask', closing);
    const weights = new Set(source.graph.initializers.map(({ name }) => name));
    for (const input of source.graph.inputs) {
      if (weights.has(input.name)) continue;
      const value = this.#input(input, ids);
      const type = input.type?.elementType ?? 'int64';
      const own = input.name === 'input_ids' || input.name === 'attention_mask';
      // Of the two that stay inputs, the file's nodes read what is made of them.
      if (value === input.name && type === 'int64') continue;
      this.#made.set(input.name, own || type !== 'float32' ? b.cast(value, type) : value);
    }
    this.mask = b.cast('attention_mask', 'float32');
  }

  output(value: string, name: string, columns: number): void {
    this.after.named(value, name);
    this.#outputs.push({ name, type: { elementType: 'float32', dims: ['batch', columns] } });
  }

  model(): Model {
    const { graph } = this.#source;
    const [before, after] = [this.#before, this.after];
    // A value inside of the file may have the name of an output here, `embedding`.
    const taken = new Set(this.#outputs.map(({ name }) => name));
    const own = (name: string): string => (taken.has(name) ? `headlight/file/${name}` : name);
    const renamed = graph.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map((name) => this.#made.get(name) ?? own(name)),
      outputs: node.outputs.map(own),
    }));
    const added = after.nodes.map((node) => ({ ...node, inputs: node.inputs.map(own) }));
    const kept = graph.initializers.map((tensor) => ({ ...tensor, name: own(tensor.name) }));
    const tokens = (name: string): ValueInfo => ({
      name,
      type: { elementType: 'int64', dims: ['batch', 'tokens'] },
    });
    const whole: Model = {
      ...this.#source,
      graph: {
        ...graph,
        nodes: [...before.nodes, ...renamed, ...added],
        initializers: [...kept, ...before.initializers, ...after.initializers],
        inputs: [tokens('input_ids'), tokens('attention_mask')],
        outputs: this.#outputs,
        // Of the file's own inputs they may say other sizes.
        valueInfo: [],
      },
    };
    // The branches of an If read values of the graph around them, which looks like dead code.
    const hasBranches = renamed.some(({ attributes }) =>
      [...attributes.values()].some(({ type }) => type === 'graph'),
    );
    return hasBranches ? whole : withoutDeadCode(whole);
  }

  /** @throws HeadlightError `bad-model` when it is not known what an input wants. */
  #input({ name, type }: ValueInfo, ids: string): string {
    const b = this.#before;
    const zeros = (): string => b.add('Sub', ['input_ids', 'input_ids']);
    if (name === 'input_ids') return ids;
    if (name === 'attention_mask') return name;
    if (name === 'token_type_ids') return zeros();
    if (name === 'position_ids') {
      const one = b.integers([], 1);
      return b.add('Sub', [b.counted(b.add('Add', [zeros(), one])), one]);
    }
    if (/^past/.test(name) && type?.dims) {
      const shared = idsOf(this.#source)?.type?.dims?.[0];
      const shape = b.add('Shape', ['input_ids']);
      const batch = b.add('Gather', [shape, b.integers([1], 0)], { axis: attribute.int(0) });
      const sizes = type.dims.map((dim) =>
        dim === shared && typeof dim === 'string'
          ? batch
          : b.integers([1], typeof dim === 'number' ? dim : 0),
      );
      const joined = b.add('Concat', sizes, { axis: attribute.int(0) });
      const empty = b.add('ConstantOfShape', [joined]);
      return type.elementType === 'float16' ? b.cast(empty, 'float16') : empty;
    }
    throw new HeadlightError(
      'bad-model',
      `The graph asks for the input "${name}", which an encoder of texts does not have.`,
      { hint: 'Export the encoder alone, with input_ids and attention_mask.' },
    );
  }
}
