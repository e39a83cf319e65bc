/**
 * Whether a model of the catalogue fits this device, before anything is downloaded: room to keep it, memory to embed
 * with it and to train it, and what would fit in its place. Calculated for a batch of 8 texts of 128 tokens.
 */
import { trainingMemoryBytes } from '../learning/finetune';
import type { CatalogueModel, Precision } from '../models';
import type { About } from './engine';

/** A page's WASM memory. */
const HEAP_BYTES = 4 * 2 ** 30;
/** What the runtime has beside the weights in its memory, as a share of them. */
const BESIDE = 0.1;
/** What a typed array holds, in Node and in some browsers: a file is read into one. */
const FILE_BYTES = 2 ** 32 - 1;
/** Of a device's memory, what one page can count on. */
const USABLE = 0.6;
const PRECISIONS: readonly Precision[] = ['fp32', 'fp16', 'q8', 'q4'];

/** Where nothing but what one file can hold is in the way. */
const COMMAND_LINE: DeviceRoom = {
  freeBytes: null,
  memoryBytes: null,
  heapBytes: null,
  bufferBytes: null,
};

/** What is known of the device; null: not known. */
export interface DeviceRoom {
  /** Free for the page to keep things in. */
  readonly freeBytes: number | null;
  /** As the browser says, rounded down; some say none. */
  readonly memoryBytes: number | null;
  /** Of WASM; null where there is no such limit. */
  readonly heapBytes: number | null;
  /** The largest buffer of the GPU; null: no GPU that counts. */
  readonly bufferBytes: number | null;
}

export function deviceRoom({ storage, devices, memoryBytes }: About): DeviceRoom {
  const gpu = devices.find(({ device, emulated }) => device === 'webgpu' && emulated !== true);
  return {
    freeBytes: storage === null ? null : Math.max(0, storage.quotaBytes - storage.usageBytes),
    memoryBytes: memoryBytes ?? null,
    heapBytes: devices.some(({ device }) => device === 'wasm') ? HEAP_BYTES : null,
    bufferBytes: gpu?.maxBufferBytes ?? null,
  };
}

export interface MemoryNeed {
  /** While embedding: the checkpoint as it was read, what is made of it, its copy in the runtime, a batch. */
  readonly embed: number;
  /** While fine-tuning: weights, gradients, moments, a batch. */
  readonly lora: number;
  readonly full: number;
}

/** Bytes of memory for each use, its weights kept in this precision. */
export function memoryNeed(
  { bytes, download, work }: CatalogueModel,
  precision: Precision,
): MemoryNeed {
  const training = (use: 'lora' | 'full'): number =>
    trainingMemoryBytes({
      // What learns is kept in 32 bits; of LoRA the base may stay in 8.
      weights: use === 'lora' && precision !== 'fp32' ? bytes.q8 : bytes.fp32,
      trainable: work[use].trainable,
      activations: work[use].activations,
      device: 'wasm',
    });
  return {
    // In 32 bits the weights are the checkpoint's own bytes; others are made of them.
    embed: download + (precision === 'fp32' ? 1 : 2) * bytes[precision] + work.embed.activations,
    lora: training('lora'),
    full: training('full'),
  };
}

export interface Fit {
  readonly verdict: 'fits' | 'tight' | 'no';
  /** Why; empty where it plainly fits. */
  readonly reason: string;
}

export interface ModelFit {
  /** Bytes of memory for each. */
  readonly need: MemoryNeed;
  /** Downloading it and embedding with it: a probe. */
  readonly probe: Fit;
  readonly lora: Fit;
  readonly full: Fit;
  /** A precision in which it can be embedded with where it cannot as asked; else null. */
  readonly instead: Precision | null;
  /** Whether the command line, which has fewer limits, is what is left. */
  readonly companion: boolean;
}

const FITS: Fit = { verdict: 'fits', reason: '' };

/** Whether it fits, for each use, in a precision. */
export function modelFit(model: CatalogueModel, precision: Precision, room: DeviceRoom): ModelFit {
  const probe = probeFit(model, precision, room);
  const need = memoryNeed(model, precision);
  const stored = storageFit(model, room);
  const instead =
    probe.verdict !== 'no' || stored.verdict === 'no'
      ? null
      : (PRECISIONS.slice(PRECISIONS.indexOf(precision) + 1).find(
          (other) => probeFit(model, other, room).verdict !== 'no',
        ) ?? null);
  return {
    need,
    probe,
    lora: loraFit(model, need.lora, room),
    full: trainingFit(need.full, room),
    instead,
    companion:
      instead === null &&
      probe.verdict === 'no' &&
      PRECISIONS.some((other) => probeFit(model, other, COMMAND_LINE).verdict === 'fits'),
  };
}

function storageFit({ download }: CatalogueModel, { freeBytes }: DeviceRoom): Fit {
  if (freeBytes === null || download <= freeBytes) return FITS;
  return no(
    `About ${size(download)} to keep, and this browser lets the page have ${size(freeBytes)} more.`,
  );
}

function probeFit(model: CatalogueModel, precision: Precision, room: DeviceRoom): Fit {
  const stored = storageFit(model, room);
  if (stored.verdict === 'no') return stored;
  const { download } = model;
  if (download > FILE_BYTES)
    return no(
      `Its one file has ${size(download)}; at most ${size(FILE_BYTES)} can be read at once.`,
    );
  const weights = model.bytes[precision];
  const heap = (1 + BESIDE) * weights + model.work.embed.activations;
  if (room.heapBytes !== null && heap > room.heapBytes)
    return no(`It needs ${size(heap)}; a page’s WASM has ${size(room.heapBytes)}.`);
  const need = memoryNeed(model, precision).embed;
  if (room.memoryBytes !== null && need > USABLE * room.memoryBytes)
    return tight(
      `It needs about ${size(need)} of memory; this device has ${hasMemory(room.memoryBytes)}.`,
    );
  const table = ((model.largest * weights) / model.bytes.fp32) * 4;
  if (room.bufferBytes !== null && table > room.bufferBytes)
    return tight(
      `Its largest table takes ${size(table)}, more than this GPU’s buffers (${size(room.bufferBytes)}): it runs on the processor.`,
    );
  return FITS;
}

function trainingFit(need: number, { heapBytes, memoryBytes }: DeviceRoom): Fit {
  if (heapBytes !== null && need > heapBytes)
    return no(`It needs about ${size(need)}; a page’s WASM has ${size(heapBytes)}.`);
  if (heapBytes !== null && need > 0.7 * heapBytes)
    return tight(`It needs about ${size(need)} of the ${size(heapBytes)} that a page’s WASM has.`);
  if (memoryBytes !== null && need > USABLE * memoryBytes)
    return tight(
      `It needs about ${size(need)} of memory; this device has ${hasMemory(memoryBytes)}.`,
    );
  return FITS;
}

/** Its base may be kept in 8 bits, whatever the precision that a probe is made in. */
function loraFit(model: CatalogueModel, need: number, room: DeviceRoom): Fit {
  const fit = trainingFit(need, room);
  const { lora } = memoryNeed(model, 'q8');
  if (fit.verdict !== 'no' || trainingFit(lora, room).verdict === 'no') return fit;
  return tight(`${fit.reason} Over 8-bit weights it needs about ${size(lora)}.`);
}

function no(reason: string): Fit {
  return { verdict: 'no', reason };
}

function tight(reason: string): Fit {
  return { verdict: 'tight', reason };
}

/** Browsers round it down, and some name no more than 8 GB. */
function hasMemory(bytes: number): string {
  return `${Math.round(bytes / 2 ** 30)} GB or more`;
}

function size(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.round(bytes / 1e6)} MB`;
}
