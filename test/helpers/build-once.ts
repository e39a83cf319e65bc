/** Global setup of the browser tests: the page is built once, and only when its sources have changed. */
import { buildIfStale } from '../../tools/build';

export default async function setup(): Promise<void> {
  await buildIfStale();
}
