/** The run of a model's own classifier, as the engine in memory hands it out: a probe's figures, nothing trained. */
import { matchClasses, type OwnChoice, type ProjectView, type RunView } from '../../src/engine';
import { fakeRun } from './fake-run';

/** @param names the classes of the model. */
export function fakeOwnRun(
  view: ProjectView,
  choice: OwnChoice,
  names: readonly string[],
  number: number,
): RunView {
  const probe = fakeRun(
    view,
    {
      encoder: choice.encoder,
      embed: { layer: 6, pooling: 'mean', normalize: true, maxTokens: 256 },
      device: choice.device,
      head: {
        type: 'logistic_regression',
        C: 1,
        Cs: [1],
        folds: 5,
        class_weight: null,
        standardize: false,
        tol: 1e-4,
        max_iter: 1000,
        seed: 0,
      },
    },
    number,
  );
  const { embed: _embed, head: _head, ...recipe } = probe.recipe;
  const { head: _fit, calibration: _none, encoder, timing, ...record } = probe.record;
  const { layer: _layer, pooling: _pooling, normalize: _unit, maxTokens: _most, ...own } = encoder;
  const settings = {
    classes: choice.classes ?? matchClasses(names, record.data.classes),
    max_length: choice.max_length ?? 512,
  };
  return {
    ...probe,
    recipe: { ...recipe, method: 'own', own: settings },
    record: {
      ...record,
      method: 'own',
      encoder: own,
      own: settings,
      entities: null,
      timing: {
        load_seconds: timing.load_seconds,
        tokenize_seconds: 0.3,
        evaluate_seconds: 3.1,
        total_seconds: 4.3,
      },
    },
  };
}
