/**
 * An engine in memory with plausible numbers and delays, for tests of the page and its state. It answers
 * as the contract of `engine.ts` says; it learns nothing.
 */
import {
  abortedError,
  HeadlightError,
  ProgressMeter,
  type CurvePoint,
  type Job,
} from '../../src/base';
import {
  bytesOfFile,
  sourceOf,
  type ColumnProfile,
  type FileBytes,
  type InputFile,
  type RowOrigin,
} from '../../src/data';
import type {
  DataChoice,
  DataSummary,
  DeviceChoice,
  DownloadPlan,
  EncoderEntry,
  Engine,
  ExportedFile,
  FinetuneChoice,
  FinetuningEngine,
  PrecisionComparison,
  PrecisionSettings,
  KeptModel,
  ModelCheck,
  ModelName,
  OwnChoice,
  ProjectView,
  RowPage,
  RunView,
  SavedModel,
  TokenKept,
  TrainSettings,
} from '../../src/engine';
import type { CatalogueModel, EmbedSettings, EncoderReference, Precision } from '../../src/models';
import { classFigures, headline, type ProbeRun } from '../../src/project';
import { fakeOwnRun } from './fake-own';
import { fakeComparison } from './fake-precisions';
import { FakeReport } from './fake-report';
import { fakeFinetunedRun, fakeRun } from './fake-run';

export interface FakeOptions {
  /** Milliseconds of a short piece of work; 0 in unit tests. */
  readonly delay?: number;
  /** Classes of the fake reports, when not those of the data. */
  readonly classes?: readonly string[];
}

interface FakeProject {
  view: ProjectView;
  readonly tables: readonly (readonly (readonly string[])[])[];
}

const EMBED = { layer: 6, pooling: 'mean', normalize: true, maxTokens: 256 } as const;

export const ENCODERS: readonly EncoderEntry[] = [
  entry(
    'all-MiniLM-L6-v2',
    'bert',
    6,
    23_400_000,
    'A sentence encoder: small, fast, and good at short texts. The default.',
  ),
  entry(
    'instant',
    'static',
    0,
    8_600_000,
    'Static token embeddings distilled from all-MiniLM-L6-v2. Ten thousand texts a second; a first look.',
  ),
];

function entry(
  id: string,
  architecture: 'bert' | 'static',
  layers: number,
  bytes: number,
  description: string,
): EncoderEntry {
  return {
    info: {
      reference: { source: 'shipped', id, revision: 'f'.repeat(64), precision: 'q8' },
      name: id === 'instant' ? 'Instant (static MiniLM)' : id,
      description,
      architecture,
      layers,
      hiddenSize: layers === 0 ? 256 : 384,
      maxTokens: 512,
      parameters: layers === 0 ? 7_800_000 : 22_700_000,
      bytes,
      licence: 'Apache-2.0',
      defaults: { ...EMBED, layer: layers },
    },
    cached: true,
    bytesKept: 0,
    lastUsed: 0,
  };
}

export class FakeEngine extends FakeReport implements Engine {
  readonly #delay: number;
  readonly #classes: readonly string[] | null;
  readonly #projects = new Map<string, FakeProject>();
  #encoders: EncoderEntry[] = [...ENCODERS];
  #ids = 0;
  /** Projects that cannot be opened, with what is wrong. */
  readonly unreadable = new Map<string, string>();
  #requests = 6;
  /** What `listModels` says. */
  keptModels: readonly KeptModel[] = [];
  /** The settings of every training, in order. */
  readonly trained: TrainSettings[] = [];
  /** What was asked of models' own classifiers, in order. */
  readonly evaluated: OwnChoice[] = [];
  /** The texts that were asked about, in order. */
  readonly asked: string[] = [];
  /** The names of files that were handed over as a model, in order. */
  readonly given: string[] = [];
  #token: TokenKept | null = null;
  /** Thrown by the next job or call of this name. */
  readonly failures = new Map<keyof Engine | keyof FinetuningEngine, HeadlightError>();

  constructor(options: FakeOptions = {}) {
    super();
    this.#delay = options.delay ?? 0;
    this.#classes = options.classes ?? null;
  }

  async about() {
    return {
      versions: { headlight: '0.1.0', onnxruntime: '1.31.0' },
      devices: [
        { device: 'webgpu' as const, label: 'WebGPU (SwiftShader)', threads: null },
        { device: 'wasm' as const, label: 'WASM, 2 threads', threads: 2 },
      ],
      tensorBackends: ['webgpu' as const, 'wasm' as const],
      storage: { usageBytes: 3e7, quotaBytes: 6e10, persisted: true },
    };
  }

  async listProjects() {
    return [...this.#projects.values()].reverse().map(({ view }) => ({
      id: view.id,
      name: view.name,
      created: view.created,
      modified: view.created,
      rows: (view.summary?.trainRows ?? 0) + (view.summary?.testRows ?? 0),
      classes: view.summary?.classes.length ?? 0,
      bestAccuracy: view.runs[0] === undefined ? null : headline(view.runs[0].record).value,
      bytes: 4_200_000,
      problem: this.unreadable.get(view.id) ?? null,
    }));
  }

  async *createProject(files: readonly InputFile[], signal?: AbortSignal): Job<ProjectView> {
    this.#fail('createProject');
    yield* this.#work('Reading the data', 'files', files.length, signal);
    const tables = await Promise.all(
      files.map(async (file) => {
        const { name, bytes } = await bytesOfFile(sourceOf(file));
        const text = new TextDecoder().decode(bytes);
        return name.endsWith('.conll') ? parseConll(text) : parse(text);
      }),
    );
    const first = files[0];
    const header = tables[0]?.[0] ?? [];
    if (first === undefined || header.length < 2) {
      throw new HeadlightError('bad-table', `${first?.name ?? 'The file'} has a single column.`, {
        hint: 'A table with a column of texts and a column of labels is needed.',
      });
    }
    const textColumn =
      header.find((name) => name === 'text' || name === 'words') ?? header[0] ?? '';
    const labelColumn =
      header.find((name) => ['label', 'coarse', 'topic', 'tags'].includes(name)) ?? header[1] ?? '';
    const second = files[1];
    const choice: DataChoice = {
      files: {
        [first.name]: 'train',
        ...(second === undefined ? {} : { [second.name]: 'test' as const }),
      },
      textColumn,
      textPairColumn: null,
      label: { kind: 'column', column: labelColumn },
      useRows: null,
      repairs: [],
      split:
        second === undefined
          ? { method: 'stratified', testShare: 0.2, seed: 0 }
          : { method: 'files' },
      parse: {},
    };
    const view: ProjectView = {
      id: `p${++this.#ids}`,
      name: first.name.replace(/\.[^.]+$/, ''),
      created: Date.now(),
      files: files.map(sourceOf).map(({ name, size }, index) => ({
        name,
        bytes: size,
        rows: (tables[index]?.length ?? 1) - 1,
        role: index === 0 ? 'train' : 'test',
        format: name.endsWith('.conll') ? 'conll' : 'table',
        headerReason: null,
        quotes: true,
        sheet: null,
        sheets: null,
        notes: [],
        rejectedCount: 0,
        encoding: 'utf-8',
        delimiter: ',',
        hasHeader: true,
        columnNames: header,
        preview: (tables[index] ?? []).slice(1, 9),
        problemCount: index === 0 ? 2 : 0,
        problems:
          index === 0
            ? [
                { line: 41, problem: 'has 4 cells where 3 were expected; the last was left out' },
                { line: 97, problem: 'has no label' },
              ]
            : [],
      })),
      findings: {
        files: files.map(({ name }) => name),
        text: {
          column: textColumn,
          reason: `“${textColumn}” has the longest texts, almost all different.`,
        },
        label: {
          column: labelColumn,
          reason: `“${labelColumn}” has few different values that repeat.`,
        },
        pair: null,
        labelChoice: null,
        split: null,
        id: null,
        names: null,
        columns: header.map((name, index) => profile(name, (tables[0] ?? []).slice(1), index)),
      },
      audit: [],
      choice,
      summary: null,
      problem: null,
      runs: [],
    };
    const project = { view, tables };
    this.#projects.set(view.id, project);
    this.#summarise(project);
    return project.view;
  }

  async *openProject(id: string, signal?: AbortSignal): Job<ProjectView> {
    yield* this.#work('Opening the project', 'files', 1, signal);
    return this.#project(id).view;
  }
  async renameProject(id: string, name: string) {
    this.#fail('renameProject');
    const project = this.#project(id);
    project.view = { ...project.view, name: name.trim() };
  }
  async deleteProject(id: string) {
    this.#projects.delete(id);
  }
  async *configureData(id: string, choice: DataChoice, signal?: AbortSignal): Job<ProjectView> {
    this.#fail('configureData');
    yield* this.#work('Reading the data', 'files', 1, signal);
    const project = this.#project(id);
    project.view = { ...project.view, choice };
    this.#summarise(project);
    return project.view;
  }
  async *addFiles(
    id: string,
    _files: readonly InputFile[],
    signal?: AbortSignal,
  ): Job<ProjectView> {
    return yield* this.openProject(id, signal);
  }
  async *removeFile(id: string, _name: string, signal?: AbortSignal): Job<ProjectView> {
    return yield* this.openProject(id, signal);
  }
  async *dataFile(
    id: string,
    what: Parameters<Engine['dataFile']>[1],
    _file?: string | null,
    signal?: AbortSignal,
  ): Job<ExportedFile> {
    yield* this.#work('Preparing the file', 'files', 1, signal);
    const { name } = this.#project(id).view;
    const bytes = new TextEncoder().encode('text,label\r\n');
    return { name: `${name}-${what}.csv`, mime: 'text/csv', bytes, containsTexts: true };
  }
  async columnValues(id: string, column: string) {
    const found = this.#project(id).view.findings.columns.find(({ name }) => name === column);
    const values = (found?.examples ?? []).map((value) => ({ value, rows: 1, part: null }));
    return { values, distinct: found?.distinct ?? 0 };
  }
  async truthValues(id: string) {
    const { label } = this.#project(id).view.choice;
    const column = label?.kind === 'made' ? label.truth : null;
    return column === null ? { values: [], distinct: 0 } : this.columnValues(id, column);
  }
  async longTexts() {
    return [];
  }
  async dataRows(_id: string, rows: readonly RowOrigin[]) {
    return rows.map(({ line }) => ({ text: `The text of line ${line}.`, label: 'a' }));
  }
  async *setLabel(
    id: string,
    _run: string,
    row: number,
    labels: readonly string[],
    signal?: AbortSignal,
  ): Job<ProjectView> {
    const { choice, files } = this.#project(id).view;
    const repair = { kind: 'set_label', file: files[0]?.name ?? '', row, labels } as const;
    const repairs = [...choice.repairs, repair];
    return yield* this.configureData(id, { ...choice, repairs }, signal);
  }
  async *importProject(file: FileBytes, signal?: AbortSignal): Job<ProjectView> {
    return yield* this.createProject([{ ...file, name: 'imported.csv' }], signal);
  }

  /** What `catalogue` answers. */
  models: readonly CatalogueModel[] = [];

  async catalogue() {
    this.#fail('catalogue');
    return this.models;
  }
  async listEncoders() {
    return this.#encoders;
  }
  async *addHubEncoder(
    id: string,
    revision: string | null,
    precision: Precision,
    signal?: AbortSignal,
  ): Job<EncoderEntry> {
    this.#fail('addHubEncoder');
    yield* this.#work(`Downloading ${id}`, 'MB', 90, signal);
    const { info } = entry(id, 'bert', 12, 90_000_000, 'Added from the Hub.');
    const added: EncoderEntry = {
      info: {
        ...info,
        reference: { source: 'hub', id, revision: revision ?? 'a'.repeat(40), precision },
      },
      cached: true,
      bytesKept: 90_000_000,
      lastUsed: Date.now(),
    };
    this.#encoders = [...this.#encoders, added];
    return added;
  }
  async *addFolderEncoder(
    name: string,
    files: readonly InputFile[],
    precision: Precision,
    signal?: AbortSignal,
  ): Job<EncoderEntry> {
    this.#fail('addFolderEncoder');
    this.given.push(...files.map((file) => file.name));
    return yield* this.addHubEncoder(name, null, precision, signal);
  }
  async *addHostEncoder(
    address: string,
    precision: Precision,
    signal?: AbortSignal,
  ): Job<EncoderEntry> {
    this.#fail('addHostEncoder');
    return yield* this.addHubEncoder(address, null, precision, signal);
  }
  async *addZipEncoder(
    file: InputFile,
    precision: Precision,
    signal?: AbortSignal,
  ): Job<EncoderEntry> {
    this.#fail('addZipEncoder');
    this.given.push(file.name);
    return yield* this.addHubEncoder(file.name, null, precision, signal);
  }
  async *exportModel({ id }: { readonly id: string }, signal?: AbortSignal): Job<SavedModel> {
    yield* this.#work(`Packing ${id}`, 'MB', 90, signal);
    return { name: `${id}.zip`, blob: new Blob(['PK']) };
  }
  async planDownload(id: string, revision: string | null): Promise<DownloadPlan> {
    this.#fail('planDownload');
    const files = [
      { name: 'config.json', bytes: 612 },
      { name: 'model.safetensors', bytes: 267_954_768 },
    ];
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    return {
      ...{ id, revision: revision ?? 'c'.repeat(40), licence: 'apache-2.0', files, bytes },
      ...{ bytesKept: 0, freeBytes: 12e9, fits: true },
    };
  }
  async listModels(): Promise<readonly KeptModel[]> {
    this.#fail('listModels');
    return this.keptModels;
  }
  async *checkModel({ id }: { readonly id: string }, signal?: AbortSignal): Job<ModelCheck> {
    yield* this.#work(`Checking ${id}`, 'MB', 90, signal);
    return { files: 4, damaged: [] };
  }
  async removeModel({ source, id, revision }: ModelName) {
    this.#fail('removeModel');
    this.keptModels = this.keptModels.filter(
      (model) =>
        model.source !== source ||
        model.id !== id ||
        (revision !== null && model.revision !== revision),
    );
  }
  async removeEncoder(reference: EncoderEntry['info']['reference']) {
    this.#encoders = this.#encoders.filter(({ info }) => info.reference !== reference);
  }
  async *comparePrecisions(
    _project: string,
    encoder: EncoderReference,
    embed: EmbedSettings,
    settings: PrecisionSettings,
    signal?: AbortSignal,
  ): Job<PrecisionComparison> {
    this.#fail('comparePrecisions');
    yield* this.#work('Comparing precisions', 'precisions', 4, signal);
    return yield* fakeComparison(encoder, embed, settings);
  }
  async *keepPrecision(encoder: EncoderReference, precision: Precision): Job<EncoderEntry> {
    yield { phase: 'Reading', done: 0, total: 1, unit: 'MB', rate: null, secondsLeft: null };
    const known = this.#encoders.find(({ info }) => info.reference.id === encoder.id);
    if (known === undefined) throw new HeadlightError('not-found', 'There is no such encoder.');
    const { info } = known;
    const made = { ...known, info: { ...info, reference: { ...info.reference, precision } } };
    this.#encoders = [...this.#encoders, made];
    return made;
  }
  async *measure(
    _project: string,
    _encoder: unknown,
    _embed: unknown,
    signal?: AbortSignal,
  ): Job<DeviceChoice> {
    yield* this.#work('Measuring devices', 'texts', 96, signal);
    return {
      device: 'wasm',
      precision: 'q8',
      reason: 'WASM, 2 threads: 412 texts a second, the fastest of 2 devices that agree.',
      measurements: [
        {
          device: 'wasm',
          label: 'WASM, 2 threads',
          textsPerSecond: 412,
          agreement: 1,
          usable: true,
        },
        {
          device: 'webgpu',
          label: 'WebGPU (SwiftShader)',
          textsPerSecond: 38.2,
          agreement: 0.999999,
          usable: true,
        },
      ],
    };
  }

  async *train(id: string, settings: TrainSettings, signal?: AbortSignal): Job<ProbeRun> {
    this.#fail('train');
    this.trained.push(settings);
    const project = this.#project(id);
    const instant = settings.encoder.id === 'instant';
    yield* this.#work('Loading the encoder', 'MB', 23, signal);
    yield* this.#work('Embedding texts', 'texts', instant ? 500 : 5452, signal, instant ? 3 : 24);
    yield* this.#work('Cross-validation', 'fits', 25, signal);
    const run = fakeRun(project.view, settings, ++this.#ids, this.#classes);
    project.view = { ...project.view, runs: [run, ...project.view.runs] };
    return run;
  }
  async *evaluateOwn(id: string, choice: OwnChoice, signal?: AbortSignal): Job<RunView> {
    this.#fail('evaluateOwn');
    this.evaluated.push(choice);
    const project = this.#project(id);
    yield* this.#work('Evaluating: test rows', 'texts', 500, signal);
    const known = this.#encoders.find(({ info }) => info.reference.id === choice.encoder.id);
    const names = known?.info.classifier?.classes ?? [];
    const run = fakeOwnRun(project.view, choice, names, ++this.#ids);
    project.view = { ...project.view, runs: [run, ...project.view.runs] };
    return run;
  }
  async *predictOwn(
    encoder: OwnChoice['encoder'],
    file: FileBytes,
    textColumn: string | null,
    _device: OwnChoice['device'],
    signal?: AbortSignal,
  ): Job<Awaited<ReturnType<typeof predicted>>> {
    this.#fail('predictOwn');
    yield* this.#work('Classifying texts', 'texts', 200, signal);
    const known = this.#encoders.find(({ info }) => info.reference.id === encoder.id);
    return predicted(file, known?.info.classifier?.classes ?? [], textColumn ?? 'text');
  }
  async deleteRun(id: string, run: string) {
    const project = this.#project(id);
    project.view = { ...project.view, runs: project.view.runs.filter((one) => one.id !== run) };
  }
  async runRows(id: string, run: string, query: Parameters<Engine['runRows']>[2]) {
    this.#fail('runRows');
    const project = this.#project(id);
    const document = project.view.runs.find((one) => one.id === run);
    if (document?.record.task === 'token_classification' && query.actual === null) {
      const words = taggedWords(project.tables[0] ?? [], document.record.data.classes);
      const { offset, limit } = query;
      return { total: words.length, rows: words.slice(offset, offset + limit) };
    }
    const part = query.part === 'train' ? 'train' : 'test';
    const matrix =
      document === undefined ? [] : classFigures(document.record)[part].confusion_matrix;
    const total = matrix[query.actual ?? 0]?.[query.predicted ?? 0] ?? 0;
    return {
      total,
      rows: Array.from(
        { length: Math.max(0, Math.min(query.limit, total - query.offset)) },
        (_, at) => ({
          index: query.offset + at,
          labels: null,
          text: `What is the ${query.offset + at + 1}th thing that people ask when they are in a hurry?`,
          pair: null,
          word: document?.record.task === 'token_classification' ? at % 14 : null,
          actual: query.actual ?? 0,
          predicted: query.predicted ?? 0,
          probability: 0.97 - (query.offset + at) * 0.002,
          file: 'train.csv',
          line: 12 + query.offset + at,
          fileRow: 10 + query.offset + at,
        }),
      ),
    };
  }

  async predictTexts(id: string, run: string, texts: readonly string[]) {
    this.#fail('predictTexts');
    this.asked.push(...texts);
    await pause(this.#delay / 4);
    const record = this.#project(id).view.runs.find((one) => one.id === run)?.record;
    if (record?.task === 'token_classification') {
      const words = (texts[0] ?? '').split(/\s+/).filter((word) => word !== '');
      return {
        classes: record.data.classes,
        probabilities: [[]],
        thresholds: null,
        milliseconds: 7.1,
        words: [
          words.map((word, at) => ({
            word,
            tag: /^[A-Z]/.test(word)
              ? /^[A-Z]/.test(words[at - 1] ?? '')
                ? 'I-PER'
                : 'B-PER'
              : 'O',
            probability: 0.93,
          })),
        ],
      };
    }
    const classes = record?.data.classes ?? [];
    const logits = classes.map((_, at) => Math.sin(at * 3 + (texts[0] ?? '').length) * 2);
    const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0);
    return {
      classes,
      probabilities: [logits.map((logit) => Math.exp(logit) / sum)],
      thresholds: null,
      milliseconds: 6.4,
      words: null,
    };
  }
  async *predictFile(
    id: string,
    run: string,
    file: FileBytes,
    textColumn: string | null,
    signal?: AbortSignal,
  ): Job<Awaited<ReturnType<typeof predicted>>> {
    this.#fail('predictFile');
    yield* this.#work('Embedding texts', 'texts', 200, signal);
    const classes =
      this.#project(id).view.runs.find((one) => one.id === run)?.record.data.classes ?? [];
    return predicted(file, classes, textColumn ?? 'text');
  }

  async exportSize(): Promise<number | null> {
    return 31_000_000;
  }
  async *export(
    _id: string,
    _run: string | null,
    kind: Parameters<Engine['export']>[2],
    signal?: AbortSignal,
  ): Job<ExportedFile> {
    this.#fail('export');
    yield* this.#work('Preparing the file', 'files', 1, signal);
    return {
      name: `fake.${kind}`,
      mime: 'application/octet-stream',
      bytes: new Uint8Array(1234),
      containsTexts: kind === 'predictions' || kind === 'project',
    };
  }
  async kept() {
    return [...this.#projects.values()].map(({ view }) => ({
      kind: 'project' as const,
      name: view.name,
      bytes: 4_200_000,
      lastUsed: view.created,
      reference: null,
      project: view.id,
    }));
  }
  async clearModels() {
    this.#encoders = [...ENCODERS];
  }
  async forgetEverything() {
    this.#projects.clear();
  }
  async persistStorage() {
    return true;
  }
  async requests() {
    return [{ origin: 'self', count: this.#requests++ }];
  }
  async modelHost() {
    return null;
  }
  async setModelHost() {
    this.#fail('setModelHost');
  }
  async hasHubToken() {
    return this.#token;
  }
  async setHubToken(token: string | null, keep: TokenKept = 'session') {
    this.#fail('setHubToken');
    this.#token = token === null ? null : keep;
  }

  #project(id: string): FakeProject {
    const project = this.#projects.get(id);
    if (project === undefined) throw new HeadlightError('not-found', `There is no project ${id}.`);
    return project;
  }

  protected override failIfAsked(name: keyof FinetuningEngine): void {
    this.#fail(name);
  }

  protected override changeLabel(id: string, label: DataChoice['label']): void {
    const project = this.#project(id);
    project.view = { ...project.view, choice: { ...project.view.choice, label } };
    this.#summarise(project);
  }

  protected override textsOf(id: string): { file: string; texts: readonly string[] } {
    const { view, tables } = this.#project(id);
    const column = view.files[0]?.columnNames.indexOf(view.choice.textColumn ?? '') ?? -1;
    const texts = (tables[0] ?? []).slice(1).map((row) => row[column] ?? '');
    return { file: view.files[0]?.name ?? '', texts };
  }

  protected override dataOf(id: string): DataChoice {
    return this.#project(id).view.choice;
  }

  protected override keepFinetuned(
    id: string,
    choice: FinetuneChoice,
    history: readonly CurvePoint[],
    ended: 'finished' | 'kept',
  ): RunView {
    const project = this.#project(id);
    const number = ++this.#ids;
    const run = fakeFinetunedRun(project.view, choice, number, history, ended, this.#classes);
    project.view = { ...project.view, runs: [run, ...project.view.runs] };
    return run;
  }

  #fail(name: keyof Engine | keyof FinetuningEngine): void {
    const error = this.failures.get(name);
    this.failures.delete(name);
    if (error !== undefined) throw error;
  }

  async *#work(
    phase: string,
    unit: string,
    total: number,
    signal?: AbortSignal,
    steps = 4,
  ): Job<void> {
    const meter = new ProgressMeter(phase, unit, total);
    for (let step = 0; step <= steps; step++) {
      if (signal?.aborted === true) throw abortedError();
      yield meter.at(
        Math.round((total * step) / steps),
        step === steps ? `${phase}: done.` : undefined,
      );
      await pause(this.#delay);
    }
  }

  #summarise(project: FakeProject): void {
    const { choice } = project.view;
    project.view = { ...project.view, summary: null, problem: null };
    if (choice.textColumn === labelOf(choice)) {
      project.view = {
        ...project.view,
        problem: {
          message: `Column “${choice.textColumn}” cannot be text and label at once.`,
          hint: 'Choose two different columns.',
        },
      };
      return;
    }
    if (labelOf(choice) === 'tags') {
      project.view = { ...project.view, summary: taggingSummary(project.tables[0] ?? []) };
      return;
    }
    if (choice.label?.kind === 'made') {
      const { classes } = choice.label;
      project.view = { ...project.view, ...madeSummary(project.tables[0] ?? [], classes) };
      return;
    }
    const column = project.view.files[0]?.columnNames.indexOf(labelOf(choice)) ?? -1;
    const counts = new Map<string, number>();
    for (const row of (project.tables[0] ?? []).slice(1)) {
      const label = row[column] ?? '';
      if (label !== '') counts.set(label, (counts.get(label) ?? 0) + 1);
    }
    const share = choice.split.method === 'stratified' ? choice.split.testShare : 0.2;
    const classes = [...counts]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([label, rows]) => {
        const test = Math.round(rows * share);
        return { label, train: rows - test, validation: 0, test };
      });
    const summary: DataSummary = {
      task: 'classification',
      tokens: null,
      classes,
      trainRows: classes.reduce((sum, { train }) => sum + train, 0),
      testRows: classes.reduce((sum, { test }) => sum + test, 0),
      validationRows: 0,
      alsoInTraining: 0,
      changes: [],
      droppedFromTrain: 3,
      leftOut: [{ reason: 'no label', rows: 1 }],
      notes: ['3 training texts also stand in the test part; they were dropped from training.'],
    };
    project.view = { ...project.view, summary };
  }
}

/** Of labels that are made here, once there are classes: as if each had its share. */
function madeSummary(
  table: readonly unknown[],
  classes: readonly string[],
): Pick<ProjectView, 'summary' | 'problem'> {
  if (classes.length < 2) {
    const hint = 'Let the teacher propose labels, or label some texts by hand.';
    return { summary: null, problem: { message: 'No text has a label yet.', hint } };
  }
  const train = Math.floor((table.length - 1) / classes.length);
  return {
    problem: null,
    summary: {
      task: 'classification',
      tokens: null,
      classes: classes.map((label) => ({ label, train, validation: 0, test: 1 })),
      trainRows: train * classes.length,
      validationRows: 0,
      testRows: classes.length,
      droppedFromTrain: 0,
      alsoInTraining: 0,
      changes: [],
      leftOut: [],
      notes: [],
      labelling: {
        tested_by: 'teacher',
        rows: { hand: 0, teacher: train * classes.length, truth: 0, held_out: 0, left: 0 },
        teachers: [],
      },
    },
  };
}

function labelOf({ label }: DataChoice): string {
  return label?.kind === 'column' ? label.column : '';
}

function predicted(file: FileBytes, classes: readonly string[], textColumn: string) {
  const rows = parse(new TextDecoder().decode(file.bytes)).slice(1);
  return {
    name: file.name.replace(/\.[^.]+$/, '-predictions.csv'),
    mime: 'text/csv',
    bytes: file.bytes,
    containsTexts: true,
    rows: rows.length,
    counts: classes.map((label, at) => ({ label, rows: Math.round(rows.length / (at + 2)) })),
    textColumn,
    problemCount: 0,
    problems: [],
    preview: rows.slice(0, 8).map((row, at) => ({
      text: row[0] ?? '',
      label: classes[at % classes.length] ?? '',
      probability: 0.9 - at * 0.03,
    })),
  };
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function parse(text: string): string[][] {
  return text
    .trim()
    .split(/\r?\n/)
    .map((line) =>
      (line.match(/("([^"]|"")*"|[^,]*)(,|$)/g) ?? [])
        .slice(0, -1)
        .concat(line.endsWith(',') ? [''] : [])
        .map((cell) => cell.replace(/,$/, '').replace(/^"|"$/g, '').replaceAll('""', '"')),
    );
}

function profile(name: string, rows: readonly (readonly string[])[], index: number): ColumnProfile {
  const cells = rows.map((row) => row[index] ?? '');
  return {
    name,
    distinct: new Set(cells).size,
    empty: cells.filter((cell) => cell === '').length,
    meanLength: cells.reduce((sum, cell) => sum + cell.length, 0) / Math.max(1, cells.length),
    examples: cells.slice(0, 3),
  };
}

/** A word and its label a line, a blank line between sentences: a row a sentence. */
function parseConll(text: string): string[][] {
  const sentences = text
    .trim()
    .split(/\n\s*\n/)
    .map((sentence) => sentence.split('\n').map((line) => line.trim().split(/\s+/)));
  return [
    ['words', 'tags'],
    ...sentences.map((words) => [0, 1].map((cell) => words.map((word) => word[cell]).join(' '))),
  ];
}

/** Every word of the last sentences, the surest first; each fifth entity is missed. */
function taggedWords(
  rows: readonly (readonly string[])[],
  classes: readonly string[],
): RowPage['rows'] {
  const index = (label: string): number => Math.max(0, classes.indexOf(label));
  return rows
    .slice(1)
    .flatMap(([text = '', tags = ''], at) =>
      tags.split(' ').map((tag, word) => ({
        index: at,
        labels: null,
        text,
        pair: null,
        word,
        actual: index(tag),
        predicted: index((at + word) % 5 === 0 ? 'O' : tag),
        probability: 0.99 - ((at * 7 + word * 13) % 40) / 100,
        file: 'tagged.conll',
        line: 1 + at * 12,
        fileRow: at,
      })),
    )
    .sort((a, b) => b.probability - a.probability);
}

function taggingSummary(rows: readonly (readonly string[])[]): DataSummary {
  const tags = rows.slice(1).flatMap(([, cell = '']) => cell.split(' '));
  const types = [...new Set(tags.flatMap((tag) => (tag === 'O' ? [] : [tag.slice(2)])))].sort();
  const of = (label: string): number => tags.filter((tag) => tag === label).length;
  return {
    task: 'token_classification',
    tokens: {
      trainWords: Math.round(tags.length * 0.8),
      testWords: Math.round(tags.length * 0.2),
      entities: types.map((type) => ({
        type,
        train: Math.round(of(`B-${type}`) * 0.8),
        test: Math.round(of(`B-${type}`) * 0.2),
      })),
    },
    classes: ['O', ...types.flatMap((type) => [`B-${type}`, `I-${type}`])].map((label) => ({
      label,
      train: Math.round(of(label) * 0.8),
      validation: 0,
      test: Math.round(of(label) * 0.2),
    })),
    trainRows: Math.round((rows.length - 1) * 0.8),
    testRows: Math.round((rows.length - 1) * 0.2),
    validationRows: 0,
    alsoInTraining: 0,
    changes: [],
    droppedFromTrain: 0,
    leftOut: [],
    notes: [],
  };
}
