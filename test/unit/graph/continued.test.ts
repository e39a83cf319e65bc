/** A model that is continued: its values are typed, more nodes are added, and what nothing needs goes. */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import {
  attribute,
  GraphBuilder,
  inferTypes,
  withoutDeadCode,
  writeModel,
  type Model,
} from '../../../src/graph/onnx';

function small(): Model {
  const g = new GraphBuilder({ name: 'small' });
  const x = g.input('x', 'float32', [2, 3]);
  const unused = g.input('unused', 'float32', [3]);
  g.output(g.add('Mul', [x, g.constant('float32', [3], Float32Array.of(1, 2, 3))]), 'product');
  g.output(g.add('Add', [x, unused]), 'sum');
  return g.build();
}

describe('a continued model', () => {
  test('keeps its nodes and outputs, and gains more', async () => {
    const g = GraphBuilder.from(small(), { prefix: 'more/' });
    const product = g.value('product');
    expect(product).toMatchObject({ elementType: 'float32', dims: [2, 3] });
    const total = g.add('ReduceSum', [product, g.integers(0, 1)], { keepdims: attribute.int(0) });
    g.output(total, 'total');
    const session = await InferenceSession.create(writeModel(g.build()));
    expect(session.outputNames).toEqual(['product', 'sum', 'total']);
    const outputs = await session.run({
      x: new Tensor('float32', Float32Array.of(1, 1, 1, 2, 2, 2), [2, 3]),
      unused: new Tensor('float32', new Float32Array(3), [3]),
    });
    expect(Array.from(outputs['total']!.data as Float32Array)).toEqual([18]);
    await session.release();
  });

  test('is of the opset that the builder writes, or refused', () => {
    const old = { ...small(), opsets: [{ domain: '', version: 11 }] };
    expect(() => GraphBuilder.from(old)).toThrow('The graph is of opset 11, not 17.');
  });

  test('has no value that nothing makes', () => {
    expect(() => GraphBuilder.from(small()).value('nothing')).toThrow('it has no value "nothing"');
  });
});

test('types are known before anything runs, statistics of a normalisation included', () => {
  const g = new GraphBuilder({ name: 'types' });
  const x = g.input('x', 'float32', [2, 3, 8]);
  const scale = g.input('scale', 'float32', [8]);
  const [y, mean] = g.addAll('LayerNormalization', [x, scale], {}, '', 3);
  g.output(y!, 'y');
  g.output(mean!, 'mean');
  const types = inferTypes(g.build());
  expect(types.get('y')?.dims).toEqual([2, 3, 8]);
  expect(types.get('mean')?.dims).toEqual([2, 3, 1]);
});

test('a node that uses what nothing makes is named', () => {
  const model = small();
  const [first, ...rest] = model.graph.nodes;
  const nodes = [{ ...first!, inputs: ['x', 'lost'] }, ...rest];
  expect(() => inferTypes({ ...model, graph: { ...model.graph, nodes } })).toThrow(
    'The node Mul_0 (Mul) uses lost, which nothing makes.',
  );
});

test('dead code goes: nodes, inputs and constants that no output needs', () => {
  const model = small();
  const outputs = model.graph.outputs.filter(({ name }) => name === 'sum');
  const { graph } = withoutDeadCode({ ...model, graph: { ...model.graph, outputs } });
  expect(graph.nodes.map(({ opType }) => opType)).toEqual(['Add']);
  expect(graph.initializers).toEqual([]);
  expect(graph.inputs.map(({ name }) => name)).toEqual(['x', 'unused']);
});
