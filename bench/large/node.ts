/** A large model in a Node process of its own. Prints one JSON line. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finish } from '../../src/base';
import { addFolder } from '../../src/models';
import { createNodePlatform } from '../../src/platform/node';
import { LARGE_FILES, largeTexts } from './models';
import { ROWS, THREADS, TRAINING, WORDS, type LargeFigures } from './plan';
import { openLargeEmbedder, trainLargeLora } from './work';

const folder = process.argv[2] ?? '';
const home = await mkdtemp(join(tmpdir(), 'headlight-bench-'));
const { runtime } = await createNodePlatform({ home });
const place = { runtime, device: 'cpu', threads: THREADS } as const;
const peak = (): number => process.resourceUsage().maxRSS * 1024;
const seconds = (since: number): number => (performance.now() - since) / 1000;

const files = await Promise.all(
  LARGE_FILES.map(async (name) => {
    const { buffer, byteOffset, length } = await readFile(join(folder, name));
    return { name, bytes: new Uint8Array(buffer, byteOffset, length) };
  }),
);
const started = performance.now();
// Not kept: on the command line a folder stays where it is.
const encoder = await finish(addFolder(null, 'large', files, 'fp32'));
const load = seconds(started);
const texts = largeTexts(ROWS, WORDS);
const opening = performance.now();
const embedder = await openLargeEmbedder(place, encoder);
await embedder.embed(texts.slice(0, 1));
const open = seconds(opening);
const embedding = performance.now();
await embedder.embed(texts);
const rowsPerSecond = ROWS / seconds(embedding);
const embedPeak = peak();
await embedder.close();
const [batch, tokens, steps] = TRAINING;
const trained = await trainLargeLora(place, encoder, largeTexts(batch * steps, tokens), TRAINING);
const figures: LargeFigures = {
  load,
  open,
  rowsPerSecond,
  embedPeak,
  secondsPerStep: trained.secondsPerStep,
  trainPeak: peak(),
  promised: trained.estimate.memoryBytes,
};
await rm(home, { recursive: true, force: true });
process.stdout.write(`${JSON.stringify(figures)}\n`);
process.exit(0);
