/**
 * The refits of one configuration in a process of their own, as an engine has one: in the benchmark's, with a bundler and a
 * browser's driver on the heap, collecting garbage takes as long as fitting. The configuration is the argument, JSON goes out.
 */
import { readFileSync } from 'node:fs';
import { OnnxKernels } from '../../src/learning/heads';
import { createNodeRuntime } from '../../src/platform/node/runtime';
import { prepareRefits, type RefitConfig } from './speed';

const kernels = new OnnxKernels(createNodeRuntime());
const run = await prepareRefits(JSON.parse(process.argv[2] ?? '') as RefitConfig, kernels);
process.stdout.write(JSON.stringify(await run(ownTime)));

/**
 * Milliseconds of processor time that this thread has had: as long as a person waits where nothing else runs. Elsewhere
 * than on Linux that of all threads.
 */
function ownTime(): number {
  try {
    const [nanoseconds] = readFileSync('/proc/self/schedstat', 'utf8').split(' ');
    return Number(nanoseconds) / 1e6;
  } catch {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  }
}
