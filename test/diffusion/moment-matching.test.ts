import { Matrix } from 'ml-matrix';
import { describe, expect, test } from 'vitest';
import { bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import { diffusionBridge } from '../../src/diffusion/diffusion-bridge.ts';
import { linear } from '../../src/drifts/linear.ts';
import { gaussianBridge } from '../../src/gaussian/gaussian-bridge.ts';
import { populationDsb } from '../../src/gaussian/population-dsb.ts';
import { gaussianMarginal } from '../../src/marginals/gaussian-marginal.ts';
import { brownian } from '../../src/references/brownian.ts';
import { timeGrid } from '../../src/references/time-grid.ts';

const grid = timeGrid.uniform({ steps: 4 });
const largest = (m: Matrix): number => Math.max(...m.to1DArray().map(Math.abs));
const quick = { grid, target: 'moment', drift: linear(), innerSteps: 2, seed: 1 } as const;

/** Marginals with one eigenbasis, which every conditional covariance then has too. */
function commuting(dimension: number) {
  // A rotation by reflection: I − 2uuᵀ.
  const u = Matrix.columnVector(Array.from({ length: dimension }, (_, i) => 1 + (i % 3)));
  const basis = Matrix.eye(dimension).sub(Matrix.mul(u.mmul(u.transpose()), 2 / u.dot(u)));
  const spread = (of: (i: number) => number) =>
    basis.mmul(Matrix.diag(Array.from({ length: dimension }, (_, i) => of(i)))).mmul(basis.transpose());
  return bridgeProblem({
    source: gaussianMarginal({ mean: Array(dimension).fill(-0.2), covariance: spread((i) => 0.4 + 0.15 * i) }),
    target: gaussianMarginal({ mean: Array(dimension).fill(0.3), covariance: spread((i) => 1.6 - 0.1 * i) }),
    reference: brownian({ sigma: 1 }),
  });
}

describe('moment matching', () => {
  test('has no bias of fixed variance: over iterations the bridge between Gaussians is reached', async () => {
    const problem = bridgeProblem({
      source: gaussianMarginal({ mean: [-0.1], covariance: 1 }),
      target: gaussianMarginal({ mean: [0.1], covariance: 1 }),
      reference: brownian({ sigma: 1 }),
    });
    const exact = gaussianBridge(problem).moments();
    const limits: Record<string, number> = {};
    for (const target of ['simple', 'moment'] as const) {
      const run = await diffusionBridge(problem, {
        ...quick,
        target,
        iterations: 8,
        cache: { paths: 2000, draws: 'matched' },
        batchSize: 8000,
      });
      limits[target] = Math.abs(run.moments().crossCovariance.get(0, 0) - exact.crossCovariance.get(0, 0));
      expect(run.moments().targetMean[0]).toBeCloseTo(0.1, 3);
    }
    expect(limits.moment).toBeLessThan(1e-4);
    expect(limits.simple).toBeGreaterThan(0.02);
  });

  test('the learned covariance is that of the population step, full up to dimension 8, diagonal in the eigenbasis of the marginal above', async () => {
    for (const dimension of [3, 9]) {
      const problem = commuting(dimension);
      const run = await diffusionBridge(problem, { ...quick, iterations: 1, cache: { paths: 1000, draws: 'matched' }, batchSize: 8000 });
      const population = populationDsb(problem, grid, { target: 'moment' });
      for (const [i, direction] of [
        [1, 'backward'],
        [2, 'forward'],
      ] as const) {
        population.iterate(i).kernels.forEach((kernel, k) => {
          const { covariance } = run.transition(k, [Array(dimension).fill(0)], direction);
          expect(largest(Matrix.sub(covariance, kernel.covariance)), `d = ${dimension}, half-step ${i}, transition ${k}`).toBeLessThan(
            1e-5,
          );
          // Not that of the reference, γ.
          expect(largest(Matrix.sub(covariance, Matrix.eye(dimension).mul(grid.durations[k]!)))).toBeGreaterThan(0.001);
        });
      }
    }
  });

  test('the digest holds the noise', async () => {
    const problem = commuting(2);
    const options = { ...quick, iterations: 1, cache: { paths: 500, draws: 'independent' }, batchSize: 4000 } as const;
    const [a, b, simple] = await Promise.all([
      diffusionBridge(problem, options),
      diffusionBridge(problem, options),
      diffusionBridge(problem, { ...options, target: 'simple' }),
    ]);
    expect(a.chain(1).drift.bytes()).toEqual(simple.chain(1).drift.bytes());
    expect(a.chain(2).noise.map((v) => v.to2DArray())).toEqual(b.chain(2).noise.map((v) => v.to2DArray()));
    expect(b.digest).toBe(a.digest);
    expect(simple.digest).not.toBe(a.digest);
  });
});
