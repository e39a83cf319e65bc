/** The recipe that labels and then trains a student: what `headlight run` carries out whole. */
import { HeadlightError } from '../src/base';
import type { SourceFile } from '../src/data';
import type { FileView, ProjectView } from '../src/engine';
import { DEFAULT_LOGISTIC } from '../src/learning/heads';
import type { LabellingSettings } from '../src/learning/labelling';
import type { EncoderInfo } from '../src/models';
import { jsonBytes, readRecipe, RECIPE_VERSION, type RecipeFile } from '../src/project';
import { DEFAULT_ENCODER, embedSettings, findEncoder } from './encoder-option';
import { hashOf, writeBytes } from './files';
import { settingsOf } from './finetune-settings';
import type { Session } from './session';

export interface StudentOptions {
  readonly student?: 'probe' | 'finetune' | 'contrastive';
  /** Of the student. */
  readonly encoder?: string;
  readonly preset?: string;
  readonly soft?: boolean;
  readonly softTemperature?: number;
  readonly weighted?: boolean;
  readonly rounds?: number;
  readonly roundThreshold?: number;
  readonly testShare?: number;
}

/** Writes it. @throws HeadlightError `bad-setting`. */
export async function studentRecipe(
  session: Session,
  view: ProjectView,
  sources: readonly SourceFile[],
  asked: LabellingSettings,
  options: StudentOptions,
  path: string,
): Promise<void> {
  const { engine, progress, signal } = session;
  const { choice } = view;
  const { textColumn: text, label, useRows, split } = choice;
  if (text === null || label === null)
    throw new HeadlightError('bad-setting', 'There is no column of texts.', {
      hint: 'Name it with --text.',
    });
  const { info } = await findEncoder(
    engine,
    options.encoder ?? DEFAULT_ENCODER,
    undefined,
    progress,
    signal,
  );
  try {
    const devices = await session.platform.runtime.devices();
    const labelling = { ...asked, student: { ...asked.student, ...studentSettings(options) } };
    const files: RecipeFile[] = [];
    for (const file of view.files) {
      const source = sources.find(({ name }) => name === file.name);
      if (source !== undefined && choice.files[file.name] !== 'unused')
        files.push(await recipeFile(file, source));
    }
    const recipe = readRecipe({
      kind: 'headlight.recipe',
      schemaVersion: RECIPE_VERSION,
      task: label.kind === 'made' && label.several ? 'multi_label' : 'classification',
      data: {
        files,
        text,
        text_pair: null,
        label,
        use_rows: useRows,
        repairs: [],
        labelling: { ...labelling, hand: [] },
      },
      split,
      encoder: info.reference,
      device: devices[0]?.device ?? 'cpu',
      ...methodOf(options, info),
    });
    await writeBytes(path, jsonBytes(recipe));
    progress.notice(`Written to ${path}: npx headlight run ${path} labels, trains and measures.`);
  } finally {
    if (info.reference.source === 'folder') await engine.removeEncoder(info.reference);
  }
}

function studentSettings({
  soft,
  softTemperature,
  weighted,
  rounds,
  roundThreshold,
}: StudentOptions): Partial<LabellingSettings['student']> {
  return {
    ...(soft === true ? { labels: 'soft' as const } : {}),
    ...(softTemperature === undefined ? {} : { temperature: softTemperature }),
    ...(weighted === true ? { weighted } : {}),
    ...(rounds === undefined ? {} : { rounds }),
    ...(roundThreshold === undefined ? {} : { round_threshold: roundThreshold }),
  };
}

function methodOf(options: StudentOptions, info: EncoderInfo): Record<string, unknown> {
  const { student = 'probe', preset } = options;
  if (student === 'probe') {
    if (preset !== undefined) {
      throw new HeadlightError('bad-setting', '--preset is of --student finetune.', {
        hint: 'Add --student finetune, or leave --preset out.',
      });
    }
    return { method: 'probe', embed: embedSettings(info, {}), head: DEFAULT_LOGISTIC };
  }
  const objective = student === 'contrastive' ? { objective: 'contrastive' } : {};
  const finetune = settingsOf({ ...objective, ...(preset === undefined ? {} : { preset }) }, info);
  return { method: 'finetune', finetune };
}

async function recipeFile(file: FileView, source: SourceFile): Promise<RecipeFile> {
  const { name, role, format, encoding, delimiter, hasHeader, sheet, quotes } = file;
  return {
    name,
    role,
    sha256: await hashOf(source),
    format,
    encoding,
    delimiter,
    hasHeader,
    ...(sheet === null ? {} : { sheet }),
    ...(quotes === null || (quotes && delimiter !== '\t') ? {} : { quotes }),
  };
}
