/** What went wrong in a step, and what to change. */
import { HeadlightError, toHeadlightError } from '../../base';

const KEPT = 'The last checkpoint is kept.';

/** @param step counted from 1: the one that failed. */
export function notFinite(step: number, what: 'loss' | 'norm of the gradients'): HeadlightError {
  return new HeadlightError(
    'bad-setting',
    `Training stopped at step ${step}: the ${what} is not a number any more.`,
    {
      hint: `Use a lower learning_rate (a tenth of it), some warmup_steps, or a max_grad_norm of 1. ${KEPT}`,
    },
  );
}

/** A failed run of the graph, with the step and what would help. What is already said well stays as it is. */
export function stepFailed(step: number, cause: unknown): HeadlightError {
  const error = toHeadlightError(cause);
  if (error.code === 'aborted' || error.code === 'bad-setting' || error.code.startsWith('storage'))
    return error;
  const at = `Training stopped at step ${step}: `;
  if (/memory|alloc|buffer size|too large|OOM|RangeError|bad_alloc/i.test(error.message)) {
    return new HeadlightError('device', `${at}there is not enough memory. (${error.message})`, {
      hint: `Use a smaller per_device_train_batch_size, LoRA, a smaller max_length, or gradient_checkpointing. ${KEPT}`,
      cause: error,
    });
  }
  if (error.code === 'device') {
    const lost = /lost|destroyed|hung/i.test(error.message);
    return new HeadlightError('device', `${at}${error.message}`, {
      hint: lost
        ? `Reload the page and go on from the checkpoint; if it happens again, use a smaller per_device_train_batch_size, or the processor. ${KEPT}`
        : `${error.hint ?? 'Use another device.'} ${KEPT}`,
      cause: error,
    });
  }
  return new HeadlightError(error.code, `${at}${error.message}`, {
    hint: `${error.hint ?? 'Start again to go on.'} ${KEPT}`,
    cause: error,
  });
}
