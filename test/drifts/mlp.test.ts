import { describe, expect, test } from 'vitest';
import { driftModels } from '../../src/drifts/drift-models.ts';
import { type MlpOptions, mlp } from '../../src/drifts/mlp.ts';
import { DomainError } from '../../src/errors.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { driftContext, driftModelLaws, probe } from '../laws/drift-model-laws.ts';

driftModelLaws('mlp', () => mlp({ hidden: [16, 16], timeFeatures: 4 }), { steps: 600 });
driftModelLaws('mlp, tanh, no time features', () => mlp({ hidden: [24], activation: 'tanh', timeFeatures: 0 }), { steps: 600 });

describe('mlp', () => {
  test('starts as the zero drift, so that the first chain is not random', () => {
    const model = mlp().make(driftContext({ dimension: 3, steps: 4 }));
    for (const values of probe(model, 4)) expect(values.every((value) => value === 0)).toBe(true);
  });

  test('units do not matter: moved and stretched data train the same net', () => {
    const train = (center: number, scale: number) => {
      const context = driftContext({ dimension: 1, steps: 2, center, scale });
      const model = mlp({ hidden: [8], timeFeatures: 2 }).make(context);
      const random = randomSource(4);
      model.begin();
      for (let i = 0; i < 50; i++) {
        const u = random.fillNormal(new Float64Array(32));
        model.step(
          {
            count: 32,
            transitions: Int32Array.from(u, (_, j) => j % 2),
            inputs: Float32Array.from(u, (x) => center + scale * x),
            targets: Float32Array.from(u, (x) => Math.sin(x)),
            weights: new Float32Array(32).fill(1),
          },
          1e-2,
        );
      }
      model.finish();
      const out = new Float64Array(1);
      model.evaluate(1, Float64Array.of(center + 0.7 * scale), out);
      return out[0]!;
    };
    expect(train(8, 4)).toBeCloseTo(train(0, 1), 3);
  });

  test('learns what no affine map can, at each transition its own', () => {
    const context = driftContext({ dimension: 1, steps: 4 });
    const model = mlp({ hidden: [32, 32] }).make(context);
    const truth = (k: number, x: number): number => (k < 2 ? 1 : -1) * Math.sin(2 * x);
    const random = randomSource(5);
    model.begin();
    for (let i = 0; i < 600; i++) {
      const x = random.fillNormal(new Float32Array(128));
      const transitions = Int32Array.from(x, (_, j) => j % 4);
      const targets = x.map((value, j) => truth(j % 4, value) + 0.5 * random.normal());
      model.step({ count: 128, transitions, inputs: x, targets, weights: new Float32Array(128).fill(1) }, 1e-2 * (1 - i / 600));
    }
    model.finish();
    for (let k = 0; k < 4; k++) {
      const x = Float64Array.of(-1, -0.5, 0, 0.5, 1);
      const out = new Float64Array(5);
      model.evaluate(k, x, out);
      out.forEach((value, i) => {
        expect(Math.abs(value - truth(k, x[i]!))).toBeLessThan(0.25);
      });
    }
  });

  test('a half-step ends with averaged weights: steadier than the last ones', () => {
    const context = driftContext({ dimension: 1, steps: 1 });
    const spread = (finish: boolean): number => {
      const ends = Array.from({ length: 12 }, (_, seed) => {
        const model = mlp({ hidden: [8], timeFeatures: 0 }).make(context);
        const random = randomSource(seed);
        model.begin();
        for (let i = 0; i < 300; i++) {
          const x = random.fillNormal(new Float32Array(16));
          const targets = random.fillNormal(new Float32Array(16));
          model.step({ count: 16, transitions: new Int32Array(16), inputs: x, targets, weights: new Float32Array(16).fill(1) }, 5e-3);
        }
        if (finish) model.finish();
        const out = new Float64Array(1);
        model.evaluate(0, Float64Array.of(0.3), out);
        return out[0]! ** 2;
      });
      return ends.reduce((sum, x) => sum + x, 0);
    };
    expect(spread(true)).toBeLessThan(0.8 * spread(false));
  });

  test('the description says all that shapes the net', () => {
    expect(driftModels.mlp().description).toEqual({
      kind: 'mlp',
      hidden: [64, 64],
      activation: 'silu',
      residual: false,
      outputScale: 'constant',
      initialWeights: 'uniform',
      timeFeatures: 8,
      ema: 0.99,
      clipNorm: 10,
    });
  });

  for (const [options, message] of [
    [{ hidden: [0] }, /hidden\[0\] must be a whole number of at least 1/],
    [{ hidden: [2.5] }, /hidden\[0\]/],
    [{ timeFeatures: -1 }, /timeFeatures/],
    [{ activation: 'relu' }, /unknown activation 'relu'/],
    [{ layers: 3 }, /unknown option 'layers'/],
  ] as const) {
    test(`refuses ${JSON.stringify(options)}`, () => {
      expect(() => mlp(options as unknown as MlpOptions)).toThrow(DomainError);
      expect(() => mlp(options as unknown as MlpOptions)).toThrow(message);
    });
  }
});
