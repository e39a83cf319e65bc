/**
 * Promise: LoRA over a base that lies on the disk gives the run that it gives over the same base in memory, and keeps
 * adapter and head alone: it is reported, predicts, leaves as an adapter and travels; where memory is short,
 * activations are computed twice, and the run says so.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { finish, HeadlightError } from '../../../src/base';
import { classifierArchive, createEngine, type Engine, type RunView } from '../../../src/engine';
import { readSafetensors } from '../../../src/models';
import type { Platform } from '../../../src/platform';
import { createNodePlatform } from '../../../src/platform/node';
import { classFigures } from '../../../src/project';
import { temporaryFolder } from '../../helpers/temporary-folder';
import { TINY_LORA } from '../../helpers/tiny-lora';
import { tinyModelFiles, TINY_WORDS } from '../../helpers/tiny-model';

/** Wide enough that its matrices are worth files. */
const MODEL = tinyModelFiles({ hidden: 128, layers: 1 });
const TEXTS = ['a great film not', 'the poor cat sat on'];

interface Trained {
  readonly platform: Platform;
  readonly engine: Engine;
  readonly project: string;
  readonly run: RunView;
}

async function train(change: Partial<Platform>): Promise<Trained> {
  const found = await createNodePlatform({ home: await temporaryFolder() });
  const platform = { ...found, ...change };
  const engine = createEngine(platform);
  const lines = Array.from({ length: 60 }, (_, row) => {
    const word = (at: number): string => TINY_WORDS[(row * 7 + at * 3) % 8] ?? 'the';
    return `${word(1)} ${row % 3 === 0 ? 'poor' : 'great'} ${word(2)} ${row},${row % 3 === 0 ? 'blame' : 'praise'}`;
  });
  const bytes = new TextEncoder().encode(`text,label\n${lines.join('\n')}\n`);
  const { id } = await finish(engine.createProject([{ name: 'reviews.csv', bytes }]));
  const { info } = await finish(engine.addFolderEncoder('wide', MODEL, 'fp32'));
  const run = await finish(
    engine.finetune(id, {
      encoder: info.reference,
      device: 'cpu',
      settings: TINY_LORA,
      baselines: false,
    }),
  );
  return { platform, engine, project: id, run };
}

let memory: Trained;
let disk: Trained;
beforeAll(async () => {
  memory = await train({});
  disk = await train({ largeBytes: 1000, memoryBytes: 2e6 });
});

describe('LoRA over a base on the disk', () => {
  it('gives the figures of the base in memory', () => {
    const [here, there] = [memory, disk].map(({ run }) => classFigures(run.record));
    for (const part of ['train', 'test'] as const) {
      expect(there?.[part].confusion_matrix).toEqual(here?.[part].confusion_matrix);
      expect(there?.[part].log_loss).toBeCloseTo(here?.[part].log_loss ?? NaN, 5);
    }
  });

  it('keeps the adapter alone, and says what it did for want of memory', async () => {
    const names = async ({ platform, project, run }: Trained): Promise<string[]> => {
      const prefix = `${project}/${run.id}/model/`;
      const entries = await platform.storage.entries('runs', prefix);
      return entries.map(({ key }) => key.slice(prefix.length));
    };
    expect(await names(memory)).toContain('model.safetensors');
    expect(await names(disk)).not.toContain('model.safetensors');
    expect(await names(disk)).toContain('adapter_model.safetensors');
    const { record, recipe } = disk.run;
    if (record.method !== 'finetune' || recipe.method !== 'finetune') throw new Error('no run');
    expect(record.finetune.fit.adapter_alone).toBe(true);
    const notes = record.encoder.notes.join(' ');
    expect(notes).toMatch(/too large to be merged/);
    expect(notes).toMatch(/gradient_checkpointing was switched on/);
    expect(recipe.finetune.gradient_checkpointing).toBe(false);
    expect(memory.run.record.encoder.notes.join(' ')).not.toMatch(/switched on/);
  });

  it('predicts what the merged model predicts, also after a restart', async () => {
    const merged = await memory.engine.predictTexts(memory.project, memory.run.id, TEXTS);
    const again = createEngine(disk.platform);
    for (const engine of [disk.engine, again]) {
      const { probabilities } = await engine.predictTexts(disk.project, disk.run.id, TEXTS);
      probabilities.flat().forEach((value, i) => {
        expect(Math.abs(value - (merged.probabilities.flat()[i] ?? NaN))).toBeLessThan(1e-4);
      });
    }
  });

  it('stays open while someone types, and takes several questions at once', async () => {
    let made = 0;
    const { runtime } = disk.platform;
    const counting: Platform = {
      ...disk.platform,
      runtime: {
        version: runtime.version,
        devices: () => runtime.devices(),
        toDevice: (tensor, device) => runtime.toDevice(tensor, device),
        createSession: (model, options) => {
          made += 1;
          return runtime.createSession(model, options);
        },
      },
    };
    const engine = createEngine(counting);
    const asked = (text: string) => engine.predictTexts(disk.project, disk.run.id, [text]);
    const one = await asked('a great film');
    const first = made;
    expect(first).toBeGreaterThan(0);
    expect((await asked('a great film')).probabilities).toEqual(one.probabilities);
    await asked('the poor cat');
    expect(made).toBe(first);
    // Of as many lengths as to need more shapes than are kept.
    const words = [3, 11, 19, 27, 35].map((count) => Array(count).fill('great').join(' '));
    const together = await Promise.all(words.map(asked));
    for (const [at, text] of words.entries())
      expect((await asked(text)).probabilities).toEqual(together[at]?.probabilities);
  });

  it('leaves as PEFT’s adapter, and refuses what would merge it', async () => {
    const zip = await finish(disk.engine.export(disk.project, disk.run.id, 'adapter'));
    const files = classifierArchive(zip.bytes, zip.name);
    const { tensors } = readSafetensors(files.get('adapter_model.safetensors')!);
    expect([...tensors.keys()].every((name) => /lora_[AB]|classifier|pooler/.test(name))).toBe(
      true,
    );
    const refused = await finish(
      disk.engine.export(disk.project, disk.run.id, 'huggingface'),
    ).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(HeadlightError);
    expect(String((refused as HeadlightError).hint)).toContain('adapter');
  });

  it('travels in a project, without the base', async () => {
    const zip = await finish(disk.engine.export(disk.project, null, 'project'));
    const fresh = createEngine(await createNodePlatform({ home: await temporaryFolder() }));
    const opened = await finish(fresh.importProject({ name: zip.name, bytes: zip.bytes }));
    expect(opened.runs).toEqual([disk.run]);
  });
});
