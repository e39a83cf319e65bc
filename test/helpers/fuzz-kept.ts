/**
 * Readers of what the Hub answers, of configurations and tokenizers, and of what stands beside kept models, for
 * mutated files. JSON is also mutated as what it says: values of other kinds, keys gone, lists grown, deep nests.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { parseEncoderConfig, listKept, loadTokenizer, planDownload } from '../../src/models';
import { longestText } from '../../src/models/encoders/exported/config';
import { memoryStorage } from './memory-storage';
import { damage, type FuzzReader, type Random } from './model-fuzz';
import { tinyModelFiles } from './tiny-model';

const COMMIT = 'abc123'.padEnd(40, '0');
const HASH = 'd4'.repeat(32);
const encoded = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

const ODD: readonly unknown[] = [
  ...[null, true, -1, 0, 1e300, 2 ** 53, 0.5, NaN, '', '\u0000', '[', '../..', '__proto__'],
  ...[[], {}, [[]], 'a'.repeat(10_000), '(a+)+$', '\\p{L', { type: 'Sequence' }, COMMIT, HASH],
];

/** As JSON where it is JSON: one to three places of it changed. */
export function mutatedJson(bytes: Uint8Array, random: Random): Uint8Array {
  let value: unknown = JSON.parse(new TextDecoder().decode(bytes));
  for (let edits = 1 + random.integer(3); edits > 0; edits--) value = edited(value, random, 0);
  const text = JSON.stringify(value);
  if (random.integer(40) > 0) return new TextEncoder().encode(text);
  const depth = 10 ** (1 + random.integer(5));
  return new TextEncoder().encode(text.replace(/\d+/, '['.repeat(depth) + ']'.repeat(depth)));
}

function edited(value: unknown, random: Random, depth: number): unknown {
  const isNest = typeof value === 'object' && value !== null;
  const stopHere = !isNest || random.integer(6) === 0;
  if (depth > 0 && stopHere) return other(value, random);
  if (Array.isArray(value)) {
    const list: unknown[] = [...(value as unknown[])];
    const at = random.integer(Math.max(1, list.length));
    const kind = random.integer(8);
    if (kind === 0) list.splice(at, 1);
    else if (kind === 1) list.push(...list.slice(0, 50));
    else list[at] = edited(list[at], random, depth + 1);
    return list;
  }
  const entries = Object.entries(value as Record<string, unknown>);
  const at = random.integer(Math.max(1, entries.length));
  const [key = 'key', inside] = entries[at] ?? [];
  const kind = random.integer(10);
  if (kind === 0) entries.splice(at, 1);
  else if (kind === 1) entries[at] = [String(other(key, random)).slice(0, 50), inside];
  else entries[at] = [key, edited(inside, random, depth + 1)];
  return Object.fromEntries(entries);
}

function other(value: unknown, random: Random): unknown {
  if (typeof value === 'number' && random.integer(2) === 0)
    return value + (random.integer(2) === 0 ? 1 : -1) * 10 ** random.integer(12);
  if (typeof value === 'string' && value !== '' && random.integer(2) === 0)
    return new TextDecoder().decode(damage(new TextEncoder().encode(value), random));
  return ODD[random.integer(ODD.length)];
}

/** What `/api/models/…` answers: a plan, or a HeadlightError. */
export function hubReader(): FuzzReader {
  const siblings = [
    { rfilename: 'config.json', size: 612, blobId: 'a'.repeat(40) },
    { rfilename: 'tokenizer.json', size: 466_247, blobId: 'b'.repeat(40) },
    { rfilename: '1_Pooling/config.json', size: 190, blobId: 'c'.repeat(40) },
    {
      ...{ rfilename: 'model.safetensors', size: 90_868_376, blobId: 'd'.repeat(40) },
      lfs: { sha256: HASH, size: 90_868_376, pointerSize: 133 },
    },
    {
      ...{ rfilename: 'onnx/model.onnx', size: 90_405_214, blobId: 'e'.repeat(40) },
      lfs: { sha256: HASH, size: 90_405_214, pointerSize: 133 },
    },
  ];
  const answer = {
    ...{ id: 'lab/tiny', sha: COMMIT, private: false, gated: false, siblings },
    ...{ tags: ['bert', 'license:mit'], cardData: { license: 'mit' } },
  };
  return {
    name: 'hub',
    files: [{ name: 'answer', bytes: encoded(answer) }],
    mutate: mutatedJson,
    async read(bytes) {
      const network = {
        fetch: () => Promise.resolve(new Response(bytes as Uint8Array<ArrayBuffer>)),
        requests: () => [],
      };
      const storage = memoryStorage();
      const host = 'https://hub.example';
      const plan = await planDownload({ storage, network }, host, 'lab/tiny', null, 'fp32');
      if (!/^[0-9a-f]{40}$/.test(plan.revision) || !Number.isSafeInteger(plan.bytes))
        throw new Error(`a plan of ${plan.bytes} bytes at ${plan.revision} was let through`);
      for (const { name } of plan.files)
        if (name.split('/').some((part) => ['', '.', '..'].includes(part)))
          throw new Error(`the name ${name} was let through`);
    },
  };
}

/** `config.json`, for a graph of ours and for an exported one. */
export function configReader(): FuzzReader {
  const root = new URL('../reference/architectures/', import.meta.url);
  const found = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => /(^|[/.])config\.json$/.test(name))
    .map((name) => ({ name, bytes: new Uint8Array(readFileSync(new URL(name, root))) }));
  const tiny = tinyModelFiles().filter(({ name }) => name === 'config.json');
  return {
    name: 'config',
    files: [...found, ...tiny],
    mutate: mutatedJson,
    read(bytes, _name, random) {
      if (random.integer(2) === 0) parseEncoderConfig(bytes);
      else longestText(bytes);
    },
  };
}

/** `tokenizer.json`: loaded, then used on a few words. */
export function tokenizerReader(): FuzzReader {
  const own = new URL('../reference/own/', import.meta.url);
  const found = ['topics', 'names', 'sentiment'].map((name) => ({
    name,
    bytes: new Uint8Array(readFileSync(new URL(`${name}/tokenizer.json`, own))),
  }));
  const tiny = tinyModelFiles().filter(({ name }) => name === 'tokenizer.json');
  return {
    name: 'tokenizer',
    files: [
      ...found.filter(({ bytes }) => bytes.length < 100_000),
      ...tiny,
      { name: 'byte-level BPE', bytes: encoded(BYTE_LEVEL) },
      { name: 'Unigram', bytes: encoded(UNIGRAM) },
    ],
    mutate: mutatedJson,
    read(bytes) {
      const tokenizer = loadTokenizer(bytes, null);
      for (const text of ['the cat sat, twice', '', 'naïve Ωmega 日本 \u0000🙂']) {
        const ids = tokenizer.encode(text, tokenizer.specialTokens + 8);
        if (
          ids.length > tokenizer.specialTokens + 8 ||
          !ids.every((id) => Number.isSafeInteger(id))
        )
          throw new Error(`“${text}” became ${ids.join(' ')}`);
      }
    },
  };
}

/** As GPT-2’s and RoBERTa’s, with a vocabulary for a few words. */
const BYTE_LEVEL = {
  ...{ version: '1.0', truncation: null, padding: null },
  added_tokens: [
    {
      ...{ id: 12, content: '<s>', single_word: false, lstrip: false, rstrip: false },
      ...{ normalized: false, special: true },
    },
  ],
  normalizer: { type: 'NFC' },
  pre_tokenizer: {
    type: 'ByteLevel',
    add_prefix_space: false,
    trim_offsets: true,
    use_regex: true,
  },
  post_processor: {
    type: 'RobertaProcessing',
    sep: ['<s>', 12],
    cls: ['<s>', 12],
    trim_offsets: true,
    add_prefix_space: false,
  },
  decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
  model: {
    ...{ type: 'BPE', dropout: null, unk_token: '<s>', continuing_subword_prefix: '' },
    ...{ end_of_word_suffix: '', fuse_unk: false, byte_fallback: false, ignore_merges: false },
    vocab: {
      a: 0,
      t: 1,
      h: 2,
      e: 3,
      c: 4,
      s: 5,
      Ġ: 6,
      th: 7,
      the: 8,
      at: 9,
      cat: 10,
      Ġcat: 11,
      '<s>': 12,
    },
    merges: ['t h', 'th e', 'a t', 'c at', 'Ġ cat'],
  },
};

/** As XLM-R’s and ALBERT’s. */
const UNIGRAM = {
  ...{ version: '1.0', truncation: null, padding: null },
  added_tokens: [
    {
      ...{ id: 0, content: '<unk>', single_word: false, lstrip: false, rstrip: false },
      ...{ normalized: false, special: true },
    },
  ],
  normalizer: {
    type: 'Sequence',
    normalizers: [{ type: 'NFKC' }, { type: 'Replace', pattern: { Regex: ' {2,}' }, content: ' ' }],
  },
  pre_tokenizer: {
    type: 'Sequence',
    pretokenizers: [
      { type: 'WhitespaceSplit' },
      { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true },
    ],
  },
  post_processor: {
    type: 'TemplateProcessing',
    single: [{ Sequence: { id: 'A', type_id: 0 } }, { SpecialToken: { id: '<unk>', type_id: 0 } }],
    pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
    special_tokens: { '<unk>': { id: '<unk>', ids: [0], tokens: ['<unk>'] } },
  },
  decoder: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true },
  model: {
    ...{ type: 'Unigram', unk_id: 0, byte_fallback: false },
    vocab: [
      ['<unk>', 0],
      ['▁', -2],
      ['a', -3],
      ['t', -3],
      ['▁the', -4],
      ['cat', -5],
      ['▁cat', -4.5],
      ['s', -3.5],
    ],
  },
};

/** The manifest of a kept model, and the ticket of a download: listed, or passed over. */
export function keptReader(): FuzzReader {
  const about = { source: 'hub', id: 'lab/tiny', revision: COMMIT, licence: 'mit' };
  const piece = { bytes: 4_194_304, sha256: HASH };
  const manifest = {
    ...{ format: 'headlight.model', version: 2, ...about, added: 1_790_000_000_000 },
    offered: ['config.json', 'model.safetensors'],
    files: [
      { name: 'config.json', bytes: 612, sha256: HASH },
      { name: 'model.safetensors', bytes: 8_388_608, sha256: HASH, pieces: [piece, piece] },
    ],
  };
  const ticket = {
    ...{ format: 'headlight.download', version: 1, ...about, precision: 'q8' },
    ...{ started: 1_790_000_000_000, files: [{ name: 'model.safetensors', bytes: null }] },
  };
  return {
    name: 'kept',
    files: [
      { name: 'headlight-model.json', bytes: encoded(manifest) },
      { name: 'headlight-download.json', bytes: encoded(ticket) },
    ],
    mutate: mutatedJson,
    async read(bytes, name) {
      const storage = memoryStorage();
      const prefix = `hub/lab/tiny/${COMMIT}/`;
      await storage.write('models', prefix + name, bytes);
      await storage.write('models', `${prefix}parts/model.safetensors/000000`, new Uint8Array(70));
      const [model, ...more] = await listKept(storage);
      if (model === undefined || more.length > 0) throw new Error('not one model is listed');
      if (model.id !== 'lab/tiny' || model.revision !== COMMIT || !Number.isFinite(model.bytes))
        throw new Error(`${model.id} of ${model.bytes} bytes is listed`);
      // Nothing that was never kept is said to be whole.
      if (model.state === 'whole' && model.files.length > 0 && model.totalBytes !== model.bytes)
        throw new Error('a model without its files is said to be whole');
    },
  };
}
