/** `headlight models search`: the bundled catalogue, by name, language and purpose; asks no address. */
import { HeadlightError } from '../src/base';
import { deviceRoom, languageName, modelFit, searchCatalogue } from '../src/engine';
import type { CatalogueModel, ModelFit } from '../src/engine';
import { openSession, type SessionOptions } from './session';

export interface SearchOptions extends SessionOptions {
  /** ISO 639-1. */
  readonly language?: string;
  readonly licence?: string;
  /** In millions. */
  readonly parameters?: string;
  readonly json?: boolean;
}

/** @throws HeadlightError `bad-setting` for a number of parameters that is none. */
export async function searchModelsCommand(
  words: readonly string[],
  options: SearchOptions,
): Promise<void> {
  const millions = options.parameters === undefined ? null : Number(options.parameters);
  if (millions !== null && !(millions > 0)) {
    throw new HeadlightError(
      'bad-setting',
      `--parameters ${options.parameters ?? ''} is no number.`,
      {
        hint: 'Give the most parameters in millions, such as --parameters 130.',
      },
    );
  }
  const { engine } = await openSession(options);
  const found = searchCatalogue(await engine.catalogue(), {
    text: words.join(' '),
    language: options.language ?? null,
    licence: options.licence ?? null,
    purpose: null,
    parameters: millions === null ? null : millions * 1e6,
  });
  const room = deviceRoom(await engine.about());
  const fits = found.map((model) => ({ model, fit: modelFit(model, 'fp32', room) }));
  if (options.json === true) {
    const list = fits.map(({ model, fit }) => ({ ...model, fit }));
    process.stdout.write(`${JSON.stringify(list, null, 2)}\n`);
  } else {
    process.stdout.write(describeFound(fits));
  }
}

interface Found {
  readonly model: CatalogueModel;
  readonly fit: ModelFit;
}

/** The list as plain text. */
export function describeFound(found: readonly Found[]): string {
  if (found.length === 0)
    return 'None of the listed models. Any other is fetched by its id: npx headlight models fetch owner/name\n';
  const blocks = found.map(({ model, fit }) => {
    const facts = [
      `${(model.parameters / 1e6).toFixed(1)} M parameters`,
      `about ${Math.ceil(model.download / 1e6)} MB`,
      model.languages.map(languageName).join(', '),
      `${model.maxTokens} tokens`,
      model.licence ?? 'licence: see its card',
    ];
    const verdict = fit.probe.reason === '' ? '' : `  ${fit.probe.reason}\n`;
    return `${model.id}\n  ${model.about}\n  ${facts.join(', ')}\n${verdict}`;
  });
  return `${blocks.join('\n')}\n${found.length === 1 ? '1 model' : `${found.length} models`}\n`;
}
