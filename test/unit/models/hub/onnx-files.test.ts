/**
 * Promise: of a model that has only exported graphs the one of the precision asked for is taken, with the files that
 * hold its weights; what is missing is named with what there is; nothing a graph says of other files is believed.
 */
import { describe, expect, it } from 'vitest';
import { finish, HeadlightError } from '../../../../src/base';
import { externalFiles, readModel, writeModel, type Model } from '../../../../src/graph/onnx';
import {
  addFolder,
  chooseWeightFiles,
  openEmbedder,
  type Encoder,
  type ModelFile,
} from '../../../../src/models';
import { createNodeRuntime } from '../../../../src/platform/node/runtime';
import { asUnknownArchitecture, exportedModelFiles } from '../../../helpers/exported-model';
import { intoExternal, type Places } from '../../../helpers/external-data';
import { tinyTexts } from '../../../helpers/tiny-model';

const HUB = [
  'config.json',
  'tokenizer.json',
  'onnx/model.onnx',
  'onnx/model.onnx_data',
  'onnx/model_fp16.onnx',
  'onnx/model_quantized.onnx',
  'onnx/model_uint8.onnx',
  'onnx/model_q4.onnx',
  'onnx/model_q4.onnx_data',
  'onnx/model_q4.onnx_data_1',
  'onnx/model_q4f16.onnx',
];

describe('the file of a precision', () => {
  it.each([
    ['fp32', ['onnx/model.onnx', 'onnx/model.onnx_data']],
    ['fp16', ['onnx/model_fp16.onnx']],
    ['q8', ['onnx/model_quantized.onnx']],
    ['q4', ['onnx/model_q4.onnx', 'onnx/model_q4.onnx_data', 'onnx/model_q4.onnx_data_1']],
  ] as const)('%s', (precision, files) => {
    expect(chooseWeightFiles(HUB, precision, 'owner/name')).toEqual({ format: 'onnx', files });
  });

  it.each([
    ['model_int8.onnx', 'q8'],
    ['onnx/model_uint8.onnx', 'q8'],
    ['onnx/model_qint8_avx512_vnni.onnx', 'q8'],
    ['onnx/model_q4f16.onnx', 'q4'],
    ['onnx/model_bnb4.onnx', 'q4'],
    ['onnx/model_O3.onnx', 'fp32'],
  ] as const)('%s alone is the one of %s', (name, precision) => {
    const names = ['config.json', name];
    expect(chooseWeightFiles(names, precision, 'x').files).toEqual([name]);
  });

  it('is one of more bits where the asked one is missing, of which fewer may be made', () => {
    expect(chooseWeightFiles(['model.onnx'], 'q8', 'x').files).toEqual(['model.onnx']);
    expect(chooseWeightFiles(['model_fp16.onnx'], 'q4', 'x').files).toEqual(['model_fp16.onnx']);
  });

  it('is never one of fewer bits: what there is, is named', () => {
    const names = ['onnx/model_quantized.onnx', 'onnx/model_q4.onnx'];
    expect(() => chooseWeightFiles(names, 'fp32', 'owner/name')).toThrow(
      expect.objectContaining({
        code: 'bad-setting',
        message:
          'owner/name has no ONNX file in fp32, but in q8 (onnx/model_quantized.onnx), q4 (onnx/model_q4.onnx).',
        hint: 'Choose the precision q8 or q4.',
      }) as Error,
    );
  });

  it('a checkpoint comes before all exports', () => {
    const names = [...HUB, 'model.safetensors'];
    expect(chooseWeightFiles(names, 'q4', 'x').files).toEqual(['model.safetensors']);
  });
});

const runtime = createNodeRuntime();

async function embedded(encoder: Encoder): Promise<Float32Array> {
  const embed = { layer: 1, pooling: 'mean', normalize: false, maxTokens: 24 } as const;
  const embedder = await openEmbedder({ encoder, embed, device: 'cpu', runtime });
  const { data } = await embedder.embed(tinyTexts(5));
  await embedder.close();
  return data;
}

const open = (files: readonly ModelFile[]): Promise<Encoder> =>
  finish(addFolder(null, 'export', files, 'fp32'));

/** The tiny export with its weights in files beside it. */
function withExternal(name: string, fileOf: (tensor: number) => string): ModelFile[] {
  return asUnknownArchitecture(exportedModelFiles('plain', name)).flatMap((file) => {
    if (file.name !== name) return [file];
    const folder = name.slice(0, name.lastIndexOf('/') + 1);
    const { graph, files } = intoExternal(file.bytes, fileOf);
    return [
      { name, bytes: graph },
      ...[...files].map(([one, bytes]) => ({ name: folder + one, bytes })),
    ];
  });
}

describe('weights in files beside the graph', () => {
  it.each([
    ['onnx/model.onnx', 'model.onnx_data', 1],
    ['model.onnx', 'model.onnx.data', 1],
    ['onnx/model.onnx', 'weights/part', 3],
  ])('%s with %s', async (graph, data, count) => {
    const files = withExternal(graph, (tensor) =>
      count === 1 ? data : `${data}${tensor % count}`,
    );
    expect(files).toHaveLength(exportedModelFiles('plain').length + count);
    const found = await open(files);
    const wanted = await open(asUnknownArchitecture(exportedModelFiles('plain')));
    expect(await embedded(found)).toEqual(await embedded(wanted));
    expect(found.info.layers).toBe(2);
    // Other weights beside the same graph are another encoder.
    const changed = files.map((file) =>
      file.name.endsWith(data) || file.name.endsWith(`${data}1`)
        ? { name: file.name, bytes: file.bytes.map((byte, i) => (i === 3 ? byte ^ 1 : byte)) }
        : file,
    );
    expect((await open(changed)).weightsHash).not.toBe(found.weightsHash);
  });

  it('are views into the files, not copies', () => {
    const file = exportedModelFiles('plain').find(({ name }) => name === 'model.onnx');
    const { graph, files } = intoExternal(file?.bytes ?? new Uint8Array(), () => 'w');
    expect(externalFiles(graph)).toEqual(['w']);
    const data = files.get('w');
    for (const { data: values } of readModel(graph, files).graph.initializers)
      if (values.byteLength > 64) expect(values.buffer).toBe(data?.buffer);
  });

  it('a file that is not there is named', async () => {
    const files = withExternal('onnx/model.onnx', () => 'model.onnx_data');
    await expect(open(files.filter(({ name }) => !name.endsWith('_data')))).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringContaining('onnx/model.onnx_data') as string,
    });
  });

  const places: readonly (readonly [string, Places, RegExp])[] = [
    ['/etc/passwd', { location: '/etc/passwd' }, /no name of a file beside/],
    ['one that leads out', { location: '../model.onnx_data' }, /no name of a file beside/],
    ['one that leads out further in', { location: 'a/../../b' }, /no name of a file beside/],
    ['a drive', { location: 'C:\\weights' }, /no name of a file beside/],
    ['an address', { location: 'https://elsewhere/weights' }, /no name of a file beside/],
    ['none', { location: '' }, /no name of a file beside/],
    ['a length that lies', { length: '12' }, /takes \d+ bytes by its shape, but 12/],
    ['an offset past the end', { offset: '99999999' }, /but the file has/],
    ['an offset below 0', { offset: '-4' }, /has the offset "-4"/],
    ['an offset that is no number', { offset: '1e9' }, /has the offset "1e9"/],
  ];
  it.each(places)('a tensor kept in %s is refused', (_, place, message) => {
    const file = exportedModelFiles('plain').find(({ name }) => name === 'model.onnx');
    const { graph, files } = intoExternal(file?.bytes ?? new Uint8Array(), () => 'w', place);
    const read = (): Model => readModel(graph, files);
    expect(read).toThrow(HeadlightError);
    expect(read).toThrow(message);
  });

  it('are written into the graph again by writeModel', () => {
    const file = exportedModelFiles('plain').find(({ name }) => name === 'model.onnx');
    const { graph, files } = intoExternal(file?.bytes ?? new Uint8Array(), () => 'w');
    const whole = writeModel(readModel(graph, files));
    expect(externalFiles(whole)).toEqual([]);
    expect(readModel(whole).graph.initializers).toEqual(
      readModel(file?.bytes ?? new Uint8Array()).graph.initializers,
    );
  });
});

describe('names that a host makes up by the hundred thousand', () => {
  it('of parts that belong to no whole are gone through once', () => {
    const parts = Array.from(
      { length: 60_000 },
      (_, at) => `model-00001-of-${String(at + 2).padStart(5, '0')}.safetensors`,
    );
    const names = ['model.safetensors.index.json', ...parts];
    const start = performance.now();
    expect(() => chooseWeightFiles(names, 'fp32', 'x')).toThrow(/model-00002-of-00002/);
    expect(performance.now() - start).toBeLessThan(2000);
  });
});
