/** What can be asked of `headlight models` about models that are carried: zips and web folders. */
import { Option, type Command } from 'commander';
import { PRECISION_NAMES } from '../src/models';
import {
  addModelCommand,
  exportModelCommand,
  manifestCommand,
  type AddOptions,
  type ExportOptions,
  type ManifestOptions,
} from './models-carry';

export function addCarrying(models: Command): void {
  models
    .command('export')
    .description('write a kept model, or one that ships, as a zip for a machine without network')
    .argument('<model>', 'owner/name[@commit], the address of a web folder, or what ships')
    .option('--out <file.zip>', 'where to (default: named after the model, in this folder)')
    .option('--quiet', 'no progress on stderr')
    .action(async (model: string, options: ExportOptions) => exportModelCommand(model, options));
  models
    .command('add')
    .description('keep a model from a zip or a folder on the web, each file checked')
    .argument('<source>', 'a zip that `models export` or the page wrote, or an https address')
    .addOption(
      new Option('--precision <kind>', 'to see that it loads (default: fp32)').choices(
        PRECISION_NAMES,
      ),
    )
    .option('--quiet', 'no progress on stderr')
    .action(async (source: string, options: AddOptions) => addModelCommand(source, options));
  models
    .command('manifest')
    .description('write headlight-model.json into a folder, so that any web server can offer it')
    .argument('<folder>', 'with config.json, tokenizer.json and weights')
    .option('--name <text>', 'how the model is called (default: the folder)')
    .option('--description <text>', 'one line on when to use it')
    .option('--licence <name>', 'such as Apache-2.0')
    .action(async (folder: string, options: ManifestOptions) => manifestCommand(folder, options));
}
