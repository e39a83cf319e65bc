/**
 * ONNX Runtime's CPU has no float64 kernels of Erf and the Gelus. For tests by finite differences they
 * are put together here of what it has: erf by its Taylor series, exact to 1e-13 for |x| <= 2.
 */
import { attribute, type Model, type Node, type Tensor } from '../../src/graph/onnx';
import { makeTensor } from '../../src/graph/onnx';

const TERMS = 40;

export function withDoubleStandIns(model: Model): Model {
  const tensors: Tensor[] = [];
  const nodes: Node[] = [];
  let made = 0;
  const constant = (value: number): string => {
    const name = `stand-in/constant${made++}`;
    tensors.push(makeTensor(name, 'float64', [], Float64Array.of(value)));
    return name;
  };
  const add = (opType: string, inputs: string[], output = `stand-in/${made++}`): string => {
    nodes.push({
      name: output,
      opType,
      domain: '',
      inputs,
      outputs: [output],
      attributes: new Map(opType === 'Softmax' ? [['axis', attribute.int(-1)]] : []),
    });
    return output;
  };
  const erf = (x: string, output?: string): string => {
    const square = add('Mul', [x, x]);
    let factorial = 1;
    const terms = Array.from({ length: TERMS }, (_, n) => {
      if (n > 0) factorial *= -n;
      return 2 / Math.sqrt(Math.PI) / factorial / (2 * n + 1);
    });
    let sum = constant(terms[TERMS - 1]!);
    for (let n = TERMS - 2; n >= 0; n--)
      sum = add('Add', [add('Mul', [sum, square]), constant(terms[n]!)]);
    return add('Mul', [sum, x], output);
  };
  for (const node of model.graph.nodes) {
    const [x = '', bias] = node.inputs;
    const [y = ''] = node.outputs;
    const gate = (value: string, inner: string): void => {
      const half = add('Mul', [value, constant(0.5)]);
      add('Mul', [half, add('Add', [inner, constant(1)])], y);
    };
    if (node.opType === 'Erf') erf(x, y);
    else if (node.opType === 'Gelu') gate(x, erf(add('Mul', [x, constant(Math.SQRT1_2)])));
    else if (node.opType === 'FastGelu') {
      const value = bias === undefined ? x : add('Add', [x, bias]);
      const cube = add('Mul', [add('Mul', [value, value]), value]);
      const bent = add('Add', [value, add('Mul', [cube, constant(0.044715)])]);
      gate(value, add('Tanh', [add('Mul', [bent, constant(Math.sqrt(2 / Math.PI))])]));
    } else if (node.opType === 'QuickGelu') {
      const alpha = node.attributes.get('alpha');
      const factor = alpha?.type === 'float' ? alpha.value : 1.702;
      add('Mul', [x, add('Sigmoid', [add('Mul', [x, constant(factor)])])], y);
    } else if (node.opType === 'Softplus') {
      add('Log', [add('Add', [add('Exp', [x]), constant(1)])], y);
    } else nodes.push(node);
  }
  const { graph } = model;
  return {
    ...model,
    graph: { ...graph, nodes, initializers: [...graph.initializers, ...tensors] },
  };
}
