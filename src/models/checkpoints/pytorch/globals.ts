/** The only names of Python that a pickle of weights may use, and what is made of them. */
import { HeadlightError } from '../../../base';
import { shown, type Dtype } from '../checkpoint';

/** Bytes that tensors share. */
export interface Storage {
  readonly kind: 'storage';
  /** null: bytes without a type, which the tensor gives. */
  readonly dtype: Dtype | null;
  readonly key: string;
  /** Elements; of bytes without a type, bytes. */
  readonly length: number;
}

/** A tensor as it is described; its sizes have been checked for what they are, not yet against the storage. */
export interface TensorView {
  readonly kind: 'tensor';
  readonly storage: Storage;
  readonly dtype: Dtype;
  /** Elements from the storage's start. */
  readonly offset: number;
  readonly shape: readonly number[];
  /** Elements from one to the next along each dimension. */
  readonly strides: readonly number[];
}

export interface Global {
  readonly kind: 'global';
  readonly name: string;
  readonly dtype: Dtype | null;
}

export type Value =
  | null
  | boolean
  | number
  | string
  | Storage
  | TensorView
  | Global
  | { readonly kind: 'tuple'; readonly items: readonly Value[] }
  | { readonly kind: 'list'; readonly items: Value[] }
  | { readonly kind: 'dict'; readonly entries: Map<string, Value> };

const STORAGES: Readonly<Record<string, Dtype>> = {
  DoubleStorage: 'F64',
  FloatStorage: 'F32',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  LongStorage: 'I64',
  IntStorage: 'I32',
  ShortStorage: 'I16',
  CharStorage: 'I8',
  ByteStorage: 'U8',
  BoolStorage: 'BOOL',
};
/** Types that have no class of storage of their own. */
const DTYPES: Readonly<Record<string, Dtype>> = {
  uint16: 'U16',
  uint32: 'U32',
  uint64: 'U64',
  float8_e4m3fn: 'F8_E4M3',
  float8_e5m2: 'F8_E5M2',
};
const UNTYPED = ['torch.UntypedStorage', 'torch.storage.UntypedStorage'];

const GLOBALS = new Map<string, Global>([
  ...[
    'collections.OrderedDict',
    'torch._utils._rebuild_tensor_v2',
    'torch._utils._rebuild_tensor_v3',
    'torch._utils._rebuild_parameter',
    'torch.Size',
    ...UNTYPED,
  ].map((name) => named(name, null)),
  ...Object.entries(STORAGES).map(([name, dtype]) => named(`torch.${name}`, dtype)),
  ...Object.entries(DTYPES).map(([name, dtype]) => named(`torch.${name}`, dtype)),
]);

function named(name: string, dtype: Dtype | null): [string, Global] {
  return [name, { kind: 'global', name, dtype }];
}

/** null: not one of those that a state dict needs. */
export function globalOf(module: string, name: string): Global | null {
  return GLOBALS.get(`${module}.${name}`) ?? null;
}

export function isStorageClass({ name, dtype }: Global): boolean {
  return UNTYPED.includes(name) || (dtype !== null && name.endsWith('Storage'));
}

/** What libraries keep beside weights: harmless in itself, and still run by Python when it is loaded. */
const LIBRARIES =
  /^(torch|numpy|transformers|argparse|pathlib|datetime|sentence_transformers|flair|fairseq|omegaconf|pytorch_lightning|typing|enum)(\.|$)/;

/** The error for a name that is not in the table, saying what the file asks for. */
export function refusedGlobal(file: string, module: string, name: string): HeadlightError {
  const asked = shown(`${module}.${name}`);
  if (module === 'torch' && /Storage$/.test(name))
    return new HeadlightError('bad-model', `${file} holds ${asked}, a type that is not read.`, {
      hint: 'Weights of an encoder are floats or whole numbers: save them so.',
    });
  if (LIBRARIES.test(module))
    return new HeadlightError(
      'bad-model',
      `${file} is refused: it asks for ${asked}, an object of Python, and not only for weights.`,
      {
        hint: 'Save the weights alone, with torch.save(model.state_dict(), …) or, better, as safetensors.',
      },
    );
  return new HeadlightError(
    'bad-model',
    `${file} is refused: it asks to run ${asked}. Nothing of it was run here.`,
    {
      hint: 'Weights need no code. Do not load this file with Python either; take the model as safetensors from someone you trust.',
    },
  );
}

/**
 * What calling a name of the table gives.
 * @param refuse ends the reading.
 */
export function reduced(
  made: Value | undefined,
  given: Value | undefined,
  refuse: (what: string) => never,
): Value {
  if (typeof made !== 'object' || made?.kind !== 'global')
    return refuse('it calls something that is no name');
  if (typeof given !== 'object' || given?.kind !== 'tuple')
    return refuse(`it calls ${made.name} without arguments`);
  const { items } = given;
  switch (made.name) {
    case 'collections.OrderedDict':
      if (items.length > 0) return refuse('it makes an OrderedDict of something');
      return { kind: 'dict', entries: new Map() };
    case 'torch.Size': {
      const [sizes] = items;
      if (items.length !== 1 || typeof sizes !== 'object' || sizes?.kind !== 'tuple')
        return refuse('it makes a torch.Size of no sizes');
      return sizes;
    }
    case 'torch._utils._rebuild_parameter': {
      const [tensor] = items;
      if (items.length !== 3 || typeof tensor !== 'object' || tensor?.kind !== 'tensor')
        return refuse('it makes a parameter of no tensor');
      return tensor;
    }
    case 'torch._utils._rebuild_tensor_v2':
    case 'torch._utils._rebuild_tensor_v3':
      return rebuiltTensor(items, made.name.endsWith('v3'), refuse);
    default:
      return refuse(`it calls ${made.name}, which makes no weights`);
  }
}

/** (storage, offset, size, stride, requires_grad, hooks), and of v3 the dtype. */
function rebuiltTensor(
  items: readonly Value[],
  hasDtype: boolean,
  refuse: (what: string) => never,
): TensorView {
  const [storage, offset, sizes, strides, , hooks, given] = items;
  if (items.length < (hasDtype ? 7 : 6) || items.length > (hasDtype ? 8 : 7))
    return refuse('it makes a tensor of too few or too many parts');
  if (typeof storage !== 'object' || storage?.kind !== 'storage')
    return refuse('it makes a tensor of no storage');
  if (typeof hooks !== 'object' || hooks?.kind !== 'dict' || hooks.entries.size > 0)
    return refuse('it makes a tensor with hooks, which are code');
  const asked = typeof given === 'object' && given?.kind === 'global' ? given.dtype : null;
  const dtype = hasDtype ? asked : storage.dtype;
  if (dtype === null || (storage.dtype !== null && storage.dtype !== dtype))
    return refuse('it makes a tensor without a type');
  const shape = counts(sizes);
  const steps = counts(strides);
  if (shape === null || steps?.length !== shape.length || !isCount(offset))
    return refuse('a tensor of it has no proper sizes');
  return { kind: 'tensor', storage, dtype, offset, shape, strides: steps };
}

/** torch has at most 64 dimensions. */
const MOST_DIMENSIONS = 64;

function counts(value: Value | undefined): readonly number[] | null {
  if (typeof value !== 'object' || value?.kind !== 'tuple') return null;
  if (value.items.length > MOST_DIMENSIONS || !value.items.every(isCount)) return null;
  return value.items;
}

function isCount(value: Value | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
