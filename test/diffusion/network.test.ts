import { describe, expect, test } from 'vitest';
import { bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import { diffusionBridge } from '../../src/diffusion/diffusion-bridge.ts';
import { mlp } from '../../src/drifts/mlp.ts';
import { populationDsb } from '../../src/gaussian/population-dsb.ts';
import { gaussianMarginal } from '../../src/marginals/gaussian-marginal.ts';
import { weightedMoments } from '../../src/numerics/moments.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { brownian } from '../../src/references/brownian.ts';
import { timeGrid } from '../../src/references/time-grid.ts';

const problem = bridgeProblem({
  source: gaussianMarginal({
    mean: [-0.3, 0.1],
    covariance: [
      [1, 0.3],
      [0.3, 0.6],
    ],
  }),
  target: gaussianMarginal({
    mean: [0.3, 0.2],
    covariance: [
      [0.7, -0.2],
      [-0.2, 1.2],
    ],
  }),
  reference: brownian({ sigma: 1 }),
});
const grid = timeGrid.uniform({ steps: 5 });

describe('a network learns what least squares learns', () => {
  for (const target of ['mean', 'drift', 'simple', 'moment', 'endpoint'] as const) {
    test(`target ${target}: both half-steps are near their population values`, async () => {
      const run = await diffusionBridge(problem, {
        iterations: 1,
        grid,
        target,
        drift: mlp({ hidden: [32], timeFeatures: 4 }),
        innerSteps: 400,
        batchSize: 512,
        learningRate: 1e-2,
        cache: 2000,
        seed: 1,
      });
      const population = populationDsb(problem, grid, { target });
      for (const i of [1, 2]) {
        const { sourceMean, targetMean, sourceCovariance, targetCovariance } = population.iterate(i).moments();
        const { x, y } = run.iterate(i).sample(20_000, randomSource(2));
        const [rows, mean, covariance] = i === 1 ? [x, sourceMean, sourceCovariance] : [y, targetMean, targetCovariance];
        const learned = weightedMoments(rows);
        // Sampling: 4.5 standard errors are .04 of a standard deviation and .05 of a variance.
        mean.forEach((m, k) => {
          expect(Math.abs(learned.mean[k]! - m)).toBeLessThan(0.06 * Math.sqrt(covariance.get(k, k)));
        });
        covariance.to2DArray().forEach((row, r) => {
          row.forEach((c, s) => {
            const unit = Math.sqrt(covariance.get(r, r) * covariance.get(s, s));
            expect(Math.abs(learned.covariance.get(r, s) - c), `half-step ${i}: ${r} ${s}`).toBeLessThan(0.08 * unit);
          });
        });
      }
    });
  }
});
