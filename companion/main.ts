/**
 * The command `headlight`. Exit codes: 0 done; 1 what was given cannot be used, or a defect; 2 the
 * command was not understood; 130 stopped by Ctrl-C.
 */
import { CommanderError } from 'commander';
import { toHeadlightError } from '../src/base';
import { withHyphens } from './finetune-settings';
import { INTERRUPTED } from './interrupt';
import { createProgram } from './program';

// `headlight … | head` closes the pipe early: nothing is wrong then.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

try {
  await createProgram().parseAsync(withHyphens(process.argv));
} catch (error) {
  process.exitCode = exitCodeOf(error);
}

function exitCodeOf(error: unknown): number {
  // Commander has said what was wrong; help and version come here as well, with 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const known = toHeadlightError(error);
  process.stderr.write(`headlight: ${known.message}\n`);
  if (known.hint !== null) process.stderr.write(`${known.hint}\n`);
  if (known.code === 'internal') {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? '') : String(error)}\n`);
  }
  return known.code === 'aborted' ? INTERRUPTED : 1;
}
