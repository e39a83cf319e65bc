/**
 * A model's checkpoint among its files: safetensors before `pytorch_model.bin`, one file before several. Names are
 * those that `save_pretrained` writes.
 */
import { HeadlightError } from '../../base';
import {
  readPytorch,
  readSafetensors,
  readShardIndex,
  readShards,
  type Checkpoint,
} from '../checkpoints';
import type { WeightFiles } from './weight-files';

/** Before the ending of one file, of its parts, and of their index. */
const KINDS = [
  { format: 'safetensors', stem: 'model', ending: '.safetensors' },
  { format: 'safetensors', stem: 'model_q8', ending: '.safetensors' },
  { format: 'pytorch', stem: 'pytorch_model', ending: '.bin' },
] as const;

/**
 * @param names all that the model has, relative to its folder.
 * @returns null when it has no checkpoint.
 * @throws HeadlightError `bad-model` naming the part that is missing of one in several files.
 */
export function chooseCheckpoint(names: readonly string[], id: string): WeightFiles | null {
  for (const { format, stem, ending } of KINDS) {
    if (names.includes(stem + ending)) return { format, files: [stem + ending] };
    const index = `${stem}${ending}.index.json`;
    if (names.includes(index)) return { format, files: [index, ...parts(names, stem, ending, id)] };
  }
  return null;
}

/** `model-00001-of-00003.safetensors` and the others, in order. */
function parts(names: readonly string[], stem: string, ending: string, id: string): string[] {
  const pattern = new RegExp(`^${stem}-(\\d+)-of-(\\d+)${ending.replace('.', '\\.')}$`);
  const found = names.flatMap((name) => {
    const [, number, total] = pattern.exec(name) ?? [];
    return number === undefined || total === undefined ? [] : [{ name, number, total }];
  });
  if (found.length === 0) return names.filter((name) => isOtherPart(name, stem, ending)).sort();
  // Another way of splitting may lie beside it: the one that is whole is taken.
  const totals = new Set(found.map(({ total }) => total));
  const missing = [...totals].map((total) => {
    const there = new Set(found.filter((one) => one.total === total).map(({ number }) => number));
    const all = Array.from({ length: Math.min(Number(total), MOST_PARTS) }, (_, i) =>
      String(i + 1).padStart(total.length, '0'),
    );
    return { total, first: all.find((number) => !there.has(number)) };
  });
  const whole = missing.find(({ first }) => first === undefined);
  if (whole !== undefined)
    return found
      .filter(({ total }) => total === whole.total)
      .map(({ name }) => name)
      .sort();
  const [gap] = missing;
  throw new HeadlightError(
    'bad-model',
    `${id} has no ${stem}-${gap?.first ?? ''}-of-${gap?.total ?? ''}${ending}, a part of its weights.`,
    { hint: 'Download or choose all the files that begin so, and the index beside them.' },
  );
}

const MOST_PARTS = 1000;

/** Files of other names that an index may speak of. */
function isOtherPart(name: string, stem: string, ending: string): boolean {
  return name.startsWith(stem) && name.endsWith(ending) && !name.includes('/');
}

/**
 * The tensors, as views into the files.
 * @param read a file's bytes; throws when it is not there.
 * @throws HeadlightError `bad-model`.
 */
export async function readCheckpoint(
  { format, files }: WeightFiles,
  read: (name: string) => Uint8Array,
): Promise<Checkpoint> {
  const one = (name: string): Checkpoint | Promise<Checkpoint> =>
    format === 'pytorch' ? readPytorch(read(name), name) : readSafetensors(read(name), name);
  const [first = ''] = files;
  if (!first.endsWith('.index.json')) return one(first);
  return readShards(readShardIndex(read(first), first), first, one);
}
