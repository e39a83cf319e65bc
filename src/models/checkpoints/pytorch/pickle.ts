/**
 * The part of Python's pickle format that `torch.save` writes for a state dict, protocols 2 to 5. A pickle is a
 * program; this is not its machine: the few instructions here make texts, numbers, tuples, lists, dicts and
 * descriptions of tensors, and there is nothing that could be called. Any other instruction, and any name that is
 * not in the table of `globals`, ends the reading with an error that says it.
 *
 * Source: https://github.com/python/cpython/blob/main/Lib/pickletools.py
 */
import { HeadlightError } from '../../../base';
import { shown } from '../checkpoint';
import { globalOf, reduced, refusedGlobal, type Storage, type Value } from './globals';
import { OPCODE_NAMES } from './opcodes';

/** A state dict of 10,000 tensors has half of these instructions, and 1.5 MB of them. */
const MOST_STEPS = 1_000_000;
const MOST_BYTES = 32 * 2 ** 20;
/** Dicts, lists and tensors, which take most memory: about 200 bytes each. */
const MOST_CONTAINERS = 100_000;
const LONGEST_TEXT = 1 << 16;
const LONGEST_NAME = 256;

export interface Unpickled {
  readonly value: Value;
  /** Of the first byte after it. */
  readonly end: number;
}

/**
 * @param persistent what a persistent id stands for: torch keeps storages so.
 * @throws HeadlightError `bad-model`.
 */
export function unpickle(
  bytes: Uint8Array,
  at: number,
  file: string,
  persistent: (id: Value) => Storage,
): Unpickled {
  return new Reading(bytes, at, file, persistent).run();
}

/** Where a list of arguments or items begins. */
const MARK = Symbol('mark');
type Slot = Value | typeof MARK;
const TEXT = new TextDecoder('utf-8', { fatal: true });

class Reading {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #file: string;
  readonly #persistent: (id: Value) => Storage;
  readonly #end: number;
  readonly #stack: Slot[] = [];
  readonly #memo = new Map<number, Value>();
  #at: number;
  #containers = 0;

  constructor(bytes: Uint8Array, at: number, file: string, persistent: (id: Value) => Storage) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = at;
    this.#end = Math.min(bytes.length, at + MOST_BYTES);
    this.#file = file;
    this.#persistent = persistent;
  }

  run(): Unpickled {
    for (let step = 0; step < MOST_STEPS; step++) {
      const opcode = this.#u8();
      if (opcode === 0x2e) return { value: this.#pop(), end: this.#at };
      this.#step(opcode);
    }
    return this.#damaged(`it has more than ${MOST_STEPS} instructions`);
  }

  #step(opcode: number): void {
    const value = this.#made(opcode);
    if (value !== undefined) this.#stack.push(value);
    else if (!this.#done(opcode))
      this.#damaged(
        `its pickle has the instruction ${OPCODE_NAMES.get(opcode) ?? `0x${opcode.toString(16)}`} at byte ${this.#at - 1}, which no state dict needs`,
      );
  }

  /** What an instruction puts on the stack; undefined: it is none of those that only do that. */
  #made(opcode: number): Value | undefined {
    switch (opcode) {
      case 0x4e:
        return null;
      case 0x88:
        return true;
      case 0x89:
        return false;
      case 0x4b:
        return this.#u8();
      case 0x4d:
        return this.#u16();
      case 0x4a:
        return this.#i32();
      case 0x8a:
        return this.#integer(this.#u8());
      case 0x47:
        return this.#double();
      case 0x58:
        return this.#text(this.#length(4));
      case 0x8c:
        return this.#text(this.#u8());
      case 0x8d:
        return this.#text(this.#length(8));
      case 0x29:
        return { kind: 'tuple', items: [] };
      case 0x85:
      case 0x86:
      case 0x87:
        return { kind: 'tuple', items: this.#popMany(opcode - 0x84) };
      case 0x74:
        return { kind: 'tuple', items: this.#popToMark() };
      case 0x5d:
        return this.#counted({ kind: 'list', items: [] });
      case 0x7d:
        return this.#counted({ kind: 'dict', entries: new Map() });
      case 0x68:
        return this.#recalled(this.#u8());
      case 0x6a:
        return this.#recalled(this.#length(4));
      case 0x63:
        return this.#global(this.#line(), this.#line());
      case 0x93:
        return this.#global(...this.#popMany(2));
      case 0x52: {
        const [made, given] = this.#popMany(2);
        return this.#counted(reduced(made, given, (what) => this.#damaged(what)));
      }
      case 0x62:
        return this.#built(...this.#popMany(2));
      case 0x51:
        return this.#counted(this.#persistent(this.#pop()));
      default:
        return undefined;
    }
  }

  /** The instructions that change what is there. false: it is none that a state dict needs. */
  #done(opcode: number): boolean {
    switch (opcode) {
      case 0x80:
        this.#checkProtocol(this.#u8());
        break;
      case 0x95: // FRAME: only says how much to read ahead.
        this.#length(8);
        break;
      case 0x28:
        this.#stack.push(MARK);
        break;
      case 0x61:
        this.#append([this.#pop()]);
        break;
      case 0x65:
        this.#append(this.#popToMark());
        break;
      case 0x73:
        this.#setItems(this.#popMany(2));
        break;
      case 0x75:
        this.#setItems(this.#popToMark());
        break;
      case 0x71:
        this.#remember(this.#u8());
        break;
      case 0x72:
        this.#remember(this.#length(4));
        break;
      case 0x94:
        this.#remember(this.#memo.size);
        break;
      default:
        return false;
    }
    return true;
  }

  #checkProtocol(protocol: number): void {
    if (protocol < 2 || protocol > 5)
      this.#damaged(`it is a pickle of protocol ${protocol}; 2 to 5 are read`);
  }

  /** Only attributes of an OrderedDict, such as `_metadata`, which say nothing of the weights. */
  #built(made?: Value, state?: Value): Value {
    if (!isKind(made, 'dict') || !isKind(state, 'dict'))
      return this.#damaged('it sets the state of something that is no dict');
    return made;
  }

  #global(module?: Value, name?: Value): Value {
    if (typeof module !== 'string' || typeof name !== 'string')
      return this.#damaged('it asks for something whose name is no text');
    const found = globalOf(module, name);
    if (found === null) throw refusedGlobal(this.#file, module, name);
    return found;
  }

  #append(items: readonly Value[]): void {
    const list = this.#stack.at(-1);
    if (!isKind(list, 'list')) this.#damaged('it appends to something that is no list');
    for (const item of items) list.items.push(item);
  }

  #setItems(items: readonly Value[]): void {
    const dict = this.#stack.at(-1);
    if (!isKind(dict, 'dict') || items.length % 2 !== 0)
      this.#damaged('it sets items of something that is no dict');
    for (let i = 0; i < items.length; i += 2) {
      const key = items[i];
      if (typeof key !== 'string') this.#damaged('a key of its dict is no text');
      dict.entries.set(key, items[i + 1] ?? null);
    }
  }

  #remember(index: number): void {
    const top = this.#stack.at(-1);
    if (top === undefined || top === MARK) this.#damaged('it remembers nothing');
    else this.#memo.set(index, top);
  }

  #recalled(index: number): Value {
    const value = this.#memo.get(index);
    return value === undefined
      ? this.#damaged(`it recalls item ${index}, which it never made`)
      : value;
  }

  #counted<Made extends Value>(value: Made): Made {
    if (++this.#containers > MOST_CONTAINERS)
      this.#damaged(`it makes more than ${MOST_CONTAINERS} dicts, lists and tensors`);
    return value;
  }

  #pop(): Value {
    const top = this.#stack.pop();
    return top === undefined || top === MARK ? this.#damaged('its pickle is cut short') : top;
  }

  #popMany(count: number): Value[] {
    const items: Value[] = [];
    for (let i = 0; i < count; i++) items.push(this.#pop());
    return items.reverse();
  }

  #popToMark(): Value[] {
    const items: Value[] = [];
    for (;;) {
      const top = this.#stack.pop();
      if (top === undefined) return this.#damaged('its pickle is cut short');
      if (top === MARK) return items.reverse();
      items.push(top);
    }
  }

  #need(bytes: number): void {
    if (this.#at + bytes > this.#end) this.#damaged('its pickle is cut short or too long');
  }

  #u8(): number {
    this.#need(1);
    return this.#bytes[this.#at++] ?? 0;
  }

  #u16(): number {
    this.#need(2);
    this.#at += 2;
    return this.#view.getUint16(this.#at - 2, true);
  }

  #i32(): number {
    this.#need(4);
    this.#at += 4;
    return this.#view.getInt32(this.#at - 4, true);
  }

  #double(): number {
    this.#need(8);
    this.#at += 8;
    return this.#view.getFloat64(this.#at - 8, false);
  }

  /** Unsigned, of 4 or 8 bytes. */
  #length(width: 4 | 8): number {
    this.#need(width);
    this.#at += width;
    if (width === 4) return this.#view.getUint32(this.#at - 4, true);
    return Number(this.#view.getBigUint64(this.#at - 8, true));
  }

  /** Signed, of as many bytes as it says. */
  #integer(width: number): number {
    this.#need(width);
    let value = 0n;
    for (let i = width - 1; i >= 0; i--)
      value = (value << 8n) | BigInt(this.#bytes[this.#at + i] ?? 0);
    this.#at += width;
    const found = Number(width === 0 ? 0n : BigInt.asIntN(8 * width, value));
    return Number.isSafeInteger(found)
      ? found
      : this.#damaged('it has a whole number beyond 2^53, which no size of a tensor is');
  }

  #text(length: number): string {
    if (length > LONGEST_TEXT) this.#damaged(`it has a text of ${length} bytes`);
    this.#need(length);
    this.#at += length;
    return this.#decoded(this.#at - length, this.#at);
  }

  /** To the next line's end, as names of globals stand. */
  #line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0 || end >= this.#end || end - this.#at > LONGEST_NAME)
      return this.#damaged('it asks for something without a proper name');
    const text = this.#decoded(this.#at, end);
    this.#at = end + 1;
    return text;
  }

  #decoded(start: number, end: number): string {
    try {
      return TEXT.decode(this.#bytes.subarray(start, end));
    } catch (cause) {
      return this.#damaged('it has a text that is not UTF-8', cause);
    }
  }

  #damaged(what: string, cause?: unknown): never {
    throw new HeadlightError('bad-model', `${this.#file} cannot be read: ${shown(what)}.`, {
      hint: 'It is damaged, or more than the weights that torch.save(model.state_dict(), …) writes. Download or copy it again, or save it as safetensors.',
      ...(cause === undefined ? {} : { cause }),
    });
  }
}

export function isKind<Kind extends 'dict' | 'list' | 'tuple' | 'tensor' | 'storage' | 'global'>(
  value: Slot | undefined,
  kind: Kind,
): value is Extract<Value, { readonly kind: Kind }> {
  return typeof value === 'object' && value !== null && value.kind === kind;
}
