/** The architectures by their `model_type`. */
import type { TransformerConfig, TransformerType } from '../architecture';
import { albert } from './albert';
import { bert, distilbert } from './bert';
import { electra } from './electra';
import { mpnet } from './mpnet';
import { roberta } from './roberta';

export const ARCHITECTURES: ReadonlyMap<string, (json: unknown) => TransformerConfig> = new Map<
  TransformerType,
  (json: unknown) => TransformerConfig
>([
  ['bert', bert],
  ['distilbert', distilbert],
  ['electra', electra],
  ['roberta', roberta('roberta')],
  ['xlm-roberta', roberta('xlm-roberta')],
  ['mpnet', mpnet],
  ['albert', albert],
]);
