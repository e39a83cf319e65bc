/**
 * The command `headlight`. Exit codes: 0 done; 1 what was given cannot be used, or a defect; 2 the
 * command was not understood; 130 stopped by Ctrl-C.
 */
import { exitCodeOf } from './exit-code';
import { withHyphens } from './finetune-settings';
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
