/** The architectures by their `model_type`. */
import type { TransformerConfig, TransformerType } from '../architecture';
import { albert } from './albert';
import { bert, distilbert } from './bert';
import { deberta } from './deberta';
import { electra } from './electra';
import { gpt2, gptNeo } from './gpt';
import { modernbert } from './modernbert';
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
  ['gpt2', gpt2],
  ['gpt_neo', gptNeo],
  ['deberta', deberta('deberta')],
  ['deberta-v2', deberta('deberta-v2')],
  ['modernbert', modernbert],
]);
