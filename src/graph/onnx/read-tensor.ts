/** Tensors of an ONNX file: their type, shape and values, checked against each other. */
import { externalPlace, type ExternalSource } from './external';
import { ELEMENT_TYPES, type ElementType, type Tensor } from './model';
import { badModel, type MessageReader } from './protobuf';
import { byteLength } from './tensor';

const ELEMENT_TYPE_OF_CODE = new Map<number, ElementType>(
  Object.entries(ELEMENT_TYPES).map(([name, { code }]) => [code, name as ElementType]),
);

/** @param what has this type, for the message: `The tensor "w"`. @throws HeadlightError `bad-model`. */
export function elementTypeOf(code: number, what: string): ElementType {
  const elementType = ELEMENT_TYPE_OF_CODE.get(code);
  if (elementType === undefined)
    throw badModel(`${what} has the element type ${code}, which Headlight does not know.`);
  return elementType;
}

/**
 * Reads a `TensorProto`; values that are not raw become the bytes that raw ones would be.
 * @param source of values that lie in other files.
 */
export function readTensor(reader: MessageReader, source: ExternalSource): Tensor {
  let name = '';
  let code = 0;
  let external = false;
  const entries = new Map<string, string>();
  let raw: Uint8Array | null = null;
  const bigDims: bigint[] = [];
  const floats: number[] = [];
  const doubles: number[] = [];
  const integers: bigint[] = [];
  const strings: string[] = [];
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        reader.int64s(bigDims);
        break;
      case 2:
        code = reader.integer();
        break;
      case 4:
        reader.floats(floats);
        break;
      case 5:
      case 7:
      case 11:
        reader.int64s(integers);
        break;
      case 6:
        strings.push(reader.string());
        break;
      case 8:
        name = reader.string();
        break;
      case 9:
        raw = reader.bytes();
        break;
      case 10:
        reader.doubles(doubles);
        break;
      case 13: {
        const [key, value] = readEntry(reader.message('external data'));
        entries.set(key, value);
        break;
      }
      case 14:
        external = reader.integer() === 1;
        break;
      default:
        reader.keep();
    }
  }
  const elementType = elementTypeOf(code, `The tensor "${name}"`);
  const dims = bigDims.map(Number);
  const expected = byteLength(elementType, dims);
  const base = { name, elementType, dims, ...extra(reader) };
  if (external) {
    if (elementType === 'string')
      throw badModel(`The tensor "${name}" keeps texts in another file.`);
    const data = source(externalPlace(entries, name), name, expected);
    return { ...base, data: data ?? new Uint8Array(0) };
  }
  if (elementType === 'string') {
    if (strings.length !== dims.reduce((product, dim) => product * dim, 1))
      throw wrongSize(name, dims);
    return { ...base, data: new Uint8Array(0), strings };
  }
  const data = raw ?? packValues(elementType, expected, floats, doubles, integers);
  if (data === null || data.byteLength !== expected) throw wrongSize(name, dims);
  return { ...base, data };
}

/** A `StringStringEntryProto`. */
export function readEntry(reader: MessageReader): [string, string] {
  let key = '';
  let value = '';
  while (reader.next()) {
    if (reader.field === 1) key = reader.string();
    else if (reader.field === 2) value = reader.string();
    else reader.keep();
  }
  return [key, value];
}

function wrongSize(name: string, dims: readonly number[]): ReturnType<typeof badModel> {
  return badModel(`The values of the tensor "${name}" do not fill its shape [${dims.join(', ')}].`);
}

/** ONNX's typed value lists as the bytes that `raw_data` would have; null when their number is wrong. */
function packValues(
  elementType: ElementType,
  expected: number,
  floats: readonly number[],
  doubles: readonly number[],
  integers: readonly bigint[],
): Uint8Array | null {
  const { bits } = ELEMENT_TYPES[elementType];
  const [values, width] =
    elementType === 'float32' || elementType === 'complex64'
      ? [floats, 4]
      : elementType === 'float64' || elementType === 'complex128'
        ? [doubles, 8]
        : [integers, Math.max(1, bits / 8)];
  if (values.length * width !== expected) return null;
  const data = new Uint8Array(expected);
  const view = new DataView(data.buffer);
  values.forEach((value, i) => {
    if (typeof value === 'bigint') {
      if (width === 1) view.setUint8(i, Number(value & 0xffn));
      else if (width === 2) view.setUint16(i * 2, Number(value & 0xffffn), true);
      else if (width === 4) view.setUint32(i * 4, Number(value & 0xffffffffn), true);
      else view.setBigUint64(i * 8, BigInt.asUintN(64, value), true);
    } else if (width === 4) view.setFloat32(i * 4, value, true);
    else view.setFloat64(i * 8, value, true);
  });
  return data;
}

/** The fields that the reader kept, to be spread into the record. */
export function extra(reader: MessageReader): { extraFields?: Uint8Array } {
  const extraFields = reader.kept();
  return extraFields === null ? {} : { extraFields };
}
