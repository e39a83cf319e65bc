/**
 * An encoder of which there is only an exported ONNX. BERT and DistilBERT become their checkpoint again and
 * are then like any other; every other architecture runs as its own graph.
 */
import { HeadlightError } from '../../../base';
import { TRANSFORMERS } from '../architecture';
import { parseEncoderConfig } from '../config';
import type { Checkpoint } from '../../checkpoints';
import { openEncoderModel, type EncoderModel } from '../encoder';
import { onnxOf, type EncoderFiles } from '../encoder-weights';
import type { Precision } from '../../types';
import { longestText } from './config';
import { openExportedEncoder } from './exported-encoder';
import { recoverCheckpoint } from './recover';

export interface OpenedExport {
  readonly model: EncoderModel;
  /** The tensors as they were before the export; null: the graph is run as it is. */
  readonly checkpoint: Checkpoint | null;
  /** What a person should know of it, in sentences. */
  readonly note: string;
}

/** Whether this is the config of an encoder that is kept as Headlight's own `model.onnx`. */
export function isStaticConfig(config: Uint8Array): boolean {
  return longestText(config).modelType === 'headlight-static';
}

/**
 * @param files config.json and an exported ONNX.
 * @throws HeadlightError `bad-model` naming the operator or input that cannot be used; `bad-setting` when a
 *   graph that is run as it is is asked for in 8 bits.
 */
export function openExport(files: EncoderFiles, precision: Precision): OpenedExport {
  const { modelType, maxTokens } = longestText(files.config);
  const type = modelType ?? 'that config.json leaves out';
  let why = TRANSFORMERS.some((known) => known === modelType)
    ? `Its weights are not read back from an export; with model.safetensors Headlight builds encoders of the type ${type} itself.`
    : `Headlight does not build encoders of the type ${type} itself.`;
  if (modelType === 'bert' || modelType === 'distilbert') {
    try {
      return openRecovered(files, precision);
    } catch (error) {
      if (!(error instanceof HeadlightError) || error.code !== 'bad-model') throw error;
      why = error.message;
    }
  }
  if (precision !== 'fp32')
    throw new HeadlightError(
      'bad-setting',
      'This exported ONNX is run as it is and cannot be kept in 8 bits.',
      {
        hint: `Choose the precision fp32, which takes the weights as the file has them. ${why}`,
      },
    );
  const { model, note } = openExportedEncoder(onnxOf(files.weights), maxTokens);
  const states = note === null ? '' : ` ${note}`;
  return {
    model,
    checkpoint: null,
    note: `Run as its exported graph, for probes; it cannot be fine-tuned. ${why}${states}`,
  };
}

function openRecovered(files: EncoderFiles, precision: Precision): OpenedExport {
  const config = parseEncoderConfig(files.config);
  if (config.modelType === 'headlight-static')
    throw new HeadlightError('internal', 'A static encoder is no exported transformer.');
  const checkpoint = recoverCheckpoint(onnxOf(files.weights), config);
  return {
    model: openEncoderModel(
      { config: files.config, weights: { kind: 'checkpoint', checkpoint } },
      precision,
    ),
    checkpoint,
    note: 'Its weights were read from an exported ONNX.',
  };
}
