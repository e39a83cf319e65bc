/** What a person takes away, and the project zip that opens again. */
import { HeadlightError, ProgressMeter, type Job } from '../base';
import { rowsCsv } from '../data';
import {
  choiceOfRecipe,
  classifierFiles,
  jsonBytes,
  parseJson,
  readHeadDocument,
  readPredictions,
  writeArchive,
  writeProjectZip,
  type RunParts,
} from '../project';
import type { ExportedFile, ExportKind } from './engine';
import type { Encoders } from './encoders';
import { argmax } from './text-rows';
import type { Projects } from './projects';

const JSON_TYPE = 'application/json';
const ZIP_TYPE = 'application/zip';

export async function* exportFile(
  projects: Projects,
  encoders: Encoders,
  project: string,
  run: string | null,
  kind: ExportKind,
  signal?: AbortSignal,
): Job<ExportedFile> {
  const meter = new ProgressMeter('Preparing the file', 'files', 1);
  yield meter.at(0);
  const record = await projects.store.read(project);
  const stem = slug(record.name);
  if (kind === 'project') {
    return {
      name: `${stem}.headlight.zip`,
      mime: ZIP_TYPE,
      bytes: await writeProjectZip(projects.store, project),
      containsTexts: true,
    };
  }
  if (run === null) {
    throw new HeadlightError('bad-setting', 'There is no run to save yet.', {
      hint: 'Train first.',
    });
  }
  const parts = await projects.store.run(project, run);
  switch (kind) {
    case 'head':
      return {
        name: `${stem}-head.json`,
        mime: JSON_TYPE,
        bytes: parts.head,
        containsTexts: false,
      };
    case 'recipe':
      return {
        name: `${stem}-recipe.json`,
        mime: JSON_TYPE,
        bytes: jsonBytes(parts.document.recipe),
        containsTexts: false,
      };
    case 'run':
      return {
        name: `${stem}-run.json`,
        mime: JSON_TYPE,
        bytes: jsonBytes(parts.document.record),
        containsTexts: false,
      };
    case 'predictions':
      return {
        name: `${stem}-test-predictions.csv`,
        mime: 'text/csv;charset=utf-8',
        bytes: new TextEncoder().encode(await testPredictions(projects, project, parts)),
        containsTexts: true,
      };
    case 'onnx': {
      const encoder = yield* encoders.load(parts.document.recipe.encoder, signal);
      const head = readHeadDocument(parseJson(parts.head, 'head.json'));
      const files = classifierFiles(record.name, parts.document, head, parts.head, encoder);
      return {
        name: `${stem}-classifier.zip`,
        mime: ZIP_TYPE,
        bytes: writeArchive(files),
        containsTexts: false,
      };
    }
  }
}

/** The test part: file, line, text, actual, predicted, a probability a class. */
async function testPredictions(
  projects: Projects,
  project: string,
  parts: RunParts,
): Promise<string> {
  const { test } = readPredictions(parts.predictions);
  const { data } = await projects.prepare(project, choiceOfRecipe(parts.document.recipe));
  const classes = data.classes;
  const header = [
    'file',
    'line',
    'text',
    'actual',
    'prediction',
    ...classes.map((label) => `probability: ${label}`),
  ];
  const rows: string[][] = [];
  for (let at = 0; at < test.labels.length; at++) {
    const index = test.indices[at] ?? -1;
    const row = test.probabilities.subarray(at * classes.length, (at + 1) * classes.length);
    const origin = data.origin[index];
    rows.push([
      origin?.file ?? '',
      String(origin?.line ?? ''),
      data.texts[index] ?? '',
      classes[test.labels[at] ?? -1] ?? '',
      classes[argmax(row)] ?? '',
      ...Array.from(row, String),
    ]);
  }
  return rowsCsv(header, rows);
}

/** A file name that every system takes. */
function slug(name: string): string {
  const plain = name
    .normalize('NFKD')
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 60);
  return plain === '' ? 'headlight' : plain.toLowerCase();
}
