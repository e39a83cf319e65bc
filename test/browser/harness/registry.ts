/**
 * The functions that browser tests may run in the harness worker, by name. Add a file of yours to
 * `functions/` and spread it here; a function takes and gives plain JSON.
 */
import * as active from './functions/active';
import * as architectures from './functions/architectures';
import * as downloads from './functions/downloads';
import * as embedding from './functions/embedding';
import * as engine from './functions/engine';
import * as finetuning from './functions/finetuning';
import * as graph from './functions/graph';
import * as hub from './functions/hub';
import * as large from './functions/large';
import * as platform from './functions/platform';
import * as probe from './functions/probe';
import * as realShape from './functions/real-shape';
import * as storage from './functions/storage';
import * as training from './functions/training';
import * as zeroShot from './functions/zero-shot';

type Registered = (...args: never[]) => unknown;

const functions: Readonly<Record<string, Registered>> = {
  ...active,
  ...architectures,
  ...downloads,
  ...embedding,
  ...engine,
  ...finetuning,
  ...graph,
  ...hub,
  ...large,
  ...platform,
  ...probe,
  ...realShape,
  ...storage,
  ...training,
  ...zeroShot,
};

export const registry = functions as Readonly<
  Record<string, ((...args: readonly unknown[]) => unknown) | undefined>
>;
