/** How long a training will take here and what it needs, from a few measured steps that change nothing. */
import { ProgressMeter, throwIfAborted, type Job } from '../../base';
import { gpuVerdict, type GpuVerdict } from './gpu-cards';
import { stepNeeds } from './needs';
import { keepsTensors, openTrainer, type ComputeRequest } from './open-trainer';
import { stepFailed } from './failures';
import { parseTrainerSettings } from './settings';
import { TrainingSet } from './training-set';
import type { FinetuneEstimate } from './types';

export type EstimateRequest = ComputeRequest;

/** Measured steps of each shape, after one that makes the session. */
const STEPS = 2;
/** A page's WASM memory. */
const WASM_BYTES = 4 * 2 ** 30;
/** From here on a training is long enough to say what would make it shorter. */
const LONG_SECONDS = 1800;
const LONG_TOKENS = 256;

/**
 * Times a piece of the longest texts and one of the most frequent length, the optimiser, and the forward pass of
 * evaluation.
 * @throws HeadlightError as `finetune`; `device` when even one step does not fit.
 */
export async function* estimateFinetune(
  request: EstimateRequest,
  signal?: AbortSignal,
): Job<FinetuneEstimate> {
  const settings = parseTrainerSettings(request.settings);
  const whole = { ...request, settings };
  const set = new TrainingSet(whole);
  const pieces = set.piecesPerStep();
  const longest = set.buckets.at(-1) ?? 8;
  const usual = [...pieces].sort((a, b) => b[1] - a[1])[0]?.[0] ?? longest;
  const lengths = usual === longest ? [longest] : [longest, usual];
  const meter = new ProgressMeter('Measuring steps', 'steps', lengths.length * (STEPS + 1) + 1);
  yield meter.at(0);
  const trainer = await openTrainer(whole, set);
  const perPiece = new Map<number, number>();
  let updating = Infinity;
  let evaluationSeconds = 0;
  let done = 0;
  try {
    for (const tokens of lengths) {
      const piece = set.sample(tokens);
      let learning = Infinity;
      for (let i = 0; i <= STEPS; i++) {
        throwIfAborted(signal);
        const started = performance.now();
        // The trainer is thrown away afterwards, so these steps change nothing that is kept.
        await trainer.learn(piece);
        const learned = performance.now();
        await trainer.update(i + 1, 0, await trainer.gradientNorm());
        const updated = performance.now();
        if (i > 0) {
          learning = Math.min(learning, learned - started);
          updating = Math.min(updating, updated - learned);
        }
        done += 1;
        yield meter.at(done);
      }
      perPiece.set(tokens, learning / 1000);
    }
    const { validation } = request.data;
    if (settings.eval_strategy !== 'no' && validation.length > 0) {
      const piece = set.sample(usual);
      await trainer.predict(piece);
      const started = performance.now();
      await trainer.predict(piece);
      evaluationSeconds = (((performance.now() - started) / 1000) * validation.length) / piece.rows;
    }
    yield meter.at(done + 1);
  } catch (error) {
    throw stepFailed(1, error);
  } finally {
    await trainer.release();
  }
  const { steps, stepsPerEpoch } = set.batches.plan;
  const secondsPerStep = updating / 1000 + secondsOfPieces(set, pieces, perPiece);
  const evaluations =
    settings.eval_strategy === 'steps'
      ? Math.floor(steps / settings.eval_steps)
      : settings.eval_strategy === 'epoch'
        ? Math.ceil(steps / stepsPerEpoch)
        : 0;
  const seconds = steps * secondsPerStep + evaluations * evaluationSeconds;
  const needs = stepNeeds(whole, set, (await keepsTensors(request)) ? 'graph' : 'host');
  const memoryBytes = needs.total;
  const memoryLimitBytes = request.device === 'wasm' ? WASM_BYTES : null;
  return {
    steps,
    secondsPerStep,
    seconds,
    trainableParameters: needs.trainable,
    parameters: needs.parameters,
    memoryBytes,
    memoryLimitBytes,
    gpu: gpuOf(whole, set),
    advice: adviceFor(whole, set, seconds, memoryBytes, memoryLimitBytes),
  };
}

/** As if all of it ran on a GPU of NVIDIA's. */
function gpuOf(request: ComputeRequest, set: TrainingSet): GpuVerdict {
  const needs = (checkpointing: boolean): number => {
    const settings = { ...request.settings, gradient_checkpointing: checkpointing };
    return stepNeeds({ ...request, settings, device: 'cuda' }, set, 'graph').total;
  };
  const { gradient_checkpointing: isOn } = request.settings;
  return gpuVerdict(needs(isOn), () => (isOn ? null : needs(true)));
}

/** Of all pieces of a step. Those that were not measured lie between those that were, by the tokens they compute. */
function secondsOfPieces(
  set: TrainingSet,
  pieces: ReadonlyMap<number, number>,
  measured: ReadonlyMap<number, number>,
): number {
  const computed = (tokens: number): number => set.rowsAt(tokens) * tokens;
  const points = [...measured]
    .map(([tokens, seconds]) => ({ at: computed(tokens), seconds }))
    .sort((a, b) => a.at - b.at);
  const [low] = points;
  const high = points.at(-1);
  if (low === undefined || high === undefined) return 0;
  // From two points as near as the pieces of a processor are, no slope can be told.
  const isApart = high.at > 1.5 * low.at;
  const slope = isApart ? Math.max(0, (high.seconds - low.seconds) / (high.at - low.at)) : 0;
  let sum = 0;
  for (const [tokens, count] of pieces) {
    const at = computed(tokens);
    const alike = (high.seconds * at) / high.at;
    const seconds = isApart ? Math.max(high.seconds - slope * (high.at - at), alike / 2) : alike;
    sum += count * (measured.get(tokens) ?? seconds);
  }
  return sum;
}

function adviceFor(
  { model, settings }: ComputeRequest,
  set: TrainingSet,
  seconds: number,
  memoryBytes: number,
  limit: number | null,
): string[] {
  const advice: string[] = [];
  const longest = set.buckets.at(-1) ?? 8;
  const isWhole = set.rowsAt(longest) === set.batchRows;
  const isLarge = limit === null ? memoryBytes > 6e9 : memoryBytes > 0.7 * limit;
  const isLong = seconds > LONG_SECONDS;
  const { name } = model.options.method;
  const gigabytes = (memoryBytes / 1e9).toFixed(1);
  if (isLarge)
    advice.push(
      limit === null
        ? `This needs about ${gigabytes} GB of memory.`
        : `This needs about ${gigabytes} GB of memory; the page can have ${(limit / 1e9).toFixed(1)} GB.`,
    );
  if (isLong) advice.push(`This takes about ${Math.round(seconds / 60)} minutes on this device.`);
  if (!isLarge && !isLong) return advice;
  if (name === 'full')
    advice.push('LoRA trains small adapters beside the weights: less memory, and faster.');
  if (longest >= LONG_TOKENS)
    advice.push(
      `The longest texts have ${longest} tokens: a max_length of ${LONG_TOKENS / 2} needs less than half of the memory and time.`,
    );
  if (isLarge && isWhole && settings.per_device_train_batch_size > 4)
    advice.push(
      `Half the batch size (${Math.floor(settings.per_device_train_batch_size / 2)}) with twice the gradient_accumulation_steps learns the same in less memory.`,
    );
  if (isLarge && !settings.gradient_checkpointing)
    advice.push('gradient_checkpointing computes activations twice and keeps few of them.');
  if (isLong && settings.num_train_epochs > 2 && settings.max_steps < 0)
    advice.push('Fewer epochs, or fewer rows ("Use N rows"), take proportionally less time.');
  return advice;
}
