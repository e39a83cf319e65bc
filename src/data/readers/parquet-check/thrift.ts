/**
 * Thrift's compact protocol, as Parquet's footer and page headers are written in it, with every length held
 * against the bytes that are there. Source: thrift/doc/specs/thrift-compact-protocol.md.
 */
export type ThriftValue =
  number | boolean | Uint8Array | readonly ThriftValue[] | ReadonlyMap<number, ThriftValue>;
export type ThriftStruct = ReadonlyMap<number, ThriftValue>;

const DEEPEST = 32;
/** A 64-bit number has at most ten bytes of seven bits. */
const LONGEST_NUMBER = 10;

/**
 * Reads one struct.
 * @param start its first byte. @returns the struct by the ids of its fields, and the byte after it.
 * @throws Error when a length points beyond the bytes, or structs lie too deep in each other.
 */
export function readStruct(
  bytes: Uint8Array,
  start: number,
): { readonly struct: ThriftStruct; readonly end: number } {
  let at = start;

  const byte = (): number => {
    const value = bytes[at++];
    if (value === undefined) throw new Error('its description was cut off');
    return value;
  };
  /** Whole numbers beyond 2^53 are rounded: none that is used here is so large. */
  const varint = (): number => {
    let value = 0;
    for (let place = 0; place < LONGEST_NUMBER; place++) {
      const next = byte();
      value += (next & 0x7f) * 2 ** (7 * place);
      if (next < 0x80) return value;
    }
    throw new Error('a number in its description is too long');
  };
  const zigzag = (): number => {
    const value = varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  };
  const length = (): number => {
    const value = varint();
    if (value > bytes.length - at) throw new Error('a length in its description is too large');
    return value;
  };

  const element = (type: number, depth: number): ThriftValue => {
    if (depth > DEEPEST) throw new Error('its description is nested too deep');
    switch (type) {
      case 1:
      case 2:
        return type === 1;
      case 3:
        return byte();
      case 4:
      case 5:
      case 6:
        return zigzag();
      case 7:
        at += 8;
        if (at > bytes.length) throw new Error('its description was cut off');
        return 0;
      case 8: {
        const size = length();
        at += size;
        return bytes.subarray(at - size, at);
      }
      case 9: {
        const first = byte();
        const of = first & 0x0f;
        const size = first >> 4;
        const count = size === 15 ? length() : size;
        // In a list a true or false takes a byte, in a struct none.
        return Array.from({ length: count }, () => element(of <= 2 ? 3 : of, depth + 1));
      }
      case 12:
        return struct(depth + 1);
      default:
        throw new Error(`its description holds a field of the unknown type ${type}`);
    }
  };
  const struct = (depth: number): ThriftStruct => {
    const fields = new Map<number, ThriftValue>();
    let id = 0;
    for (;;) {
      const head = byte();
      const type = head & 0x0f;
      if (type === 0) return fields;
      const step = head >> 4;
      id = step === 0 ? zigzag() : id + step;
      fields.set(id, element(type, depth));
    }
  };

  const found = struct(0);
  return { struct: found, end: at };
}

/** A field that must be a whole number from 0 to 2^31 - 1. @throws Error naming it. */
export function wholeField(struct: ThriftStruct, id: number, what: string): number {
  const value = struct.get(id);
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** 31)
    return value;
  throw new Error(`${what} is missing or out of range`);
}

export function structField(struct: ThriftStruct, id: number): ThriftStruct | null {
  const value = struct.get(id);
  return value instanceof Map ? (value as ThriftStruct) : null;
}
