/**
 * The run-length / bit-packed hybrid in which Parquet writes levels and places in a dictionary, and the heads
 * of its delta encodings, checked before hyparquet believes them. Source: parquet-format/Encodings.md.
 */

/** A bit-packed run is filled up to eights; some writers write their whole buffer of 63 eights. */
const MOST_FILLING = 63 * 8;

/**
 * Walks over `count` values and hands each on, a run at a time.
 * @param width bits of a value. @param end the first byte that is not its own.
 * @param most the largest value that there may be.
 * @throws Error when the runs hold fewer or more values, a larger one, or go beyond `end`.
 */
export function readRuns(
  bytes: Uint8Array,
  start: number,
  end: number,
  { width, count, most }: { readonly width: number; readonly count: number; readonly most: number },
  visit: (value: number, times: number) => void,
): void {
  if (width > 32) throw new Error(`a value has ${width} bits`);
  let at = start;
  const byte = (): number => {
    if (at >= end) throw new Error('a page ends before its values do');
    return bytes[at++] ?? 0;
  };
  const take = (value: number, times: number): void => {
    if (value > most) throw new Error(`a page holds ${value}, where ${most} is the largest`);
    visit(value, times);
  };
  for (let seen = 0; seen < count;) {
    const head = varint(byte);
    const times = Math.floor(head / 2);
    if (head % 2 === 0) {
      let value = 0;
      for (let place = 0; place < Math.ceil(width / 8); place++) value += byte() * 256 ** place;
      if (times > count - seen) throw new Error('a run of values is longer than its page');
      take(value, times);
      seen += times;
      continue;
    }
    const left = Math.min(8 * times, count - seen);
    if (8 * times - left > MOST_FILLING) throw new Error('a run of values is longer than its page');
    // The last eight may be cut off after its last value.
    if (Math.ceil((left * width) / 8) > end - at)
      throw new Error('a page ends before its values do');
    for (let index = 0; index < left; index++) take(bitsAt(bytes, at, index * width, width), 1);
    at = Math.min(end, at + times * width);
    seen += left;
  }
}

/** `width` bits from bit `from` on, the lowest first. */
function bitsAt(bytes: Uint8Array, at: number, from: number, width: number): number {
  let value = 0;
  for (let got = 0; got < width;) {
    const bit = from + got;
    const some = Math.min(8 - (bit % 8), width - got);
    const part = ((bytes[at + Math.floor(bit / 8)] ?? 0) >> (bit % 8)) & ((1 << some) - 1);
    value += part * 2 ** got;
    got += some;
  }
  return value;
}

function varint(byte: () => number): number {
  let value = 0;
  for (let place = 0; place < 5; place++) {
    const next = byte();
    value += (next & 0x7f) * 2 ** (7 * place);
    if (next < 0x80) return value;
  }
  throw new Error('the length of a run is too long a number');
}

/**
 * The head of a delta encoding: sizes that are so as the format says.
 * @throws Error
 */
export function checkDeltaHead(bytes: Uint8Array, start: number, end: number): void {
  let at = start;
  const byte = (): number => {
    if (at >= end) throw new Error('a page ends before its values do');
    return bytes[at++] ?? 0;
  };
  const block = varint(byte);
  const parts = varint(byte);
  if (block < 8 || block > 1 << 20 || parts < 1 || parts > 4096 || block % parts !== 0)
    throw new Error(`blocks of ${block} values in ${parts} parts`);
}
