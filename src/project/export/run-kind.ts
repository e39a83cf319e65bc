/** A run as that of a probe: forms that only a probe has ask for it. */
import { HeadlightError } from '../../base';
import type { ProbeRecipe, ProbeRecord, RunDocument } from '../types';

export interface ProbeRun extends RunDocument {
  readonly recipe: ProbeRecipe;
  readonly record: ProbeRecord;
}

/** @throws HeadlightError `bad-setting` when it is not the run of a probe. */
export function probeRun(run: RunDocument): ProbeRun {
  const { recipe, record } = run;
  if (recipe.method === 'probe' && record.method === 'probe') return { ...run, recipe, record };
  throw new HeadlightError('bad-setting', 'This run trained no probe; it fine-tuned the encoder.', {
    hint: 'Take it away as a Hugging Face folder or as ONNX.',
  });
}
