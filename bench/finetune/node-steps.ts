/** One configuration in a process of its own, so that its peak memory is its own. Prints one JSON line. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createNodePlatform } from '../../src/platform/node';
import { timeSteps, type StepConfig } from './steps';

const config = JSON.parse(process.argv[2] ?? '') as StepConfig;
const home = await mkdtemp(join(tmpdir(), 'headlight-bench-'));
const { runtime } = await createNodePlatform({ home });
const time = await timeSteps(runtime, config);
await rm(home, { recursive: true, force: true });
// maxRSS is in kilobytes.
process.stdout.write(
  `${JSON.stringify({ ...time, peakBytes: process.resourceUsage().maxRSS * 1024 })}\n`,
);
process.exit(0);
