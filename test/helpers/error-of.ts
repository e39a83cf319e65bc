/** The error that an action, a job or a promise ends in, for tests of what it says. */
import { finish, HeadlightError, type Job } from '../../src/base';

/** @throws whatever else it throws, and when it throws nothing. */
export function errorOf(action: () => unknown): HeadlightError {
  try {
    action();
  } catch (error) {
    return own(error);
  }
  throw new Error('nothing was thrown');
}

/** As `errorOf`, of what takes time. */
export async function thrownBy(work: Job<unknown> | Promise<unknown>): Promise<HeadlightError> {
  try {
    await (Symbol.asyncIterator in work ? finish(work) : work);
  } catch (error) {
    return own(error);
  }
  throw new Error('nothing was thrown');
}

function own(error: unknown): HeadlightError {
  if (error instanceof HeadlightError) return error;
  throw error;
}
