/** Whether there is room for a download, before its first byte. */
import { HeadlightError } from '../../base';
import type { Storage } from '../../platform';
import { listKept, type KeptModel } from './listing';

/** Beside the files: manifests, and what a store needs to keep its entries. */
const BESIDE_BYTES = 4e6;

export interface Room {
  /** Still to come, with what stands beside them. A file is kept in the pieces it came in: nothing is copied. */
  readonly needed: number;
  /** null: the browser does not say. */
  readonly free: number | null;
  readonly fits: boolean;
}

/** @param toCome bytes of files that are not kept yet. */
export async function roomFor(storage: Storage, toCome: number): Promise<Room> {
  const estimate = await storage.estimate();
  const needed = toCome === 0 ? 0 : toCome + BESIDE_BYTES;
  // A quota of 0 is one that is not said.
  if (estimate === null || estimate.quotaBytes === 0) return { needed, free: null, fits: true };
  const free = Math.max(0, estimate.quotaBytes - estimate.usageBytes);
  return { needed, free, fits: needed <= free };
}

/**
 * @param id of the model that is to come; it is not one that could be removed
 * @throws HeadlightError `storage-full` with the numbers, and what could be removed.
 */
export async function requireRoom(storage: Storage, id: string, toCome: number): Promise<void> {
  const { needed, free, fits } = await roomFor(storage, toCome);
  if (fits || free === null) return;
  throw new HeadlightError(
    'storage-full',
    `${id} needs ${megabytes(needed)} more, but there is room for ${megabytes(free)} only.`,
    { hint: whatHelps(await listKept(storage), id, needed - free) },
  );
}

function whatHelps(kept: readonly KeptModel[], id: string, missing: number): string {
  const others = kept
    .filter((model) => model.id !== id)
    .sort((a, b) => b.bytes - a.bytes)
    .slice(0, 3);
  const start = `Nothing was kept. Free ${megabytes(missing)}`;
  if (others.length === 0) return `${start}: remove old projects, or free space on this device.`;
  const list = others.map((model) => `${model.id} (${megabytes(model.bytes)})`).join(', ');
  return `${start}: remove models that you no longer need, such as ${list}, or old projects.`;
}

function megabytes(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`;
  return `${bytes >= 100e6 ? Math.ceil(bytes / 1e6) : (Math.ceil(bytes / 1e5) / 10).toFixed(1)} MB`;
}
