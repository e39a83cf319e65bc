/** What the data and the chosen encoder allow of a fine-tune. */
import type { ProjectView } from '../../engine';
import type { EncoderInfo } from '../../models';
import type { Bounds } from './finetune-fields';

export function finetuneBounds({ summary }: ProjectView, info: EncoderInfo | undefined): Bounds {
  return {
    layers: info?.layers ?? 1,
    maxTokens: info?.maxTokens ?? 512,
    trainRows: summary?.trainRows ?? 1,
    classes: summary?.classes.length ?? 2,
    tagging: summary?.task === 'token_classification',
  };
}
