/** Likely wrong labels of the engine in memory: nothing is found. */
import { HeadlightError, type Job } from '../../src/base';
import type {
  AlikePage,
  ExportedFile,
  LabelErrorPage,
  LabelErrorsEngine,
  LabelErrorsView,
  ProjectView,
} from '../../src/engine';
import { FakeFinetuning } from './fake-finetuning';

export abstract class FakeLabelErrors extends FakeFinetuning implements LabelErrorsEngine {
  async *labelErrors(): Job<LabelErrorsView> {
    yield { phase: 'Judging', done: 0, total: 1, unit: 'fits', rate: null, secondsLeft: null };
    throw notHere();
  }

  lastLabelErrors(): Promise<LabelErrorsView | null> {
    return Promise.resolve(null);
  }

  labelErrorRows(): Promise<LabelErrorPage> {
    return Promise.reject(notHere());
  }

  alikePairs(): Promise<AlikePage> {
    return Promise.reject(notHere());
  }

  keepLabels(): Promise<void> {
    return Promise.resolve();
  }

  async *mendLabels(): Job<ProjectView> {
    yield { phase: 'Mending', done: 0, total: 1, unit: 'labels', rate: null, secondsLeft: null };
    throw notHere();
  }

  labelErrorsFile(): Promise<ExportedFile> {
    return Promise.reject(notHere());
  }
}

function notHere(): HeadlightError {
  return new HeadlightError('not-found', 'The engine in memory has no labels to judge.');
}
