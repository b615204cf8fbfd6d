import { beforeAll, describe, expect, test } from 'vitest';
import { costFunction } from '../../src/costs/cost-function.ts';
import { squaredEuclidean } from '../../src/costs/squared-euclidean.ts';
import { bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import type { Coupling } from '../../src/couplings/coupling.ts';
import { diffusionBridge } from '../../src/diffusion/diffusion-bridge.ts';
import type { DiffusionBridge } from '../../src/diffusion/diffusion-run.ts';
import { linear } from '../../src/drifts/linear.ts';
import { mlp } from '../../src/drifts/mlp.ts';
import { DomainError } from '../../src/errors.ts';
import { gaussianMarginal } from '../../src/marginals/gaussian-marginal.ts';
import { crossMoment, weightedMoments } from '../../src/numerics/moments.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { brownian } from '../../src/references/brownian.ts';
import { timeGrid } from '../../src/references/time-grid.ts';

const problem = bridgeProblem({
  source: gaussianMarginal({
    mean: [-0.5, 0],
    covariance: [
      [1, 0.2],
      [0.2, 0.5],
    ],
  }),
  target: gaussianMarginal({ mean: [0.5, 0.3], covariance: 0.8 }),
  reference: brownian({ sigma: 1 }),
});
const options = { iterations: 2, grid: timeGrid.uniform({ steps: 5 }), innerSteps: 20, batchSize: 500, cache: 1000, seed: 1 };
const n = 20_000;

describe('a learned bridge as a coupling', () => {
  let run: DiffusionBridge;
  beforeAll(async () => {
    run = await diffusionBridge(problem, { ...options, drift: linear() });
  });

  const laws = (): readonly (readonly [string, Coupling])[] => [
    ['forward', run.direction('forward')],
    ['backward', run.direction('backward')],
    ['forward reversed', run.direction('forward').reverse()],
    ['backward reversed', run.direction('backward').reverse()],
  ];

  test('given draws of x, conditional draws of y restore the joint law', () => {
    for (const [name, law] of laws()) {
      const { x } = law.sample(n, randomSource(1));
      const y = law.sampleConditional(x, randomSource(2));
      const exact = law.moments();
      const [mx, my] = [weightedMoments(x), weightedMoments(y)];
      const cross = crossMoment(x, mx.mean, y, my.mean);
      for (let i = 0; i < 2; i++) {
        const variance = exact.targetCovariance.get(i, i);
        expect(Math.abs(my.mean[i]! - exact.targetMean[i]!), name).toBeLessThan(4.5 * Math.sqrt(variance / n));
        for (let j = 0; j < 2; j++) {
          const c = exact.crossCovariance.get(i, j);
          const error = Math.sqrt((exact.sourceCovariance.get(i, i) * exact.targetCovariance.get(j, j) + c * c) / n);
          expect(Math.abs(cross.get(i, j) - c), `${name} ${i} ${j}`).toBeLessThan(4.5 * error);
        }
      }
    }
  });

  test('the conditional mean is the mean of conditional draws', () => {
    const x = [[0.7, -0.3]];
    for (const [name, law] of laws()) {
      const mean = law.conditionalMean(x);
      const many = law.sampleConditional(
        Array.from({ length: n }, () => x[0]!),
        randomSource(3),
      );
      const sampled = weightedMoments(many);
      for (let k = 0; k < 2; k++) {
        // A reversed law averages 256 draws itself.
        const error = Math.sqrt(sampled.covariance.get(k, k) * (1 / n + (name.endsWith('reversed') ? 1 / 256 : 0)));
        expect(Math.abs(mean.data[k]! - sampled.mean[k]!), name).toBeLessThan(4.5 * error);
      }
    }
  });

  test('costs: a squared one from the moments, any other from paths', () => {
    const half = run.transportCost();
    expect(run.transportCost(squaredEuclidean())).toBeCloseTo(2 * half, 12);
    const { x, y } = run.sample(n, randomSource(4));
    const values = Float64Array.from(
      { length: n },
      (_, i) => 0.5 * ((x.data[2 * i]! - y.data[2 * i]!) ** 2 + (x.data[2 * i + 1]! - y.data[2 * i + 1]!) ** 2),
    );
    const mean = values.reduce((s, v) => s + v, 0) / n;
    const spread = Math.sqrt(values.reduce((s, v) => s + (v - mean) ** 2, 0) / n / n);
    expect(Math.abs(mean - half)).toBeLessThan(4.5 * spread);
    const sampled = run.transportCost(costFunction((a, b) => 0.5 * ((a[0]! - b[0]!) ** 2 + (a[1]! - b[1]!) ** 2)));
    expect(Math.abs(sampled - half)).toBeLessThan(4.5 * spread);
  });

  test('the side it starts from is right, the other nearly', () => {
    const forward = run.direction('forward').marginalError();
    expect(forward.metric).toBe('bw2-uvp');
    expect(forward.source).toBeLessThan(1e-9);
    expect(forward.target).toBeGreaterThan(1e-6);
    expect(forward.target).toBeLessThan(5);
    const backward = run.direction('backward').marginalError();
    expect(backward.target).toBeLessThan(1e-9);
    expect(run.direction('forward').reverse().marginalError()).toEqual({
      metric: 'bw2-uvp',
      source: forward.target,
      target: forward.source,
    });
  });

  test('a network run backward has no conditional of the target, and says what to use', async () => {
    const net = await diffusionBridge(problem, { ...options, iterations: 1, drift: mlp({ hidden: [8] }) });
    const law = net.direction('backward');
    expect(() => law.sampleConditional([[0, 0]], randomSource(1))).toThrow(DomainError);
    expect(() => law.conditionalMean([[0, 0]])).toThrow(/direction\('forward'\)/);
    expect(law.reverse().conditionalMean([[0, 0]]).count).toBe(1);
    const mean = net.conditionalMean([[0.7, -0.3]]);
    expect(net.conditionalMean([[0.7, -0.3]]).data).toEqual(mean.data);
  });
});
