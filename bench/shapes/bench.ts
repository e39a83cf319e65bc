/**
 * `npm run bench -- shapes`: every architecture at the shape of a model that people use, against what
 * transformers computed (`test/reference/architectures/real`): in Node, and in Chromium on WASM and WebGPU.
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TRANSFORMERS } from '../../src/models/encoders';
import { createNodePlatform } from '../../src/platform/node';
import { securityHeaders } from '../../src/platform/web/policy';
import { launchChromium } from '../../test/helpers/browser';
import { buildHarness, openHarness, removeHarnessBuilds } from '../../test/helpers/harness';
import {
  realDifferences,
  type RealDifferences,
  type RealGolden,
} from '../../test/helpers/real-shape';
import { serveFolder } from '../../test/helpers/static-server';
import type { BenchResult, Cell } from '../report';

const FOLDER = new URL('../../test/reference/architectures/real/', import.meta.url);

export async function bench(): Promise<BenchResult> {
  const rows: Cell[][] = [];
  const server = await serveFolder(await buildHarness(), { headers: securityHeaders(null) });
  try {
    for (const name of TRANSFORMERS) {
      const golden = JSON.parse(
        readFileSync(new URL(`${name}.json`, FOLDER), 'utf8'),
      ) as RealGolden;
      const cells: Cell[] = [name, golden.of, golden.count];
      for (const where of ['node', 'wasm', 'webgpu'] as const) {
        const found =
          where === 'node' ? await inNode(golden) : await inChromium(server.url, golden, where);
        cells.push(found);
        process.stderr.write(`  ${name}, ${where}: ${found}\n`);
      }
      rows.push(cells);
    }
  } finally {
    await server.close();
    await removeHarnessBuilds();
  }
  return {
    name: 'shapes',
    tables: [
      {
        title: 'Architectures at real shape, against transformers',
        method:
          'Seeded random weights, the same bits in PyTorch and here; a text of 288 tokens and one of 37, padded on either side. Largest difference of a hidden state / of a logit, in 32-bit floats. WebGPU is a software adapter, and runs the short text alone.',
        columns: [
          'Architecture',
          'Shape of',
          'Weights',
          'Node',
          'Chromium, WASM',
          'Chromium, WebGPU',
        ],
        rows,
      },
    ],
  };
}

function shown({ states, logits }: RealDifferences): string {
  return `${states.toExponential(1)} / ${logits.toExponential(1)}`;
}

async function inNode(golden: RealGolden): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'headlight-shapes-'));
  try {
    const { runtime } = await createNodePlatform({ home });
    return shown(await realDifferences(golden, runtime, 'cpu'));
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

/** A browser of its own: what one model took is free again. */
async function inChromium(
  url: string,
  golden: RealGolden,
  device: 'wasm' | 'webgpu',
): Promise<string> {
  const browser = await launchChromium();
  try {
    const harness = await openHarness(browser, url);
    return shown(await harness.call<RealDifferences>('realShape', golden, device));
  } catch (error) {
    return `failed: ${error instanceof Error ? error.message.slice(0, 120) : String(error)}`;
  } finally {
    await browser.close();
  }
}
