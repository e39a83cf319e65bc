import { beforeAll, describe, expect, test } from 'vitest';
import { finish, HeadlightError, type Progress } from '../../../../src/base';
import {
  discardFinetune,
  finetune,
  predictLogits,
  readUnfinished,
  TRAINER_DEFAULTS,
  type FinetuneRequest,
  type FinetuneResult,
  type TrainerSettings,
} from '../../../../src/learning/finetune';
import type { OnnxRuntime, RuntimeSession } from '../../../../src/platform';
import { memoryStorage } from '../../../helpers/memory-storage';
import { nodeRuntime } from './runtime';
import { smallModel, smallRequest, smallTexts } from './small-model';

let runtime: OnnxRuntime;
beforeAll(async () => {
  runtime = await nodeRuntime();
});

const SETTINGS: TrainerSettings = {
  ...TRAINER_DEFAULTS,
  learning_rate: 0.02,
  weight_decay: 0.1,
  per_device_train_batch_size: 4,
  num_train_epochs: 3,
  warmup_steps: 3,
  gradient_accumulation_steps: 2,
  eval_strategy: 'epoch',
  save_strategy: 'epoch',
  load_best_model_at_end: true,
};

function request(changed: Partial<FinetuneRequest> = {}): FinetuneRequest {
  const loss = { name: 'cross_entropy', classWeights: Float32Array.of(1, 2, 0.5) } as const;
  return smallRequest(runtime, SETTINGS, { loss, threads: 1, ...changed });
}

/** Runs until so many steps are done, then stops it as a person would. */
async function stopAfter(one: FinetuneRequest, steps: number): Promise<HeadlightError> {
  const stop = new AbortController();
  // One look at the signal a step: it is asked by the session that computes the step's last batch.
  let runs = 0;
  const { gradient_accumulation_steps: each } = one.settings;
  const counting: OnnxRuntime = {
    ...one.runtime,
    async createSession(model, options) {
      const session = await one.runtime.createSession(model, options);
      const training = session.outputNames.includes('loss');
      const counted: RuntimeSession = {
        inputNames: session.inputNames,
        outputNames: session.outputNames,
        async run(feeds) {
          const outputs = await session.run(feeds);
          if (training && ++runs === steps * each) stop.abort();
          return outputs;
        },
        runKeeping: (feeds) => session.runKeeping(feeds),
        release: () => session.release(),
      };
      return counted;
    },
  };
  try {
    await finish(finetune({ ...one, runtime: counting }, stop.signal));
  } catch (error) {
    return error as HeadlightError;
  }
  throw new Error('it was not stopped');
}

function expectSameBits(a: FinetuneResult, b: FinetuneResult): void {
  expect([...a.trained.keys()]).toEqual([...b.trained.keys()]);
  for (const [name, values] of a.trained) {
    const other = b.trained.get(name)!;
    const bits = (x: Float32Array) => new Uint32Array(x.buffer, x.byteOffset, x.length);
    expect(Buffer.compare(Buffer.from(bits(values)), Buffer.from(bits(other))), name).toBe(0);
    expect(values).toEqual(other);
  }
}

describe('a fine-tune', () => {
  test('learns, tells of every step, and keeps the best', async () => {
    const told: Progress[] = [];
    const result = await finish(
      finetune(
        request({
          data: { ...request().data, train: smallTexts(200, 1) },
          settings: { ...SETTINGS, learning_rate: 0.04, num_train_epochs: 12 },
        }),
      ),
      (progress) => told.push(progress),
    );
    const points = told.flatMap(({ training }) => training?.points ?? []);
    expect(points).toEqual(result.history);
    const evaluations = result.history.filter(({ evaluation }) => evaluation !== null);
    expect(evaluations.map(({ epoch }) => epoch)).toEqual(
      Array.from({ length: 12 }, (_, i) => i + 1),
    );
    expect(evaluations.at(-1)!.evaluation!.accuracy).toBeGreaterThan(0.9);
    const losses = evaluations.map(({ evaluation }) => evaluation!.loss);
    const best = losses.indexOf(Math.min(...losses));
    expect(result.step).toBe(evaluations[best]!.step);
    expect(result).toMatchObject({ steps: 300, ended: 'finished', resumedAtStep: null });
    expect(told.at(-1)).toMatchObject({ done: 300, total: 300, secondsLeft: 0 });
    expect(told.at(-1)!.training).toMatchObject({ bestStep: result.step, savedStep: 300 });
    // Each curve point averages all steps since the one before.
    expect(points[0]!.loss).toBeGreaterThan(points.at(-1)!.loss!);
  });

  test('what is kept is the model that was evaluated', async () => {
    const one = request();
    const result = await finish(finetune(one));
    const logits = await finish(
      predictLogits({
        model: one.model,
        trained: result.trained,
        sequences: one.data.validation,
        padId: 0,
        device: 'cpu',
        runtime,
        batchSize: 7,
      }),
    );
    const right = one.data.validation.filter(
      ({ target }, row) => logits[row]!.indexOf(Math.max(...logits[row]!)) === target,
    );
    const { evaluation } = result.history.find(
      (point) => point.step === result.step && point.evaluation !== null,
    )!;
    expect(right.length / logits.length).toBe(evaluation!.accuracy);
  });

  test('the model that was handed in is not changed', async () => {
    const one = request({ settings: { ...SETTINGS, max_steps: 3 } });
    const before = [...one.model.parameters.values()].map(({ values }) => values.data.slice());
    await finish(finetune(one));
    expect([...one.model.parameters.values()].map(({ values }) => values.data)).toEqual(before);
  });

  test('one batch of all rows moves as many accumulated ones do', async () => {
    const model = smallModel({ dropout: 0 });
    const whole = {
      ...SETTINGS,
      eval_strategy: 'no',
      save_strategy: 'no',
      load_best_model_at_end: false,
      max_steps: 4,
    } as const;
    const results: FinetuneResult[] = [];
    for (const [size, times] of [
      [46, 1],
      [8, 6],
    ] as const) {
      const settings = {
        ...whole,
        per_device_train_batch_size: size,
        gradient_accumulation_steps: times,
      };
      results.push(await finish(finetune(request({ model, settings }))));
    }
    for (const [name, values] of results[0]!.trained) {
      const other = results[1]!.trained.get(name)!;
      values.forEach((value, i) => expect(Math.abs(value - other[i]!)).toBeLessThan(2e-5));
    }
  });

  test('early stopping ends after evaluations that are not better', async () => {
    const settings = {
      ...SETTINGS,
      learning_rate: 0.3,
      num_train_epochs: 40,
      early_stopping_patience: 2,
    };
    const result = await finish(finetune(request({ settings })));
    expect(result.ended).toBe('early_stopping');
    const evaluations = result.history.filter(({ evaluation }) => evaluation !== null);
    const best = evaluations.findIndex(({ step }) => step === result.step);
    expect(evaluations.length).toBe(best + 3);
  });

  test('evaluations every so many steps', async () => {
    const settings = {
      ...SETTINGS,
      eval_strategy: 'steps',
      save_strategy: 'steps',
      eval_steps: 4,
    } as const;
    const { history } = await finish(finetune(request({ settings })));
    const steps = history.filter(({ evaluation }) => evaluation !== null).map(({ step }) => step);
    expect(steps).toEqual([4, 8, 12, 16]);
  });

  test('tokens: a class a token, entities as F1', async () => {
    const tags = ['O', 'B-X', 'I-X'];
    const texts = (seed: number) =>
      smallTexts(40, seed).map(({ ids }) => ({
        ids,
        types: null,
        target: Int32Array.from(ids, (id, i) =>
          i === 0 ? -100 : id % 7 === 0 ? 1 : id % 7 === 1 ? 2 : 0,
        ),
      }));
    const { history } = await finish(
      finetune(
        request({
          model: smallModel({ task: 'token' }),
          data: { train: texts(1), validation: texts(2), padId: 0, classes: tags },
          settings: { ...SETTINGS, num_train_epochs: 50 },
          loss: { name: 'cross_entropy', classWeights: null },
        }),
      ),
    );
    const last = history.filter(({ evaluation }) => evaluation !== null).at(-1)!.evaluation!;
    expect(last.accuracy).toBeGreaterThan(0.95);
    expect(last.f1).toBeGreaterThan(0.9);
  });

  test('several labels, soft labels and pairs are learnt too', async () => {
    const rows = smallTexts(40, 1);
    const shares = rows.map(({ ids, target }) => ({
      ids,
      types: null,
      target: Float32Array.from([0, 1, 2], (c) => (c === target ? 1 : 0)),
    }));
    const pairs = rows.map(({ ids, target }, row) => ({
      ids,
      types: null,
      target: target === rows[row ^ 1]!.target ? 1 : 0,
    }));
    for (const [loss, train, task] of [
      [{ name: 'binary_cross_entropy' }, shares, 'text'],
      [{ name: 'distillation', temperature: 2 }, shares, 'text'],
      [{ name: 'cosine_similarity' }, pairs, 'embedding'],
    ] as const) {
      const { history } = await finish(
        finetune(
          request({
            model: smallModel({ task, dropout: 0 }),
            data: { train, validation: train, padId: 0, classes: [] },
            settings: { ...SETTINGS, learning_rate: 0.05, num_train_epochs: 40 },
            loss,
          }),
        ),
      );
      const evaluations = history.flatMap(({ evaluation }) => evaluation ?? []);
      expect(evaluations.at(-1)!.loss, loss.name).toBeLessThan(0.5 * evaluations[0]!.loss);
      expect(evaluations.at(-1)!.accuracy, loss.name).toBeGreaterThan(0.9);
    }
  });
});

describe('a training that was stopped', () => {
  test.each([1, 5, 6, 7, 12, 17])(
    'after step %i of 18 goes on and ends with the same bits',
    async (steps) => {
      const undisturbed = await finish(finetune(request()));
      const one = request();
      const stopped = await stopAfter(one, steps);
      expect(stopped.code).toBe('aborted');
      const unfinished = await readUnfinished(one.storage, one.scope);
      expect(unfinished).toMatchObject({ step: steps, steps: 18, identity: 'this one' });
      expect(unfinished!.hasBest).toBe(steps >= 6);
      // A fresh request, as after a reload: nothing but storage is shared.
      const result = await finish(finetune(request({ storage: one.storage })));
      expect(result.resumedAtStep).toBe(steps);
      expect(result.step).toBe(undisturbed.step);
      expectSameBits(result, undisturbed);
      const evaluated = (one: FinetuneResult) =>
        one.history
          .filter(({ evaluation }) => evaluation !== null)
          .map(({ step, evaluation }) => [step, evaluation]);
      expect(evaluated(result)).toEqual(evaluated(undisturbed));
    },
  );

  test('may be stopped many times', async () => {
    const undisturbed = await finish(finetune(request()));
    const one = request();
    for (const steps of [2, 3, 1, 4]) await stopAfter(one, steps);
    const result = await finish(finetune(one));
    expect(result.resumedAtStep).toBe(10);
    expectSameBits(result, undisturbed);
  });

  test('is not gone on with when it was another training, and that is said', async () => {
    const one = request();
    await stopAfter(one, 5);
    const notes: string[] = [];
    const result = await finish(finetune({ ...one, identity: 'another' }), ({ note }) => {
      if (note !== undefined) notes.push(note);
    });
    expect(result.resumedAtStep).toBeNull();
    expect(notes.join()).toContain('another training');
    expect(await readUnfinished(one.storage, one.scope)).toMatchObject({ identity: 'another' });
  });

  test('can end there, with the best so far', async () => {
    const one = request();
    await stopAfter(one, 14);
    const result = await finish(finetune({ ...one, then: 'finish' }));
    expect(result.ended).toBe('kept');
    const bestOf = (history: FinetuneResult['history']) =>
      history
        .filter(({ step, evaluation }) => evaluation !== null && step <= 14)
        .sort((a, b) => a.evaluation!.loss - b.evaluation!.loss)[0]!.step;
    expect(result.step).toBe(bestOf(result.history));
    await expect(finish(finetune(request({ then: 'finish' })))).rejects.toThrow(
      'no unfinished fine-tune',
    );
  });

  test('a finished one is not trained again: its checkpoint stays until it is discarded', async () => {
    const one = request();
    const first = await finish(finetune(one));
    const again = await finish(finetune(one));
    expect(again.resumedAtStep).toBe(18);
    expectSameBits(again, first);
    await discardFinetune(one.storage, one.scope);
    expect(await readUnfinished(one.storage, one.scope)).toBeNull();
    expect(await one.storage.entries('checkpoints')).toEqual([]);
  });

  test('carries what the caller has put beside it', async () => {
    const one = request({ meta: { choice: ['x', 1] } });
    await stopAfter(one, 2);
    expect(await readUnfinished(one.storage, one.scope)).toMatchObject({
      meta: { choice: ['x', 1] },
    });
  });
});

describe('a kill while a checkpoint is written', () => {
  test('leaves the one before, at whichever write it happens', async () => {
    const undisturbed = await finish(finetune(request()));
    const one = request();
    await stopAfter(one, 4);
    const entries = await one.storage.entries('checkpoints');
    const kept = await Promise.all(
      entries.map(async ({ key }) => [key, (await one.storage.read('checkpoints', key))!] as const),
    );
    for (let writes = 0; writes < 3; writes++) {
      const storage = memoryStorage();
      for (const [key, bytes] of kept) await storage.write('checkpoints', key, bytes);
      let left = writes;
      const dying = {
        ...storage,
        write: async (...args: Parameters<typeof storage.write>) => {
          if (left-- <= 0) throw new Error('killed');
          await storage.write(...args);
        },
      };
      // Step 8 has passed an evaluation: values, the best, the index.
      const killed = await stopAfter({ ...one, storage: dying }, 4);
      expect(killed.message).toBe('killed');
      expect(await readUnfinished(storage, one.scope)).toMatchObject({ step: 4 });
      const result = await finish(finetune({ ...one, storage }));
      expect(result.resumedAtStep).toBe(4);
      expectSameBits(result, undisturbed);
    }
  });

  test('old checkpoints are deleted', async () => {
    const one = request();
    for (const steps of [2, 3, 4]) await stopAfter(one, steps);
    const keys = (await one.storage.entries('checkpoints')).map(({ key }) => key);
    expect(keys.filter((key) => key.endsWith('index.json'))).toHaveLength(1);
    // The index, the state, the best.
    expect(new Set(keys.map((key) => key.split('/').slice(0, 3).join('/'))).size).toBe(3);
  });

  test('a damaged one is refused with what to do', async () => {
    const one = request();
    await stopAfter(one, 4);
    const part = (await one.storage.entries('checkpoints')).find(({ key }) => key.endsWith('/0'))!;
    await one.storage.write('checkpoints', part.key, new Uint8Array(8));
    await expect(finish(finetune(one))).rejects.toMatchObject({ code: 'bad-project' });
    const index = `${one.scope}/index.json`;
    await one.storage.write('checkpoints', index, new TextEncoder().encode('{'));
    await expect(readUnfinished(one.storage, one.scope)).rejects.toMatchObject({
      code: 'bad-project',
    });
  });
});

describe('what goes wrong', () => {
  test('a loss that is not a number stops it at its step and says what to change', async () => {
    const one = request({ model: smallModel({ scale: 1e38, dropout: 0 }) });
    (one.model.parameters.get('words')!.values.data as Float32Array).fill(Infinity);
    await expect(finish(finetune(one))).rejects.toMatchObject({
      code: 'bad-setting',
      message: expect.stringContaining('step 1') as string,
      hint: expect.stringContaining('learning_rate') as string,
    });
  });

  test.each([
    ['failed to allocate memory for requested buffer of size 1', 'enough memory', 'LoRA'],
    ['The GPU device was lost.', 'lost', 'Reload the page'],
  ])('"%s" keeps the last good step', async (message, said, hint) => {
    const one = request();
    let runs = 0;
    const failing: OnnxRuntime = {
      ...runtime,
      async createSession(model, options) {
        const session = await runtime.createSession(model, options);
        return {
          inputNames: session.inputNames,
          outputNames: session.outputNames,
          run: async (feeds) => {
            if (session.outputNames.includes('loss') && ++runs === 10)
              throw new HeadlightError('device', message, { hint: 'Use the device cpu.' });
            return session.run(feeds);
          },
          runKeeping: (feeds) => session.runKeeping(feeds),
          release: () => session.release(),
        };
      },
    };
    await expect(finish(finetune({ ...one, runtime: failing }))).rejects.toMatchObject({
      code: 'device',
      message: expect.stringContaining('Training stopped at step 5') as string,
      hint: expect.stringContaining(hint) as string,
    });
    await expect(finish(finetune({ ...one, runtime: failing }))).resolves.toMatchObject({
      resumedAtStep: 4,
    });
    expect(said).not.toBe('');
  });

  test('no room for a checkpoint: training goes on and says so', async () => {
    const storage = memoryStorage();
    storage.quota = 100;
    const notes: string[] = [];
    const result = await finish(finetune(request({ storage })), ({ note }) => {
      if (note !== undefined) notes.push(note);
    });
    expect(result.ended).toBe('finished');
    expect(notes.join()).toContain('no room for a checkpoint');
  });

  test('evaluation without rows, and texts that are too long, are refused at once', () => {
    const one = request();
    expect(() => finetune({ ...one, data: { ...one.data, validation: [] } })).toThrow(
      'eval_strategy',
    );
    const long = { ids: Array.from({ length: 33 }, () => 1), types: null, target: 0 };
    expect(() => finetune({ ...one, data: { ...one.data, train: [long] } })).toThrow('33 tokens');
    expect(() => finetune({ ...one, data: { ...one.data, train: [] } })).toThrow('no rows');
  });
});
