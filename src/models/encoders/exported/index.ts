/**
 * An encoder of which there is only an exported ONNX. BERT and DistilBERT become their checkpoint again and
 * are then like any other; every other architecture runs as its own graph.
 */
import { HeadlightError } from '../../../base';
import { TRANSFORMERS } from '../architecture';
import { parseEncoderConfig } from '../config';
import type { Checkpoint } from '../../checkpoints';
import { openEncoderModel, type EncoderModel } from '../encoder';
import { readModel, type Model } from '../../../graph/onnx';
import type { EncoderFiles, EncoderWeights } from '../encoder-weights';
import type { OwnClassifier } from '../own-classifier';
import type { Precision } from '../../types';
import { classifierOfExport } from './classifier';
import { longestText } from './config';
import { openExportedEncoder } from './exported-encoder';
import { precisionOf } from './precision';
import { recoverCheckpoint } from './recover';

export interface OpenedExport {
  readonly model: EncoderModel;
  /** The tensors as they were before the export; null: the graph is run as it is. */
  readonly checkpoint: Checkpoint | null;
  /** What a person should know of it, in sentences. */
  readonly note: string;
  /** Of a graph that is run as it is; null: it has none, or the checkpoint says. */
  readonly classifier: OwnClassifier | null;
}

export { exportedClassifierModel } from './classifier';

/** Whether this is the config of an encoder that is kept as Headlight's own `model.onnx`. */
export function isStaticConfig(config: Uint8Array): boolean {
  return longestText(config).modelType === 'headlight-static';
}

/**
 * @param files config.json and an exported ONNX.
 * @throws HeadlightError `bad-model` naming the operator, input or file that cannot be used; `bad-setting` when it
 *   is asked for in another precision than its weights are kept in, and cannot be made in that one.
 */
export function openExport(files: EncoderFiles, precision: Precision): OpenedExport {
  const facts = longestText(files.config);
  const { modelType } = facts;
  const source = exportedModel(files.weights);
  const kept = precisionOf(source);
  const type = modelType ?? 'that config.json leaves out';
  let why = TRANSFORMERS.some((known) => known === modelType)
    ? `Its weights are not read back from an export; with model.safetensors Headlight builds encoders of the type ${type} itself.`
    : `Headlight does not build encoders of the type ${type} itself.`;
  if ((modelType === 'bert' || modelType === 'distilbert') && canBecome(kept, precision)) {
    try {
      return openRecovered(files.config, source, kept, precision);
    } catch (error) {
      if (!(error instanceof HeadlightError) || error.code !== 'bad-model') throw error;
      why = error.message;
    }
  }
  if (precision !== kept)
    throw new HeadlightError(
      'bad-setting',
      `This exported ONNX keeps its weights in ${kept} and is run as it is; it is not made ${precision} here.`,
      {
        hint: `Choose the precision ${kept}, or a model with a checkpoint. ${why}`,
      },
    );
  const { model, note } = openExportedEncoder(source, { ...facts, precision: kept });
  const states = note === null ? '' : ` ${note}`;
  return {
    model,
    checkpoint: null,
    note: `Run as its exported graph (${kept}), for probes; it cannot be fine-tuned. ${why}${states}`,
    classifier: classifierOfExport(files.config, source),
  };
}

/** The graph, its weights as views into the files that hold them. */
function exportedModel(weights: EncoderWeights): Model {
  if (weights.kind === 'onnx') return readModel(weights.model, weights.external);
  throw new HeadlightError('internal', 'A checkpoint was opened as an exported ONNX.');
}

/** Weights can be made of more bits than are asked for, and are taken as they are; they do not grow again. */
function canBecome(kept: Precision, asked: Precision): boolean {
  return kept === asked || kept === 'fp32' || (kept === 'fp16' && asked !== 'fp32');
}

function openRecovered(
  file: Uint8Array,
  source: Model,
  kept: Precision,
  precision: Precision,
): OpenedExport {
  const config = parseEncoderConfig(file);
  if (config.modelType === 'headlight-static')
    throw new HeadlightError('internal', 'A static encoder is no exported transformer.');
  const checkpoint = recoverCheckpoint(source, config);
  return {
    model: openEncoderModel(
      { config: file, weights: { kind: 'checkpoint', checkpoint } },
      precision,
    ),
    checkpoint,
    note:
      kept === 'fp32'
        ? 'Its weights were read from an exported ONNX.'
        : `Its weights were read from an exported ONNX, which keeps them in ${kept}.`,
    classifier: null,
  };
}
