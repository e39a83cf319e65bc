/** `npm start`: builds the page when it is missing or older than its sources, and shows it. */
import { join } from 'node:path';
import { toHeadlightError } from '../src/base';
import { buildIfStale, ROOT } from '../tools/build';
import { openPage } from './open-page';
import { interruptSignal } from './interrupt';

try {
  await buildIfStale((line) => process.stderr.write(`${line}\n`));
  await openPage({
    folder: join(ROOT, 'dist'),
    open: true,
    signal: interruptSignal(),
    ...(process.env['PORT'] === undefined ? {} : { port: Number(process.env['PORT']) }),
  });
} catch (error) {
  const { message, hint } = toHeadlightError(error);
  process.stderr.write(`${message}\n${hint === null ? '' : `${hint}\n`}`);
  process.exitCode = 1;
}
