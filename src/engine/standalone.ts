/**
 * A trained classifier as one HTML file: the page that ships as a template, what it says of itself, and the
 * model, its tokenizer and the runtime as blocks. What it holds is what the run's other exports hold: no texts.
 */
import { HeadlightError, ProgressMeter, throwIfAborted, type Job } from '../base';
import { bytesAWeight, onnxOf } from '../models';
import type { Assets } from '../platform';
import {
  classifierFiles,
  modelFiles,
  parseJson,
  readHeadDocument,
  type ArchiveFiles,
  type RunDocument,
  type RunParts,
} from '../project';
import type { Encoders } from './encoders';
import type { ExportedFile, StandaloneKind } from './engine';
import { exportable } from './exportable';
import type { Projects } from './projects';
import { BASE64_SHARE, fileBlocks, packedBlocks } from './standalone-blocks';
import { standaloneFacts, type StandaloneFacts } from './standalone-facts';
import { RUNTIME_BLOCK } from './standalone-use';

/** What the build makes, beside the page. */
const TEMPLATE = 'standalone/page.html';
/** ONNX Runtime's WebAssembly for one thread, gzip. */
const RUNTIME = 'standalone/onnxruntime.wasm.bin';
/** Bytes of both: `{ "page": …, "runtime": … }`. */
const SIZES = 'standalone/sizes.json';
const TITLE = '<title>Classifier</title>';
const PLACE = '<!--headlight:content-->';
/** The page's text stands in memory as strings, which browsers end at half a gigabyte. */
const MOST_BYTES = 400e6;
/** What is left of weights after compression, of 8-bit and of 32-bit ones: measured, they hardly repeat. */
const COMPRESSION = { eight: 0.9, thirtyTwo: 0.93 } as const;
/** Of a tokenizer, compressed. */
const TOKENIZER_BYTES = 200_000;

/** What the page in the file needs of a classifier's files. */
const CARRIED =
  /^(?:onnx\/model\w*\.onnx|config\.json|tokenizer\.json|tokenizer_config\.json|head\.json)$/;

interface Made {
  readonly files: ArchiveFiles;
  readonly licence: string | null;
  /** Whether ONNX Runtime is needed. */
  readonly needsRuntime: boolean;
}

/**
 * @param stem of the file's name.
 * @throws HeadlightError `bad-setting` when the model is too large for one file, `not-found` or `network` when
 *   the template or the runtime is not at hand.
 */
export async function* standaloneFile(
  assets: Assets,
  projects: Projects,
  encoders: Encoders,
  project: { readonly id: string; readonly name: string; readonly stem: string },
  parts: RunParts,
  kind: StandaloneKind,
  signal?: AbortSignal,
): Job<ExportedFile> {
  const { document } = parts;
  const rounded = kind === 'standalone_html_q8';
  const { files, licence, needsRuntime } = yield* carried(
    projects,
    encoders,
    project,
    parts,
    rounded,
    signal,
  );
  checkSize([...files.values()].reduce((sum, { byteLength }) => sum + byteLength, 0));
  const facts = standaloneFacts(project.name, document, licence, rounded);
  const [before, after] = template(await assets.read(TEMPLATE), facts);
  const pieces: Uint8Array[] = [before, factsBlock(facts)];
  const meter = new ProgressMeter('Packing the page', 'files', files.size + 1);
  let done = 0;
  for (const [name, bytes] of files) {
    yield meter.at(done++);
    throwIfAborted(signal);
    pieces.push(...(await fileBlocks(name, bytes)));
  }
  yield meter.at(done);
  if (needsRuntime) pieces.push(...packedBlocks(RUNTIME_BLOCK, await assets.read(RUNTIME)));
  pieces.push(after);
  return {
    name: `${project.stem}-classifier.html`,
    mime: 'text/html;charset=utf-8',
    bytes: join(pieces),
    containsTexts: false,
  };
}

/**
 * Bytes of the file before it is made: the page and the runtime as they are, the model as it will be packed.
 * Right to a tenth. null where nothing is known of the encoder any more.
 */
export async function standaloneSize(
  assets: Assets,
  encoders: Encoders,
  { recipe, record }: RunDocument,
  kind: StandaloneKind,
): Promise<number | null> {
  const sizes = parseJson(await assets.read(SIZES), SIZES) as { page: number; runtime: number };
  const whole = (model: number, needsRuntime: boolean): number =>
    Math.round(
      sizes.page + BASE64_SHARE * (model + TOKENIZER_BYTES + (needsRuntime ? sizes.runtime : 0)),
    );
  if (record.method === 'finetune') {
    const { parameters } = record.finetune.fit;
    return whole(
      kind === 'standalone_html_q8'
        ? parameters * COMPRESSION.eight
        : parameters * 4 * COMPRESSION.thirtyTwo,
      true,
    );
  }
  const { source, id, revision, precision } = recipe.encoder;
  const entry = (await encoders.list()).find(
    ({ info: { reference } }) =>
      reference.source === source &&
      reference.id === id &&
      reference.revision === revision &&
      reference.precision === precision,
  );
  if (entry === undefined) return null;
  const { info } = entry;
  if (recipe.method !== 'probe') {
    if (info.parameters === null) return null;
    const each = kind === 'standalone_html_q8' ? COMPRESSION.eight : 4 * COMPRESSION.thirtyTwo;
    return whole(info.parameters * each, true);
  }
  const isStatic = info.architecture === 'static';
  const isPacked = precision === 'q8' || precision === 'q4' || isStatic;
  const ratio = isPacked ? COMPRESSION.eight : COMPRESSION.thirtyTwo;
  // The files are of another precision than what is made of them.
  const bytes =
    info.parameters === null || isStatic ? info.bytes : info.parameters * bytesAWeight(precision);
  // A probe takes no layers after its own along.
  const layersLeftOut =
    info.parameters === null
      ? 0
      : ((info.layers - recipe.embed.layer) * 12 * info.hiddenSize ** 2) / info.parameters;
  return whole(bytes * (1 - layersLeftOut) * ratio, !isStatic);
}

async function* carried(
  projects: Projects,
  encoders: Encoders,
  project: { readonly id: string; readonly name: string },
  parts: RunParts,
  rounded: boolean,
  signal?: AbortSignal,
): Job<Made> {
  const { document, head } = parts;
  const { recipe } = document;
  const licence = await encoders.licence(recipe.encoder);
  if (recipe.method !== 'probe') {
    const model = yield* exportable(projects, encoders, project.id, project.name, parts, signal);
    const files = modelFiles(rounded ? 'onnx-quantized' : 'onnx-fp32', model);
    return { files: only(files), licence, needsRuntime: true };
  }
  if (rounded) {
    throw new HeadlightError('bad-setting', 'A probe leaves with its weights as they are.', {
      hint: 'Take the plain classifier page; to make it smaller, train on the encoder in 8 bits.',
    });
  }
  if (head === null) throw new HeadlightError('internal', 'a probe without its head');
  const encoder = yield* encoders.load(recipe.encoder, signal);
  const probe = readHeadDocument(parseJson(head, 'head.json'));
  const files = only(classifierFiles(project.name, document, probe, head, encoder));
  if (encoder.info.architecture !== 'static') {
    files.delete('head.json');
    return { files, licence, needsRuntime: true };
  }
  // The table as it came and the head: the page computes them by itself.
  files.set('onnx/model.onnx', onnxOf(encoder.weights));
  return { files, licence, needsRuntime: false };
}

function only(files: ReadonlyMap<string, Uint8Array>): Map<string, Uint8Array> {
  return new Map([...files].filter(([name]) => CARRIED.test(name)));
}

function checkSize(bytes: number): void {
  if (bytes * BASE64_SHARE <= MOST_BYTES) return;
  throw new HeadlightError(
    'bad-setting',
    `This model has ${Math.round(bytes / 1e6)} MB: too much for one HTML file that browsers open.`,
    {
      hint: 'Take it rounded to 8 bits, or train on a smaller encoder. As a folder it has no such limit.',
    },
  );
}

/** The template before and after its place for content, the name in its title. */
function template(bytes: Uint8Array, { name }: StandaloneFacts): readonly [Uint8Array, Uint8Array] {
  const text = new TextDecoder().decode(bytes);
  const parts = text.split(PLACE);
  const [before, after] = parts;
  if (parts.length !== 2 || before?.includes(TITLE) !== true || after === undefined) {
    throw new HeadlightError('internal', 'the template of the classifier page has no place');
  }
  const encoder = new TextEncoder();
  // As a function: `$&` in a name is no pattern.
  const titled = before.replace(TITLE, () => `<title>${escapeHtml(name)}</title>`);
  return [encoder.encode(titled), encoder.encode(after)];
}

/** `<` is escaped, so that no name closes the element. */
function factsBlock(facts: StandaloneFacts): Uint8Array {
  const json = JSON.stringify(facts).replaceAll('<', '\\u003c');
  return new TextEncoder().encode(
    `<script type="application/json" id="headlight-facts">${json}</script>\n`,
  );
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.byteLength, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.byteLength;
  }
  return whole;
}
