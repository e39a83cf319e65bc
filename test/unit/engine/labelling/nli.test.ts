/**
 * Promise: the zero-shot teacher scores as transformers' zero-shot-classification pipeline (test/reference/labelling/
 * nli.py): every architecture's pairs, any order of labels, one label and several, premises that are cut. It asks no
 * pair twice, and says plainly what it cannot use.
 */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { finish, toHeadlightError, type HeadlightError, type Job } from '../../../../src/base';
import { Encoders } from '../../../../src/engine/encoders';
import { estimateNli } from '../../../../src/engine/labelling/nli-estimate';
import { openNli } from '../../../../src/engine/labelling/nli-teacher';
import type { TeacherRun } from '../../../../src/engine/labelling/teacher';
import {
  LABELLING_DEFAULTS,
  type LabellingSettings,
  type NliTeacher,
} from '../../../../src/learning/labelling';
import {
  classifierModelGraph,
  safetensorsWeights,
  type EncoderReference,
} from '../../../../src/models';
import type { Feeds, OnnxRuntime, Platform } from '../../../../src/platform';
import { createNodePlatform } from '../../../../src/platform/node';
import { temporaryFolder } from '../../../helpers/temporary-folder';

type Scores = readonly (readonly (readonly number[])[])[];
interface Golden {
  readonly texts: readonly string[];
  readonly labels: readonly string[];
  readonly templates: readonly string[];
  readonly max_length: number;
  readonly models: Readonly<
    Record<
      string,
      {
        readonly classes: readonly string[];
        readonly pipeline: boolean;
        readonly one: Scores;
        readonly several: Scores;
        readonly single: Scores | null;
      }
    >
  >;
}

const folder = new URL('../../../reference/labelling/', import.meta.url);
const golden = JSON.parse(readFileSync(new URL('nli.json', folder), 'utf8')) as Golden;
const FILES = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];
const TOLERANCE = 1e-4;

let platform: Platform;
/** Rows of every batch that was run. */
let rowsRun: number[] = [];
const references = new Map<string, EncoderReference>();

beforeAll(async () => {
  platform = counting(await createNodePlatform({ home: await temporaryFolder() }));
  for (const name of Object.keys(golden.models)) references.set(name, await added(name));
});

async function added(name: string, config: object = {}): Promise<EncoderReference> {
  const files = FILES.map((file) => {
    const bytes = new Uint8Array(readFileSync(new URL(`nli/${name}/${file}`, folder)));
    if (file !== 'config.json') return { name: file, bytes };
    const json = { ...(JSON.parse(new TextDecoder().decode(bytes)) as object), ...config };
    return { name: file, bytes: new TextEncoder().encode(JSON.stringify(json)) };
  });
  const entry = await finish(new Encoders(platform).addFolder(name, files, 'fp32'));
  return entry.info.reference;
}

/** The platform, whose sessions tell what they are fed. */
function counting(inner: Platform): Platform {
  const runtime: OnnxRuntime = {
    version: inner.runtime.version,
    devices: () => inner.runtime.devices(),
    toDevice: (tensor, device) => inner.runtime.toDevice(tensor, device),
    async createSession(model, options) {
      const session = await inner.runtime.createSession(model, options);
      return {
        inputNames: session.inputNames,
        outputNames: session.outputNames,
        run(feeds: Feeds) {
          rowsRun.push(feeds['input_ids']?.dims[0] ?? 0);
          return session.run(feeds);
        },
        runKeeping: (feeds) => session.runKeeping(feeds),
        release: () => session.release(),
      };
    },
  };
  return { ...inner, runtime };
}

function settings(several = false, labels = golden.labels): LabellingSettings {
  const classes = labels.map((name) => ({ name, description: '', examples: [] }));
  return { ...LABELLING_DEFAULTS, classes, several, teachers: [] };
}

function runOf(asked: LabellingSettings): TeacherRun {
  return {
    project: 'p',
    platform,
    encoders: new Encoders(platform),
    settings: asked,
    device: 'cpu',
  };
}

function teacher(name: string, changes: Partial<NliTeacher> = {}): NliTeacher {
  const encoder = references.get(name);
  if (encoder === undefined) throw new Error(`no model ${name}`);
  const { templates, max_length } = golden;
  return { kind: 'nli', encoder, templates, max_length, ...changes };
}

/** [texts][classes] */
async function votes(
  run: TeacherRun,
  asked: NliTeacher,
  texts: readonly string[] = golden.texts,
): Promise<number[][]> {
  const open = await finish(openNli(run, asked));
  try {
    const flat = await finish(open.vote(texts));
    const classes = run.settings.classes.length;
    return texts.map((_, row) => [...flat.subarray(row * classes, (row + 1) * classes)]);
  } finally {
    await open.close();
  }
}

function largestDifference(found: Scores[number], expected: Scores[number]): number {
  const pairs = expected.flatMap((row, r) =>
    row.map((value, k) => Math.abs(value - (found[r]?.[k] ?? NaN))),
  );
  return pairs.some(Number.isNaN) ? Infinity : Math.max(...pairs);
}

async function refused(job: Job<unknown>): Promise<HeadlightError> {
  return finish(job).then(
    () => {
      throw new Error('nothing was thrown');
    },
    (error: unknown) => toHeadlightError(error),
  );
}

describe.each(Object.entries(golden.models))('%s', (name, expected) => {
  it.each(['one', 'several'] as const)('scores %s label as the pipeline', async (kind) => {
    for (const [t, template] of golden.templates.entries()) {
      const asked = teacher(name, { templates: [template] });
      const found = await votes(runOf(settings(kind === 'several')), asked);
      expect(largestDifference(found, expected[kind][t] ?? []), template).toBeLessThan(TOLERANCE);
    }
  });

  it('averages templates', async () => {
    const found = await votes(runOf(settings()), teacher(name));
    const mean = golden.texts.map((_, row) =>
      golden.labels.map(
        (_, k) =>
          expected.one.reduce((sum, one) => sum + (one[row]?.[k] ?? NaN), 0) / expected.one.length,
      ),
    );
    expect(largestDifference(found, mean)).toBeLessThan(TOLERANCE);
  });

  it('asks of a single label whether it fits, as of several', async () => {
    // Where the pipeline takes “neutral” for contradiction there is nothing to compare with.
    expect(expected.single === null).toBe(!expected.pipeline);
    if (expected.single === null) return;
    const [template = ''] = golden.templates;
    const asked = teacher(name, { templates: [template] });
    const found = await votes(runOf(settings(false, golden.labels.slice(0, 1))), asked);
    expect(largestDifference(found, expected.single[0] ?? [])).toBeLessThan(TOLERANCE);
  });
});

describe('an exported graph', () => {
  /** As exporters write it: the checkpoint is not there, `logits` is an output. */
  async function exported(name: string): Promise<EncoderReference> {
    const read = (file: string): Uint8Array =>
      new Uint8Array(readFileSync(new URL(`nli/${name}/${file}`, folder)));
    const config = read('config.json');
    const model = classifierModelGraph(
      { config, weights: safetensorsWeights(read('model.safetensors')) },
      { task: 'text', head: 'stock', classes: golden.models[name]?.classes.length ?? 0 },
    );
    const files = [
      ...FILES.filter((file) => file !== 'model.safetensors').map((file) => ({
        name: file,
        bytes: read(file),
      })),
      { name: 'onnx/model.onnx', bytes: model },
    ];
    const encoders = new Encoders(platform);
    return (await finish(encoders.addFolder(`${name}-onnx`, files, 'fp32'))).info.reference;
  }

  it.each(['roberta', 'deberta-v2', 'bert'])('of %s scores as the pipeline', async (name) => {
    const encoder = await exported(name);
    const [template = ''] = golden.templates;
    const asked = teacher(name, { encoder, templates: [template] });
    const found = await votes(runOf(settings(true)), asked);
    const expected = golden.models[name]?.several[0] ?? [];
    expect(largestDifference(found, expected)).toBeLessThan(TOLERANCE);
  });
});

describe('what is asked', () => {
  const pairsRun = (): number => rowsRun.reduce((sum, rows) => sum + rows, 0);

  it('is no pair twice: neither a text nor a hypothesis that comes again', async () => {
    const asked = teacher('bert', { templates: [...golden.templates, ...golden.templates] });
    const open = await finish(openNli(runOf(settings()), asked));
    const distinct = new Set(golden.texts).size;
    expect(distinct).toBeLessThan(golden.texts.length);
    rowsRun = [];
    const first = await finish(open.vote(golden.texts));
    expect(pairsRun()).toBe(distinct * golden.labels.length * golden.templates.length);
    rowsRun = [];
    expect(await finish(open.vote(golden.texts))).toEqual(first);
    expect(pairsRun()).toBe(0);
    await open.close();
  });

  it('is stopped between batches, and the teacher can be asked again', async () => {
    const open = await finish(openNli(runOf(settings()), teacher('bert')));
    const stop = new AbortController();
    const many = Array.from({ length: 200 }, (_, at) => `text ${at} of many`);
    const job = open.vote(many, stop.signal);
    await job.next();
    await job.next();
    stop.abort();
    expect((await refused(job)).code).toBe('aborted');
    expect(await finish(open.vote(many.slice(0, 1)))).toHaveLength(golden.labels.length);
    await open.close();
  });

  it('is told in time: what it takes here, and for a person in a hurry what else there is', async () => {
    const estimate = await finish(estimateNli(runOf(settings()), teacher('bert'), golden.texts));
    expect(estimate.texts_per_second).toBeGreaterThan(1);
    expect(estimate.seconds).toBeCloseTo(new Set(golden.texts).size / estimate.texts_per_second, 6);
    expect(estimate.device).toBe('cpu');
    expect(estimate.advice.join(' ')).not.toContain('headlight label');
    const run = {
      ...runOf(settings()),
      platform: { ...platform, kind: 'web', memoryBytes: 1e5 },
    } as const;
    const tight = await finish(estimateNli(run, teacher('bert'), golden.texts));
    expect(tight.seconds).toBe(Infinity);
    expect(tight.advice.join(' ')).toMatch(/memory.*npx headlight label .*positive,negative/);
  });
});

describe('what cannot be used is refused', () => {
  it('names the labels of a model that is no NLI model', async () => {
    const names = { 0: 'bad', 1: 'middling', 2: 'good' };
    const encoder = await added('bert', { id2label: names, label2id: null });
    const error = await refused(openNli(runOf(settings()), teacher('bert', { encoder })));
    expect(error.code).toBe('bad-setting');
    expect(error.message).toMatch(/“bad”, “middling”, “good”/);
  });

  it('reads label2id as transformers does, where id2label and architectures say nothing', async () => {
    const label2id = { ENTAILMENT: 0, NEUTRAL: 1, CONTRADICTION: 2 };
    const id2label = { 0: 'LABEL_0', 1: 'LABEL_1', 2: 'LABEL_2' };
    const encoder = await added('bert', { id2label, label2id, architectures: null });
    const [template = ''] = golden.templates;
    const asked = teacher('bert', { encoder, templates: [template] });
    const found = await votes(runOf(settings(true)), asked);
    const expected = golden.models['bert']?.several[0] ?? [];
    expect(largestDifference(found, expected)).toBeLessThan(TOLERANCE);
  });

  it('says which hypothesis leaves no room, and which length a model cannot read', async () => {
    const long = [{ name: 'a', description: 'very '.repeat(80), examples: [] }];
    const open = await finish(openNli(runOf({ ...settings(), classes: long }), teacher('bert')));
    const error = await refused(open.vote(['text']));
    expect(error.code).toBe('bad-setting');
    expect(error.message).toContain('“This example is very very');
    await open.close();
    const tooLong = await refused(openNli(runOf(settings()), teacher('bert', { max_length: 65 })));
    expect(tooLong.message).toContain('64');
  });

  it('does not take a device that is not here', async () => {
    const run: TeacherRun = { ...runOf(settings()), device: 'cuda' };
    const open = await finish(openNli(run, teacher('bert')));
    expect((await refused(open.vote(['text']))).code).toBe('device');
    await open.close();
  });
});
