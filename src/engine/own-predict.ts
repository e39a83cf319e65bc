/** A file labelled by a model's own classifier under the names of its own classes: no project and no labels needed. */
import type { Job } from '../base';
import type { FileBytes } from '../data';
import { DEFAULT_THRESHOLD } from '../learning/heads';
import type { EncoderReference } from '../models';
import type { Device, Platform } from '../platform';
import type { Encoders } from './encoders';
import type { PredictedFile } from './engine';
import { closing } from './finetuned-model';
import { checkTask } from './own-match';
import { openOwnModel, usualLength } from './own-model';
import { predictTable } from './predict-table';
import { parseToPredict, textRows } from './text-rows';

/**
 * @param textColumn null: found.
 * @throws HeadlightError `bad-setting` when the encoder has no classifier that can be used.
 */
export async function* predictOwn(
  platform: Platform,
  encoders: Encoders,
  reference: EncoderReference,
  file: FileBytes,
  textColumn: string | null,
  device: Device,
  signal?: AbortSignal,
): Job<PredictedFile> {
  const table = yield* parseToPredict(file, textColumn, signal);
  const found = textRows(table, textColumn, null);
  const encoder = yield* encoders.load(reference, signal);
  const { classifier, name } = encoder.info;
  const { task, classes } = checkTask(name, classifier, classifier?.task ?? 'classification');
  const matches = classes.map((label) => ({ name: label, label }));
  const model = await openOwnModel(platform, encoder, matches, classes, task, device);
  const about = {
    task,
    classes,
    thresholds: task === 'multi_label' ? classes.map(() => DEFAULT_THRESHOLD) : null,
    pairColumn: null,
    maxLength: usualLength(encoder.info),
  };
  return yield* closing(model, predictTable(model, about, file, table, found, signal));
}
