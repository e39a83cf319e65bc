/** Files that the model tools read and write. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ModelFile } from '../../src/models';

export interface BuiltModel {
  readonly id: string;
  /** Which of the files holds the weights. */
  readonly weights: string;
  readonly files: readonly ModelFile[];
}

export const SHIPPED = 'public/models';

export function readPart(folder: string, name: string): Uint8Array {
  return new Uint8Array(readFileSync(join(folder, name)));
}

export function writeModelFiles(id: string, files: readonly ModelFile[]): void {
  const folder = join(SHIPPED, id);
  mkdirSync(folder, { recursive: true });
  for (const { name, bytes } of files) writeFileSync(join(folder, name), bytes);
}
