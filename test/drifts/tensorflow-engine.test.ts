import { beforeAll, describe, expect, it } from 'vitest';
import { tensorflowEngine } from '../../src/drifts/tensorflow-engine.ts';
import { perceptronMaker } from '../../src/drifts/tensorflow-network.ts';
import { transposeOperandsOnWasm } from '../../src/drifts/tensorflow-products.ts';
import type { TensorFlowOperations } from '../../src/drifts/tensorflow-types.ts';
import { type Activation, initialParameters, type MlpArchitecture } from '../../src/kernels/mlp-architecture.ts';
import { createMlpEngine } from '../../src/kernels/mlp-engine.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { presentBackends, type Tfjs } from './tensorflow-backends.ts';

const ADAM = { learningRate: 1e-2, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
const ROWS = 33;
const DECAY = 0.9;

/** Every architecture offered; inner sizes of more than 48 and batches that are no multiple of a vector. */
const ARCHITECTURES: readonly MlpArchitecture[] = (['silu', 'leaky-relu', 'tanh'] as const satisfies readonly Activation[]).flatMap(
  (activation) => [
    { inputs: 11, hidden: [], outputs: 2, activation },
    { inputs: 11, hidden: [37], outputs: 3, activation },
    { inputs: 5, hidden: [64, 51], outputs: 1, activation },
    { inputs: 18, hidden: [64, 64, 64], outputs: 10, activation },
    { inputs: 9, hidden: [9, 50, 50, 50], outputs: 4, activation, residual: true },
  ],
);

function problem(architecture: MlpArchitecture) {
  const random = randomSource(7);
  return {
    parameters: initialParameters(architecture, random.uniform),
    x: random.fillNormal(new Float32Array(ROWS * architecture.inputs)),
    y: random.fillNormal(new Float32Array(ROWS * architecture.outputs)),
    w: Float32Array.from({ length: ROWS }, () => random.uniform() + 0.1),
  };
}

function engineOf(tf: Tfjs, architecture: MlpArchitecture, parameters: Float32Array) {
  const operations = tf as unknown as TensorFlowOperations;
  transposeOperandsOnWasm(operations);
  const values = { trainable: parameters, fixed: new Float32Array(0) };
  return tensorflowEngine(operations, perceptronMaker(operations, architecture), values, architecture, DECAY);
}

/** Tensors, and arrays of the backend: a kernel may leave arrays that no tensor knows of. */
function holdings(tf: Tfjs): { readonly tensors: number; readonly arrays: number } {
  return { tensors: tf.memory().numTensors, arrays: tf.backend().numDataIds() };
}

/** Largest difference, relative to the largest entry. */
function distance(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  const size = b.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-3);
  return a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0) / size;
}

const name = ({ inputs, hidden, outputs, activation }: MlpArchitecture): string =>
  `${[inputs, ...hidden, outputs].join('-')} ${activation}`;

for (const { name: backend, tf, use } of await presentBackends()) {
  describe(`TensorFlow.js '${backend}' against the embedded engine`, () => {
    beforeAll(use);

    it.each(ARCHITECTURES.map((architecture) => [name(architecture), architecture] as const))('%s', (_, architecture) => {
      const { parameters, x, y, w } = problem(architecture);
      const ours = engineOf(tf, architecture, parameters);
      const embedded = createMlpEngine(architecture, { kind: 'typescript', maxBatch: ROWS, emaDecay: DECAY });
      embedded.setParameters(parameters);
      const [out, expected] = [1, 2].map(() => new Float32Array(ROWS * architecture.outputs)) as [Float32Array, Float32Array];
      ours.forward(x, ROWS, out);
      embedded.forward(x, ROWS, expected);
      expect(distance(out, expected)).toBeLessThan(3e-6);
      const [a, b] = [ours.gradient(x, y, w, ROWS), embedded.gradient(x, y, w, ROWS)];
      expect(Math.abs(a.loss / b.loss - 1)).toBeLessThan(3e-6);
      expect(distance(a.gradient, b.gradient)).toBeLessThan(1e-5);
      // Adam divides by √v: where a gradient is rounding itself, its sign is not determined. Elsewhere a step agrees to the rounding of
      // the gradient, against its own size, the learning rate.
      const significant = b.gradient.map((g) => (Math.abs(g) > 1e-4 ? 1 : 0));
      expect(significant.reduce((sum, s) => sum + s, 0)).toBeGreaterThan(0.5 * significant.length);
      for (const clipNorm of [1e6, 0.3]) {
        const moved = [ours, embedded].map((engine) => {
          engine.setParameters(parameters);
          engine.resetOptimiser();
          engine.trainStep(x, y, w, ROWS, { ...ADAM, clipNorm });
          const after = 'values' in engine ? engine.values().trainable : engine.parameters();
          return [after, engine.averaged()!].map((values) => values.map((p, i) => significant[i]! * (p - parameters[i]!)));
        });
        const [[step, average], [stepExpected, averageExpected]] = moved as [[Float32Array, Float32Array], [Float32Array, Float32Array]];
        expect(Math.max(...stepExpected.map(Math.abs))).toBeCloseTo(ADAM.learningRate, 5);
        expect(distance(step, stepExpected)).toBeLessThan(1e-4);
        expect(distance(average, averageExpected)).toBeLessThan(1e-4);
      }
      ours.dispose();
    });

    it('follows the embedded engine over many steps', () => {
      const architecture = ARCHITECTURES[1]!;
      const { parameters, x, y, w } = problem(architecture);
      const ours = engineOf(tf, architecture, parameters);
      const embedded = createMlpEngine(architecture, { kind: 'typescript', maxBatch: ROWS });
      embedded.setParameters(parameters);
      for (let i = 0; i < 40; i++) {
        const loss = embedded.trainStep(x, y, w, ROWS, { ...ADAM, clipNorm: 1 });
        expect(Math.abs(ours.trainStep(x, y, w, ROWS, { ...ADAM, clipNorm: 1 }) / loss - 1)).toBeLessThan(1e-3);
      }
      ours.dispose();
    });

    it('holds as many tensors after a step as before, and none after it is disposed', () => {
      const before = holdings(tf);
      const architecture = ARCHITECTURES[2]!;
      const { parameters, x, y, w } = problem(architecture);
      const engine = engineOf(tf, architecture, parameters);
      const held = holdings(tf);
      const out = new Float32Array(ROWS);
      for (let i = 0; i < 20; i++) {
        engine.trainStep(x, y, w, ROWS, { ...ADAM, clipNorm: 1 });
        engine.forward(x, ROWS, out);
        engine.gradient(x, y, w, ROWS);
        engine.setParameters(engine.averaged()!);
        engine.restore(engine.state());
        expect(holdings(tf)).toEqual(held);
      }
      engine.resetOptimiser();
      expect(holdings(tf)).toEqual(held);
      engine.dispose();
      expect(holdings(tf)).toEqual(before);
    });

    it('multiplies with transposed operands as without', () => {
      transposeOperandsOnWasm(tf as unknown as TensorFlowOperations);
      const held = holdings(tf);
      const random = randomSource(3);
      for (const [rank, inner] of [
        [2, 3],
        [2, 77],
        [3, 50],
      ] as const) {
        const lead = rank === 3 ? [2] : [];
        const filled = (rows: number, columns: number) =>
          tf.tensor(random.fillNormal(new Float32Array((lead[0] ?? 1) * rows * columns)), [...lead, rows, columns]);
        tf.tidy(() => {
          const [a, b] = [filled(5, inner), filled(inner, 4)];
          const turned = (x: typeof a) => tf.transpose(x, rank === 3 ? [0, 2, 1] : [1, 0]);
          const expected = tf.matMul(a, b).dataSync() as Float32Array;
          expect(distance(tf.matMul(turned(a), b, true).dataSync() as Float32Array, expected)).toBeLessThan(1e-5);
          expect(distance(tf.matMul(a, turned(b), false, true).dataSync() as Float32Array, expected)).toBeLessThan(1e-5);
          expect(distance(tf.matMul(turned(a), turned(b), true, true).dataSync() as Float32Array, expected)).toBeLessThan(1e-5);
        });
      }
      expect(holdings(tf)).toEqual(held);
    });
  });
}

it('has at least the backends that npm alone installs', async () => {
  expect((await presentBackends()).map(({ name: backend }) => backend)).toEqual(expect.arrayContaining(['wasm', 'cpu']));
});
