import { beforeAll, describe, expect, test } from 'vitest';
import { bridgeProblem } from '../../src/couplings/index.ts';
import { diffusionBridge } from '../../src/diffusion/index.ts';
import type { DriftModelContext, DriftModelSpec } from '../../src/drifts/drift-model.ts';
import { mlp } from '../../src/drifts/mlp.ts';
import { type TensorFlowOptions, tensorflow } from '../../src/drifts/tensorflow.ts';
import { DomainError, FormatError, ShapeError } from '../../src/errors.ts';
import { initialParameters } from '../../src/kernels/mlp-architecture.ts';
import { gaussianMarginal } from '../../src/marginals/index.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { brownian, timeGrid } from '../../src/references/index.ts';
import { driftContext, driftModelLaws, knownBatch, probe } from '../laws/drift-model-laws.ts';
import { presentBackends, type Tfjs } from './tensorflow-backends.ts';

const context = driftContext({ dimension: 2, steps: 3 });

/** Largest difference of values of two models. */
function gap(a: readonly Float64Array[], b: readonly Float64Array[]): number {
  return Math.max(...a.flatMap((values, k) => Array.from(values, (x, i) => Math.abs(x - b[k]![i]!))));
}

/** A user's model, of two coordinates and five features of time if nothing else is said. */
function userModel(tf: Tfjs, { inputs = 7, units = 2, normalised = false } = {}) {
  const layers = [
    tf.layers.dense({ inputShape: [inputs], units: 24, activation: 'tanh' }),
    ...(normalised ? [tf.layers.batchNormalization()] : []),
    tf.layers.dense({ units }),
  ];
  return tf.sequential({ layers });
}

/** For the laws, which ask for models of two dimensions; the first weights are the same each time. */
function layersOfAnyDimension(tf: Tfjs): DriftModelSpec {
  const specs = new Map(
    [2, 3].map((units) => [units, tensorflow({ tf, model: userModel(tf, { inputs: 5 + units, units }), timeFeatures: 4 })]),
  );
  return Object.freeze({ ...specs.get(2)!, make: (of: DriftModelContext) => specs.get(of.dimension)!.make(of) });
}

for (const { name: backend, tf, use } of await presentBackends()) {
  describe(`driftModels.tensorflow on '${backend}'`, () => {
    beforeAll(use);

    driftModelLaws(`tensorflow, ${backend}`, () => tensorflow({ tf, hidden: [16, 16], timeFeatures: 4 }), { steps: 400 });
    if (backend === 'wasm') {
      const spec = layersOfAnyDimension(tf);
      driftModelLaws('tensorflow, a model of layers', () => spec, { steps: 400 });
    }

    test('starts and trains as driftModels.mlp does', () => {
      const timeFeatures = { kind: 'sinusoidal', count: 4, scale: 8 } as const;
      const options = { hidden: [16, 16], activation: 'silu', residual: true, timeFeatures, ema: 0.9, clipNorm: 0.5 } as const;
      const [ours, embedded] = [tensorflow({ tf, ...options }).make(context), mlp(options).make(context)];
      expect(ours.bytes()).toEqual(embedded.bytes());
      for (const model of [ours, embedded]) {
        model.begin();
        const random = randomSource(1);
        for (let i = 0; i < 30; i++) model.step(knownBatch(context, 64, random), 1e-3);
        model.finish();
      }
      expect(gap(probe(ours, 3), probe(embedded, 3))).toBeLessThan(1e-4);
      expect(
        gap(
          probe(embedded, 3),
          probe(embedded, 3).map((values) => values.map(() => 0)),
        ),
      ).toBeGreaterThan(1e-2);
      ours.dispose!();
    });

    test.each([
      { outputScale: 'noise', initialWeights: 'orthogonal' },
      { outputScale: 'noise', residual: true, activation: 'leaky-relu' },
      { initialWeights: 'orthogonal', activation: 'tanh' },
    ] as const)('with %o, as the embedded engine: first values, one step, thirty', (choice) => {
      const options = { hidden: [16, 16], timeFeatures: 4, ...choice } as const;
      const [ours, embedded] = [tensorflow({ tf, ...options }).make(context), mlp(options).make(context)];
      expect(ours.bytes()).toEqual(embedded.bytes());
      const random = [randomSource(1), randomSource(1)];
      for (const model of [ours, embedded]) model.begin();
      for (const steps of [1, 29]) {
        const losses = [ours, embedded].map((model, i) => {
          let loss = 0;
          for (let k = 0; k < steps; k++) loss = model.step(knownBatch(context, 64, random[i]!), 1e-3);
          return loss;
        });
        expect(Math.abs(losses[0]! / losses[1]! - 1)).toBeLessThan(steps === 1 ? 1e-5 : 1e-3);
        expect(gap(probe(ours, 3), probe(embedded, 3))).toBeLessThan(steps === 1 ? 1e-6 : 1e-4);
      }
      ours.dispose!();
      // The choice is no ornament: other values than without it.
      const plain = mlp({ hidden: [16, 16], timeFeatures: 4 }).make(context);
      plain.begin();
      const again = randomSource(1);
      for (let k = 0; k < 30; k++) plain.step(knownBatch(context, 64, again), 1e-3);
      expect(gap(probe(plain, 3), probe(embedded, 3))).toBeGreaterThan(1e-3);
    });

    test('after its run a drift makes one network for all steps of a calculation, and frees it then', async () => {
      const model = tensorflow({ tf, model: userModel(tf), timeFeatures: 4 }).make(context);
      const frozen = model.freeze();
      const before = tf.memory().numTensors;
      model.dispose!();
      const after = tf.memory().numTensors;
      expect(after).toBeLessThan(before);
      probe(frozen, 3);
      const held = tf.memory().numTensors;
      for (let i = 0; i < 5; i++) probe(frozen, 3);
      expect(held).toBeGreaterThan(after);
      expect(tf.memory().numTensors).toBe(held);
      await Promise.resolve();
      expect(tf.memory().numTensors).toBe(after);
    });

    test('a model of layers computes what the same perceptron does', () => {
      const options = { hidden: [24], timeFeatures: 4, activation: 'tanh' } as const;
      const embedded = mlp(options).make(context);
      const p = initialParameters({ inputs: 7, outputs: 2, ...options }, context.random.split('weights').uniform, true);
      const model = userModel(tf);
      model.setWeights([tf.tensor(p.slice(0, 168), [7, 24]), tf.tensor(p.slice(168, 192), [24]), tf.zeros([24, 2]), tf.zeros([2])]);
      const ours = tensorflow({ tf, model, timeFeatures: 4 }).make(context);
      for (const each of [ours, embedded]) {
        each.begin();
        const random = randomSource(1);
        for (let i = 0; i < 30; i++) each.step(knownBatch(context, 64, random), 1e-3);
        each.finish();
      }
      expect(gap(probe(ours, 3), probe(embedded, 3))).toBeLessThan(1e-4);
      ours.dispose!();
    });

    test('a model of layers is copied: the directions do not share it and the original stays', () => {
      const model = userModel(tf);
      const weights = () => model.getWeights().map((weight) => Array.from(weight.dataSync()));
      const [kept, spec] = [weights(), tensorflow({ tf, model, timeFeatures: 4 })];
      const [a, b] = [spec.make(context), spec.make(context)];
      const start = probe(b, 3);
      expect(probe(a, 3)).toEqual(start);
      a.begin();
      for (let i = 0; i < 5; i++) a.step(knownBatch(context, 64, randomSource(i)), 1e-2);
      a.finish();
      expect(gap(probe(a, 3), start)).toBeGreaterThan(1e-3);
      expect(probe(b, 3)).toEqual(start);
      expect(weights()).toEqual(kept);
      for (const each of [a, b]) each.dispose!();
    });

    test('running means of a normalising layer are saved, frozen and averaged as they are', () => {
      const spec = tensorflow({ tf, model: userModel(tf, { normalised: true }), timeFeatures: 4 });
      const [model, copy] = [spec.make(context), spec.make(context)];
      model.begin();
      for (let i = 0; i < 10; i++) model.step(knownBatch(context, 64, randomSource(i)), 1e-2);
      copy.load(model.save());
      expect(probe(copy, 3)).toEqual(probe(model, 3));
      const frozen = model.freeze();
      const values = probe(frozen, 3);
      expect(values).toEqual(probe(model, 3));
      model.step(knownBatch(context, 64, randomSource(20)), 0);
      expect(probe(model, 3)).not.toEqual(values);
      expect(probe(frozen, 3)).toEqual(values);
      for (const each of [model, copy]) each.dispose!();
    });

    test('holds no more tensors after many half-steps, and none of its own after it is disposed', async () => {
      for (const spec of [tensorflow({ tf, hidden: [8] }), tensorflow({ tf, model: userModel(tf), timeFeatures: 4 })]) {
        const before = tf.memory().numTensors;
        const model = spec.make(context);
        const halfStep = () => {
          model.begin();
          model.step(knownBatch(context, 64, randomSource(1)), 1e-2);
          model.finish();
          model.load(model.save());
          const frozen = model.freeze();
          probe(frozen, 3);
          return frozen;
        };
        const first = halfStep();
        const values = probe(first, 3);
        const once = tf.memory().numTensors;
        for (let i = 0; i < 4; i++) halfStep();
        expect(tf.memory().numTensors).toBe(once);
        expect(probe(first, 3)).toEqual(values);
        model.dispose!();
        expect(tf.memory().numTensors).toBe(before);
        expect(probe(first, 3)).toEqual(values);
        await Promise.resolve();
        expect(tf.memory().numTensors).toBe(before);
      }
    });

    test('a run leaves no tensor behind, and its bridge still samples', async () => {
      const before = tf.memory().numTensors;
      const gaussian = (mean: number[]) => gaussianMarginal({ mean, covariance: 1 });
      const problem = bridgeProblem({ source: gaussian([0, 0]), target: gaussian([1, 0]), reference: brownian({ sigma: 1 }) });
      const run = () =>
        diffusionBridge(problem, {
          iterations: 1,
          grid: timeGrid.uniform({ steps: 3 }),
          drift: tensorflow({ tf, hidden: [8] }),
          batchSize: 16,
          innerSteps: 5,
          cache: 32,
          seed: 1,
        });
      const [a, b] = [await run(), await run()];
      expect(a.halfSteps).toHaveLength(2);
      expect(a.digest).toBe(b.digest);
      expect(a.sample(3, randomSource(1)).y.data.every(Number.isFinite)).toBe(true);
      await Promise.resolve();
      expect(tf.memory().numTensors).toBe(before);
    });

    test('refuses a model whose widths are not those of the problem, naming both', () => {
      const [narrow, wide] = [userModel(tf), userModel(tf, { units: 3 })];
      expect(() => tensorflow({ tf, model: narrow }).make(context)).toThrow(ShapeError);
      expect(() => tensorflow({ tf, model: narrow }).make(context)).toThrow(
        /maps \[null, 7\] to \[null, 2\], this problem needs \[null, 11\] to \[null, 2\] /,
      );
      expect(() => tensorflow({ tf, model: wide, timeFeatures: 4 }).make(context)).toThrow(
        /to \[null, 3\], this problem needs \[null, 7\] to \[null, 2\] /,
      );
      const images = tf.sequential({ layers: [tf.layers.flatten({ inputShape: [3, 4] })] });
      expect(() => tensorflow({ tf, model: images })).toThrow(/inputs \[null, 3, 4\] and outputs \[null, 12\];/);
      expect(() => tensorflow({ tf, model: narrow, hidden: [3] })).toThrow(/hidden has no meaning with model/);
      expect(() => tensorflow({ tf, model: narrow, initialWeights: 'orthogonal' })).toThrow(/initialWeights has no meaning with model/);
    });

    test('says of the saved bytes what they are, and of others what differs', () => {
      const spec = tensorflow({ tf, hidden: [8], timeFeatures: 2 });
      const model = spec.make(context);
      const bytes = model.save();
      const length = new DataView(bytes.buffer).getUint32(8, true);
      const manifest = JSON.parse(new TextDecoder().decode(bytes.subarray(12, 12 + length)));
      expect(manifest).toMatchObject({
        format: 'viaduct drift model',
        identity: { kind: 'tensorflow', hidden: [8], activation: 'silu', shapes: [[5, 8], [8], [8, 2], [2]] },
      });
      const other = tensorflow({ tf, hidden: [9], timeFeatures: 2 }).make(context);
      expect(() => other.load(bytes)).toThrow(FormatError);
      expect(() => other.load(bytes)).toThrow(/their hidden is \[8\], here it is \[9\]/);
      expect(() => model.load(bytes.subarray(0, bytes.length - 4))).toThrow(/the manifest announces/);
      for (const each of [model, other]) each.dispose!();
    });
  });
}

describe('driftModels.tensorflow', () => {
  for (const [options, message] of [
    [{ tf: {} }, /tf must be the namespace of TensorFlow.js/],
    [{}, /tf must be the namespace/],
    [{ tf: { variableGrads() {} }, hidden: [0] }, /hidden\[0\] must be a whole number of at least 1/],
    [{ tf: { variableGrads() {} }, activation: 'relu' }, /unknown activation 'relu'/],
    [{ tf: { variableGrads() {} }, timeFeatures: -1 }, /timeFeatures/],
    [{ tf: { variableGrads() {} }, residual: 1 }, /residual must be true or false/],
    [{ tf: { variableGrads() {} }, outputScale: 'big' }, /outputScale is 'big'/],
    [{ tf: { variableGrads() {} }, initialWeights: 'zero' }, /initialWeights is 'zero'/],
    [{ tf: { variableGrads() {} }, ema: 1 }, /ema must be in \[0, 1\)/],
    [{ tf: { variableGrads() {} }, clipNorm: -1 }, /clipNorm/],
    [{ tf: { variableGrads() {} }, layers: 3 }, /unknown option 'layers'/],
  ] as const) {
    test(`refuses ${JSON.stringify(options)}: ${message}`, () => {
      expect(() => tensorflow(options as unknown as TensorFlowOptions)).toThrow(DomainError);
      expect(() => tensorflow(options as unknown as TensorFlowOptions)).toThrow(message);
    });
  }
});
