/**
 * The checkpoint of an exported BERT or DistilBERT: every weight under its name in `transformers`, found by
 * where it stands in the computation. Each step is held against what config.json says, so that a graph that
 * computes something else is refused, not misread. From then on the model is like one from safetensors.
 */
import {
  hiddenStates,
  importModel,
  type ImportedModel,
  type Model,
  type Node,
} from '../../../graph/onnx';
import { tensorOf, type Checkpoint, type CheckpointTensor } from '../../checkpoints';
import type { TransformerConfig } from '../config';
import { layoutOf, type BertNames, type Layout } from '../layout';
import { GraphReading, title, unlike, type Linear } from './reading';

/** Of the shape that the graph is imported in. */
const [BATCH, TOKENS] = [2, 7];

/** Words, positions, types; few more where constants are added. */
const MOST_TABLES = 16;

/** Relative: the factor of the scores is often made of a rounded square root. */
const SCALE_TOLERANCE = 1e-3;

/**
 * @param file an exported ONNX: any opset that `importModel` reads, fused, in half precision or quantised.
 * @returns tensors in 32-bit floats, the pooler and classifier among them where the file has them.
 * @throws HeadlightError `bad-model` naming the operator that is not supported or not as the architecture
 *   has it.
 */
export function recoverCheckpoint(file: Model, config: TransformerConfig): Checkpoint {
  const recovered = (tokens: number): Checkpoint | null =>
    new Recovery(importModel(file, { batch: BATCH, tokens }), config).checkpoint();
  const checkpoint = recovered(Math.min(TOKENS, config.maxTokens)) ?? recovered(config.maxTokens);
  return checkpoint ?? unlike('The table of positions is not in the graph as a whole.');
}

class Recovery {
  readonly #graph: GraphReading;
  readonly #states: readonly string[];
  readonly #config: TransformerConfig;
  readonly #layout: Layout;
  readonly #names: BertNames;
  readonly #tensors = new Map<string, CheckpointTensor>();

  constructor(imported: ImportedModel, config: TransformerConfig) {
    this.#graph = new GraphReading(imported);
    this.#config = config;
    this.#layout = layoutOf(config);
    this.#names = this.#layout.bert ?? unlike(`${config.modelType} does not compute as BERT does.`);
    const { names, hidden } = hiddenStates(imported);
    if (names.length !== config.layers + 1 || hidden !== config.hiddenSize)
      unlike(
        `The graph has ${names.length - 1} layers of ${hidden} dimensions, config.json says ${config.layers} of ${config.hiddenSize}.`,
      );
    this.#states = names;
  }

  /** null: rows of positions were computed, and only those of as many tokens are there. */
  checkpoint(): Checkpoint | null {
    if (!this.#embeddings()) return null;
    for (let layer = 0; layer < this.#config.layers; layer++) this.#layer(layer);
    this.#head();
    return { tensors: this.#tensors, metadata: new Map() };
  }

  #embeddings(): boolean {
    const { maxTokens, hiddenSize } = this.#config;
    const { words } = this.#layout;
    const { positions, types, embeddingsNorm } = this.#names;
    const sum = this.#norm(this.#states[0] ?? '', embeddingsNorm);
    for (const leaf of this.#summands(sum)) {
      const rows = this.#graph.floats(leaf);
      if (rows !== null) {
        // Of a quantised table: looked up and made floats when the file was read.
        if (rows.length !== maxTokens * hiddenSize) return false;
        this.#set(positions, [maxTokens, hiddenSize], rows);
        continue;
      }
      const node = this.#graph.maker(leaf);
      const table = this.#graph.constant(node?.inputs[0]);
      const values = this.#graph.floats(node?.inputs[0]);
      if (node?.opType !== 'Gather' || table?.dims.length !== 2 || values === null)
        unlike(`A part of the embeddings is made by ${title(node)}, not looked up in a table.`);
      const kind = this.#tableOf(node);
      const name = kind === 'words' ? words : kind === 'positions' ? positions : types;
      if (name === null || this.#tensors.has(this.#layout.prefix + name))
        unlike(`The embeddings look up ${kind} where ${this.#config.modelType} has no such table.`);
      this.#set(name, table.dims, values);
    }
    for (const name of [words, positions, types])
      if (name !== null && !this.#tensors.has(this.#layout.prefix + name))
        unlike(`The graph has no table "${name}".`);
    return true;
  }

  /** Which table a look-up reads, by the ids that it looks up. */
  #tableOf(node: Node): 'words' | 'positions' | 'types' {
    const source = this.#graph.past(node.inputs[1] ?? '', 'Cast', 'Reshape', 'Identity');
    if (/token_type|segment/i.test(source)) return 'types';
    if (/position/i.test(source)) return 'positions';
    const ids = this.#graph.integers(source);
    if (ids === null) return 'words';
    if (ids.every((id) => id === 0)) return 'types';
    if (ids.every((id, i) => id === i % this.#graph.tokens)) return 'positions';
    return unlike(`The embeddings look up fixed ids that are no positions: ${title(node)}.`);
  }

  #summands(name: string): string[] {
    const leaves: string[] = [];
    const open = [name];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      const node = this.#graph.maker(at);
      if (node?.opType === 'Add') open.push(...node.inputs.toReversed());
      else leaves.push(this.#graph.past(at, 'Reshape'));
      if (leaves.length > MOST_TABLES || open.length > MOST_TABLES)
        unlike('The embeddings are a sum of more tables than any encoder has.');
    }
    return leaves;
  }

  #layer(index: number): void {
    const graph = this.#graph;
    const { hiddenSize: hidden, intermediateSize: wide } = this.#config;
    const names = this.#names.layer(index);
    const input = this.#states[index] ?? '';
    const second = this.#norm(this.#states[index + 1] ?? '', names.outputNorm);
    const { branch: narrow, residual: middle } = this.#residual(second, (value) =>
      this.#isNorm(value),
    );
    const output = this.#linear(narrow, names.output, hidden, wide);
    const activation = this.#activation(output.input);
    const inner = this.#linear(activation, names.intermediate, wide, hidden);
    if (inner.input !== graph.past(middle, 'Reshape'))
      unlike(`"${names.intermediate}" does not read what "${names.attentionNorm}" makes.`);
    const first = this.#norm(middle, names.attentionNorm);
    const { branch: attended } = this.#residual(first, (value) => value === input);
    const mixed = this.#linear(attended, names.attentionOutput, hidden, hidden);
    this.#attention(index, input, mixed.input);
  }

  /** The two sides of a sum, told apart. */
  #residual(
    sum: string,
    isResidual: (value: string) => boolean,
  ): { readonly branch: string; readonly residual: string } {
    const node = this.#graph.maker(this.#graph.past(sum, 'Reshape'));
    if (node?.opType === 'Add') {
      const [a = '', b = ''] = node.inputs;
      const past = (value: string): string => this.#graph.past(value, 'Reshape');
      if (isResidual(past(b))) return { branch: a, residual: past(b) };
      if (isResidual(past(a))) return { branch: b, residual: past(a) };
    }
    return unlike(`${title(node)} is not the sum of a part and what went into it.`);
  }

  #isNorm(value: string): boolean {
    return this.#graph.maker(value)?.opType === 'LayerNormalization';
  }

  /** What goes into the activation, which must be config.json's. */
  #activation(value: string): string {
    const wanted = { gelu: 'Gelu', gelu_tanh: 'FastGelu', relu: 'Relu' }[this.#config.activation];
    const node = this.#graph.maker(value);
    if (node?.opType !== wanted)
      unlike(`The feed-forward part has ${title(node)} where config.json says ${wanted}.`);
    return node.inputs[0] ?? '';
  }

  #attention(index: number, input: string, context: string): void {
    const graph = this.#graph;
    const { heads, hiddenSize } = this.#config;
    const names = this.#names.layer(index);
    const mix = graph.maker(graph.past(context, 'Reshape', 'Transpose'));
    if (mix?.opType !== 'MatMul') unlike(`The attention ends in ${title(mix)}, not in a product.`);
    const softmax = this.#softmax(mix.inputs[0] ?? '');
    const scores = this.#scores(softmax.inputs[0] ?? '', input);
    const dims = graph.dims(scores.product.outputs[0] ?? '');
    if (dims.length !== 4 || dims[1] !== heads)
      unlike(
        `${title(scores.product)} has the shape [${dims.join(', ')}] where config.json says ${heads} heads.`,
      );
    const query = this.#projection(scores.product.inputs[0] ?? '', input);
    const key = this.#projection(scores.product.inputs[1] ?? '', input);
    const value = this.#projection(mix.inputs[1] ?? '', input);
    const scale = scores.scale * query.scale * key.scale * Math.sqrt(hiddenSize / heads);
    if (Math.abs(scale - 1) > SCALE_TOLERANCE || value.scale !== 1)
      unlike(`The scores of ${title(scores.product)} are not divided by √(size of a head).`);
    for (const [name, { linear }] of [
      [names.query, query],
      [names.key, key],
      [names.value, value],
    ] as const)
      this.#setLinear(name, linear, hiddenSize, hiddenSize);
  }

  /** The softmax, also behind a guard for rows that are masked as a whole. */
  #softmax(value: string): Node {
    const node = this.#graph.maker(value);
    if (node?.opType === 'Softmax') return node;
    const guarded =
      node?.opType === 'Where'
        ? node.inputs
            .slice(1)
            .map((name) => this.#graph.maker(name))
            .find((maker) => maker?.opType === 'Softmax')
        : undefined;
    return guarded ?? unlike(`The attention weighs with ${title(node)}, not with a softmax.`);
  }

  /** Back from the softmax to the product of queries and keys, over mask and factor. */
  #scores(value: string, input: string): { readonly product: Node; readonly scale: number } {
    let scale = 1;
    for (let at = value; ;) {
      const node = this.#graph.maker(at);
      const [a = '', b = '', c = ''] = node?.inputs ?? [];
      const factor = this.#factor(node);
      if (node?.opType === 'MatMul') return { product: node, scale };
      if (factor !== null) {
        scale *= factor.by;
        at = factor.value;
      } else if (node?.opType === 'Add') at = this.#comesFrom(a, input) ? a : b;
      else if (node?.opType === 'Where') at = this.#comesFrom(b, input) ? b : c;
      else unlike(`Between scores and softmax stands ${title(node)}.`);
    }
  }

  /** A product with, or a quotient by, a constant number. */
  #factor(node: Node | null): { readonly value: string; readonly by: number } | null {
    const [a = '', b = ''] = node?.inputs ?? [];
    const [left, right] = [this.#graph.scalar(a), this.#graph.scalar(b)];
    if (node?.opType === 'Mul' && right !== null) return { value: a, by: right };
    if (node?.opType === 'Mul' && left !== null) return { value: b, by: left };
    if (node?.opType === 'Div' && right !== null) return { value: a, by: 1 / right };
    return null;
  }

  /** Query, key or value: a linear layer of its own, or a part of one for all three. */
  #projection(value: string, input: string): { readonly linear: Linear; readonly scale: number } {
    let scale = 1;
    let at = value;
    for (;;) {
      at = this.#graph.past(at, 'Reshape', 'Transpose');
      const factor = this.#factor(this.#graph.maker(at));
      if (factor === null) break;
      scale *= factor.by;
      at = factor.value;
    }
    const split = this.#graph.maker(at);
    const isSplit = split?.opType === 'Split';
    const whole = this.#graph.linear(isSplit ? (split.inputs[0] ?? '') : at, 'A projection');
    if (whole.input !== input) unlike('A projection of the attention does not read its layer.');
    if (!isSplit) return { linear: whole, scale };
    const size = this.#config.hiddenSize;
    const part = split.outputs.indexOf(at);
    if (whole.out !== 3 * size || split.outputs.length !== 3)
      unlike(`${title(split)} does not part query, key and value of ${size} each.`);
    const linear: Linear = {
      ...whole,
      out: size,
      weight: whole.weight.slice(part * size * whole.into, (part + 1) * size * whole.into),
      bias: whole.bias.slice(part * size, (part + 1) * size),
    };
    return { linear, scale };
  }

  #comesFrom(value: string, source: string): boolean {
    const seen = new Set<string>();
    const open = [value];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (at === source) return true;
      if (seen.has(at)) continue;
      seen.add(at);
      open.push(...(this.#graph.maker(at)?.inputs ?? []));
    }
    return false;
  }

  /** The stock head, where the file is that of a classifier: optional, so what is not it is left alone. */
  #head(): void {
    const graph = this.#graph;
    const { dense: headDense, activation: headActivation, classifier } = this.#layout.head;
    if (headDense === null) return;
    const last = this.#states.at(-1) ?? '';
    let pooled = '';
    for (const node of graph.nodes) {
      const made = this.#tryLinear(node.outputs[0] ?? '');
      if (made === null) continue;
      const source = graph.past(made.input, 'Gather', 'Slice', 'Reshape', 'Squeeze', 'Identity');
      const before = graph.past(made.input, 'Reshape', 'Identity');
      if (pooled === '' && source === last && made.out === this.#config.hiddenSize) {
        const after = graph.nodes.find(
          ({ opType, inputs }) => opType === headActivation && inputs[0] === node.outputs[0],
        );
        if (after === undefined) continue;
        this.#put(headDense, made);
        pooled = after.outputs[0] ?? '';
      } else if (before === pooled) this.#put(classifier, made);
      else if (made.input === last) this.#put(classifier, made);
    }
  }

  #tryLinear(value: string): Linear | null {
    const node = this.#graph.maker(value);
    if (node?.opType !== 'Gemm' && node?.opType !== 'Add') return null;
    return this.#graph.linearOrNull(value);
  }

  #norm(value: string, name: string): string {
    const { hiddenSize, layerNormEpsilon } = this.#config;
    const norm = this.#graph.norm(value, `"${name}"`);
    if (Math.abs(norm.epsilon - layerNormEpsilon) > 1e-3 * layerNormEpsilon)
      unlike(
        `"${name}" has the epsilon ${norm.epsilon} where config.json says ${layerNormEpsilon}.`,
      );
    this.#set(`${name}.weight`, [hiddenSize], norm.weight);
    this.#set(`${name}.bias`, [hiddenSize], norm.bias);
    return norm.input;
  }

  #linear(value: string, name: string, out: number, into: number): Linear {
    const linear = this.#graph.linear(value, `"${name}"`);
    this.#setLinear(name, linear, out, into);
    return linear;
  }

  #setLinear(name: string, linear: Linear, out: number, into: number): void {
    if (linear.out !== out || linear.into !== into)
      unlike(
        `"${name}" is [${linear.out}, ${linear.into}] where config.json says [${out}, ${into}].`,
      );
    this.#put(this.#layout.prefix + name, linear);
  }

  #put(name: string, { out, into, weight, bias }: Linear): void {
    this.#tensors.set(`${name}.weight`, tensorOf(weight, [out, into]));
    this.#tensors.set(`${name}.bias`, tensorOf(bias, [out]));
  }

  #set(name: string, dims: readonly number[], values: Float32Array): void {
    this.#tensors.set(this.#layout.prefix + name, tensorOf(values, dims));
  }
}
