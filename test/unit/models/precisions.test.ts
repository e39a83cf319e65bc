/** The words and figures of the precisions, held against the catalogue, whose weights were counted tensor by tensor. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { bytesAWeight, PRECISIONS, readHubCatalogue } from '../../../src/models';

const assets = {
  read: (path: string) =>
    Promise.resolve(
      new Uint8Array(readFileSync(new URL(`../../../public/${path}`, import.meta.url))),
    ),
};

describe('bytes a weight', () => {
  it('are those of the models that people use, to an eighth', async () => {
    const models = await readHubCatalogue(assets);
    expect(models.length).toBeGreaterThan(10);
    for (const { id, parameters, bytes } of models)
      for (const { precision } of PRECISIONS) {
        const share = (parameters * bytesAWeight(precision)) / bytes[precision];
        expect(share, `${id} ${precision}`).toBeGreaterThan(0.88);
        expect(share, `${id} ${precision}`).toBeLessThan(1.12);
      }
  });
});
