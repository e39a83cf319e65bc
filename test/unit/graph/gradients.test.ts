/** Gradient rules, one by one, against central finite differences in float64. */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { differentiate } from '../../../src/graph/autodiff';
import { GRADIENT_RULES } from '../../../src/graph/autodiff/rules';
import { writeModel, type Model } from '../../../src/graph/onnx';
import { withDoubleStandIns } from '../../helpers/double-stand-ins';
import { buildCase, tensorsOf, type BuiltCase } from '../../helpers/gradient-cases';
import { FUSED, GRADIENT_CASES, LOG_SOFTMAX } from '../../helpers/gradient-table';

type Feeds = Record<string, Tensor>;

function feedsOf(built: BuiltCase, type: 'float32' | 'float64'): Feeds {
  return Object.fromEntries(
    Object.entries(tensorsOf(built, type)).map(([name, { type: element, dims, data }]) => [
      name,
      new Tensor(element, data, dims),
    ]),
  );
}

async function open(model: Model): Promise<InferenceSession> {
  return InferenceSession.create(writeModel(model), { intraOpNumThreads: 1, logSeverityLevel: 3 });
}

function numbers(tensor: Tensor | undefined): Float64Array {
  return Float64Array.from(tensor?.data as Float64Array);
}

/** d loss / d every element of an input, by central differences. */
async function slopes(
  session: InferenceSession,
  feeds: Feeds,
  name: string,
): Promise<Float64Array> {
  const step = 1e-5;
  const given = feeds[name]!;
  const values = given.data as Float64Array;
  const result = new Float64Array(values.length);
  const lossAt = async (i: number, value: number): Promise<number> => {
    const moved = values.slice();
    moved[i] = value;
    const { loss } = await session.run(
      { ...feeds, [name]: new Tensor('float64', moved, given.dims) },
      ['loss'],
    );
    return numbers(loss)[0]!;
  };
  for (let i = 0; i < values.length; i++)
    result[i] =
      ((await lossAt(i, values[i]! + step)) - (await lossAt(i, values[i]! - step))) / (2 * step);
  return result;
}

function largestDifference(a: Float64Array, b: Float64Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce(
    (most, value, i) => Math.max(most, Math.abs(value - b[i]!) / Math.max(1, Math.abs(b[i]!))),
    0,
  );
}

describe('every gradient is the slope that finite differences measure, to 1e-6', () => {
  test.each([...GRADIENT_CASES, LOG_SOFTMAX].map((one) => [one.name, one] as const))(
    '%s',
    async (name, one) => {
      const built = buildCase(one, 'float64');
      const { model, gradients } = differentiate(built.model, { loss: 'loss', wrt: built.wrt });
      const session = await open(withDoubleStandIns(model));
      const feeds = feedsOf(built, 'float64');
      const outputs = await session.run(feeds);
      // A cast to float32 on the way leaves no more digits than that.
      const tolerance = name.startsWith('Cast') ? 5e-2 : 1e-6;
      for (const input of built.wrt) {
        const expected = await slopes(session, feeds, input);
        const gradient = outputs[gradients.get(input)!]!;
        expect(gradient.dims).toEqual(feeds[input]!.dims);
        expect(largestDifference(numbers(gradient), expected), input).toBeLessThan(tolerance);
      }
      await session.release();
    },
  );
});

test.each(FUSED.map((one) => [one.name, one] as const))(
  '%s, which is float32 only, to 1e-3 by finite differences of that precision',
  async (_, one) => {
    const built = buildCase(one, 'float32');
    const { model, gradients } = differentiate(built.model, { loss: 'loss', wrt: built.wrt });
    const session = await open(model);
    const feeds = feedsOf(built, 'float32');
    const outputs = await session.run(feeds);
    for (const input of built.wrt) {
      const values = feeds[input]!.data as Float32Array;
      const measured = new Float64Array(values.length);
      for (let i = 0; i < values.length; i++) {
        const at = async (value: number): Promise<number> => {
          const moved = values.slice();
          moved[i] = value;
          const moving = new Tensor('float32', moved, feeds[input]!.dims);
          return numbers((await session.run({ ...feeds, [input]: moving })).loss)[0]!;
        };
        measured[i] = (await at(values[i]! + 0.5)) - (await at(values[i]! - 0.5)); // it is linear
      }
      expect(largestDifference(numbers(outputs[gradients.get(input)!]), measured)).toBeLessThan(
        1e-3,
      );
    }
    await session.release();
  },
);

test('no gradient rule is without a case', () => {
  const covered = new Set(
    [...GRADIENT_CASES, ...FUSED, LOG_SOFTMAX].flatMap((one) =>
      buildCase(one, 'float32').model.graph.nodes.map(({ opType }) => opType),
    ),
  );
  const rules = [...GRADIENT_RULES.keys()].map((key) => key.split(':')[1]!);
  expect(rules.filter((operator) => !covered.has(operator) && operator !== 'Sum')).toEqual([]);
});
