/**
 * The functions that browser tests may run in the harness worker, by name. Add a file of yours to
 * `functions/` and spread it here; a function takes and gives plain JSON.
 */
import * as platform from './functions/platform';

type Registered = (...args: never[]) => unknown;

const functions: Readonly<Record<string, Registered>> = { ...platform };

export const registry = functions as Readonly<
  Record<string, ((...args: readonly unknown[]) => unknown) | undefined>
>;
