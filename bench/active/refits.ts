/**
 * The refits of one configuration in a process of their own, as an engine has one: in the benchmark's, with a bundler and a
 * browser's driver on the heap, collecting garbage takes as long as fitting. The configuration is the argument, JSON goes out.
 */
import { createNodeTensors } from '../../src/platform/node/tensors';
import { prepareRefits, type RefitConfig } from './speed';

await createNodeTensors().use('wasm');
const run = await prepareRefits(JSON.parse(process.argv[2] ?? '') as RefitConfig);
const time = await run(() => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
});
process.stdout.write(JSON.stringify(time));
