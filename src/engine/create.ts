/** The engine: the interface of `engine.ts` over a platform. Each method is a line; the work is beside it. */
import { finish } from '../base';
import { readHubCatalogue, type EncoderReference } from '../models';
import type { Platform } from '../platform';
import { readProjectZip } from '../project';
import { Encoders } from './encoders';
import type { Engine, KeptItem, LocalEngine } from './engine';
import { exportFile } from './exporting';
import { RunningJobs } from './jobs';
import { labelErrors } from './label-errors';
import {
  alikePairs,
  forgetLooked,
  keepLabels,
  labelErrorRows,
  labelErrorsFile,
  lastLabelErrors,
  mendLabels,
} from './label-errors-rows';
import { Finetuning } from './finetuning';
import { activeEngine, ActiveLearning, Labelling } from './labelling';
import { LayerStudies } from './layers';
import { LiveModel } from './live-model';
import { dataFile, setLabel } from './data-files';
import { predictOwn } from './own-predict';
import { evaluateOwn } from './own-run';
import { comparePrecisions } from './precisions';
import { deviceHere, loadRun, predictFile, predictTexts } from './prediction';
import { columnValues, dataRows, longTexts, truthValues } from './look';
import { Projects } from './projects';
import { explainText } from './explain';
import { withCompanions } from './remote';
import { runReport } from './report';
import { runRows } from './run-rows';
import { standaloneSize } from './standalone';
import { learningCurve, repeatedFits } from './studies';
import { TextMaps } from './text-map';
import { measureOn, train } from './training';

/** With companions, where their keys are kept in this storage; else all runs here. */
export function createEngine(platform: Platform): Engine {
  return withCompanions(createLocalEngine(platform), platform);
}

/** The engine of this device, which no companion takes work from: what a companion itself computes with. */
export function createLocalEngine(platform: Platform): LocalEngine {
  const projects = new Projects(platform.storage);
  const encoders = new Encoders(platform);
  const jobs = new RunningJobs();
  const finetuning = new Finetuning({ platform, projects, encoders, jobs });
  const labelling = new Labelling({ platform, projects, encoders, jobs });
  const active = new ActiveLearning({ platform, projects, encoders, labels: labelling });
  const layers = new LayerStudies({ platform, projects, encoders, jobs });
  const live = new LiveModel(platform);
  const maps = new TextMaps({ platform, projects, encoders });
  const listed = { projects, storage: platform.storage };
  let swept: Promise<void> | null = null;
  const load = (reference: EncoderReference) => finish(encoders.load(reference));

  const engine: LocalEngine = {
    async about() {
      return {
        versions: platform.versions,
        devices: await platform.runtime.devices(),
        tensorBackends: await platform.tensors.available(),
        storage: await platform.storage.estimate(),
        ...(platform.memoryBytes === undefined ? {} : { memoryBytes: platform.memoryBytes }),
      };
    },

    async listProjects() {
      await (swept ??= projects.store.sweep());
      return projects.list();
    },
    createProject: (files, signal) => projects.create(files, signal),
    openProject: (project, signal) => projects.open(project, signal),
    renameProject: (project, name) => projects.rename(project, name),
    async deleteProject(project) {
      await jobs.stop(project);
      await live.release();
      maps.forget(project);
      await active.forget(project);
      await projects.delete(project);
    },
    configureData: (project, choice, signal) => projects.configure(project, choice, signal),
    addFiles: (project, files, signal) => projects.add(project, files, signal),
    async *removeFile(project, name, signal) {
      const view = yield* projects.remove(project, name, signal);
      await forgetLooked(listed, project, name);
      return view;
    },
    dataFile: (project, what, file, signal) =>
      dataFile(projects, project, what, file ?? null, signal),
    setLabel: (project, run, row, labels, signal) =>
      setLabel(projects, project, run, row, labels, signal),
    columnValues: (project, column) => columnValues(projects, project, column),
    truthValues: (project) => truthValues(projects, project),
    dataRows: (project, rows) => dataRows(projects, project, rows),
    longTexts: (project, tokens) => longTexts(projects, project, tokens),
    async *importProject(file, signal) {
      const content = await readProjectZip(file);
      const id = await projects.import(content);
      return yield* projects.open(id, signal);
    },

    catalogue: () => readHubCatalogue(platform.assets),
    listEncoders: () => encoders.list(),
    addHubEncoder: (id, revision, precision, signal) =>
      encoders.addHub(id, revision, precision, signal),
    addFolderEncoder: (name, files, precision, signal) =>
      encoders.addFolder(name, files, precision, signal),
    addHostEncoder: (address, precision, signal) => encoders.addHost(address, precision, signal),
    addZipEncoder: (file, precision, signal) => encoders.addZip(file, precision, signal),
    exportModel: (reference, signal) => encoders.export(reference, signal),
    planDownload: (id, revision, precision) => encoders.plan(id, revision, precision),
    listModels: () => encoders.models(),
    checkModel: (model, signal) => encoders.check(model, signal),
    removeModel: (model) => encoders.removeModel(model),
    removeEncoder: (reference) => encoders.remove(reference),
    comparePrecisions: (project, encoder, embed, settings, signal) =>
      jobs.of(project, signal, (stop) =>
        comparePrecisions(
          { platform, projects, encoders },
          project,
          encoder,
          embed,
          settings,
          stop,
        ),
      ),
    keepPrecision: (encoder, precision, signal) =>
      encoders.addPrecision(encoder, precision, signal),
    async *measure(project, reference, embed, signal) {
      const texts = await projects.texts(project);
      const encoder = yield* encoders.load(reference, signal);
      return yield* measureOn(platform, encoder, embed, texts, signal);
    },

    train: (project, settings, signal) =>
      jobs.of(project, signal, (stop) =>
        train(platform, projects, encoders, project, settings, stop),
      ),
    evaluateOwn: (project, choice, signal) =>
      jobs.of(project, signal, (stop) =>
        evaluateOwn(platform, projects, encoders, project, choice, stop),
      ),
    async *predictOwn(reference, file, textColumn, device, signal) {
      const here = device === 'auto' ? await deviceHere(platform, 'wasm') : device;
      return yield* predictOwn(platform, encoders, reference, file, textColumn, here, signal);
    },
    async deleteRun(project, run) {
      await live.release();
      await projects.store.deleteRun(project, run);
    },
    runRows: (project, run, query) => runRows(projects, project, run, query),

    async predictTexts(project, run, texts, pairs) {
      const tuned = await live.predict(project, run, texts, pairs ?? null);
      if (tuned !== null) return tuned;
      const loaded = await loadRun(projects, project, run);
      if (loaded.method !== 'probe') return live.open(project, loaded, texts, pairs ?? null, load);
      return predictTexts(platform, encoders, loaded, texts, load);
    },
    async *predictFile(project, run, file, textColumn, signal) {
      const loaded = await loadRun(projects, project, run);
      return yield* jobs.of(project, signal, (stop) =>
        predictFile(platform, encoders, project, loaded, file, textColumn, stop),
      );
    },

    estimateFinetune: (project, choice, signal) =>
      finetuning.estimateFinetune(project, choice, signal),
    finetune: (project, choice, signal) => finetuning.finetune(project, choice, signal),
    finishFinetune: (project, signal) => finetuning.finishFinetune(project, signal),
    unfinishedFinetune: (project) => finetuning.unfinishedFinetune(project),
    discardFinetune: (project) => finetuning.discardFinetune(project),
    adviseFinetune: (project, run, signal) => finetuning.adviseFinetune(project, run, signal),
    compareRuns: (project, first, second) => finetuning.compareRuns(project, first, second),
    pushToHub: (project, run, upload, signal) => finetuning.pushToHub(project, run, upload, signal),

    labelling: (project) => labelling.labelling(project),
    configureLabelling: (project, settings, renamed) =>
      labelling.configureLabelling(project, settings, renamed),
    ruleProblems: (rules) => labelling.ruleProblems(rules),
    estimateTeacher: (project, teacher, signal) =>
      labelling.estimateTeacher(project, teacher, signal),
    runTeacher: (project, teacher, device, signal) =>
      labelling.runTeacher(project, teacher, device, signal),
    reviewRows: (project, query) => labelling.reviewRows(project, query),
    labelRow: (project, label) => labelling.labelRow(project, label),
    undoLabel: (project) => labelling.undoLabel(project),
    startActive: (project, settings, signal) =>
      jobs.of(project, signal, (stop) => active.start(project, settings, stop)),
    ...activeEngine(active),

    runReport: (project, run, signal) => runReport(projects, project, run, signal),
    learningCurve: (project, run, settings, signal) =>
      jobs.of(project, signal, (stop) =>
        learningCurve({ platform, projects, encoders }, project, run, settings, stop),
      ),
    repeatedFits: (project, run, settings, signal) =>
      jobs.of(project, signal, (stop) =>
        repeatedFits({ platform, projects, encoders }, project, run, settings, stop),
      ),
    textMap: (project, run, settings, signal) =>
      jobs.of(project, signal, (stop) => maps.of(project, run, settings, stop)),
    explainText: (project, run, text, pair, classIndex, signal) =>
      explainText(
        (...asked) => engine.predictTexts(...asked),
        project,
        run,
        text,
        pair,
        classIndex,
        signal,
      ),

    labelErrors: (project, settings, signal) =>
      jobs.of(project, signal, (stop) =>
        labelErrors({ platform, projects, encoders }, project, settings, stop),
      ),
    lastLabelErrors: (project) => lastLabelErrors(listed, project),
    labelErrorRows: (project, query) => labelErrorRows(listed, project, query),
    alikePairs: (project, from, count) => alikePairs(listed, project, from, count),
    keepLabels: (project, rows, kept) => keepLabels(listed, project, rows, kept),
    mendLabels: (project, changes, signal) => mendLabels(listed, project, changes, signal),
    labelErrorsFile: (project) => labelErrorsFile(listed, project),

    layerStudy: (project, settings, signal) => layers.layerStudy(project, settings, signal),
    layerStudies: (project) => layers.layerStudies(project),
    openLayerStudy: (project, study) => layers.openLayerStudy(project, study),
    resumeLayerStudy: (project, study, signal) => layers.resumeLayerStudy(project, study, signal),
    deleteLayerStudy: (project, study) => layers.deleteLayerStudy(project, study),
    layerStudyFile: (project, study, kind) => layers.layerStudyFile(project, study, kind),

    export: (project, run, kind, signal) =>
      exportFile(platform.assets, projects, encoders, project, run, kind, signal),
    async exportSize(project, run, kind) {
      const { document } = await projects.store.run(project, run);
      return standaloneSize(platform.assets, encoders, document, kind);
    },
    async kept() {
      const items: KeptItem[] = [];
      for (const entry of await encoders.list()) {
        if (!entry.cached || entry.bytesKept === 0) continue;
        items.push({
          kind: 'model',
          name: entry.info.name,
          bytes: entry.bytesKept,
          lastUsed: entry.lastUsed,
          reference: entry.info.reference,
          project: null,
        });
      }
      // Downloads that have not ended go on when they are asked for again; “clear models” removes them.
      for (const { source, id, revision, state, bytes, lastUsed } of await encoders.models()) {
        const isListed = items.some(
          ({ reference }) =>
            reference?.source === source && reference.id === id && reference.revision === revision,
        );
        if (isListed) continue;
        const name = state === 'whole' ? id : `${id} (not whole)`;
        items.push({ kind: 'model', name, bytes, lastUsed, reference: null, project: null });
      }
      for (const project of await projects.list()) {
        items.push({
          kind: 'project',
          name: project.name,
          bytes: project.bytes,
          lastUsed: project.modified,
          reference: null,
          project: project.id,
        });
      }
      return items;
    },
    clearModels: () => encoders.clear(),
    async forgetEverything() {
      await jobs.stop();
      await encoders.release();
      await live.release();
      maps.forget();
      await active.forget();
      projects.forget();
      encoders.access.forget();
      await platform.storage.clear();
    },
    persistStorage: () => platform.storage.persist(),
    requests: () => Promise.resolve(platform.network.requests()),
    modelHost: () => encoders.access.host(),
    setModelHost: (host) => encoders.access.setHost(host),
    hasHubToken: () => encoders.access.hasToken(),
    setHubToken: (token, keep) => encoders.access.setToken(token, keep ?? 'session'),
  };
  return engine;
}
