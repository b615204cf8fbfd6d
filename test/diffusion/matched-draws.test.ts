import { Matrix } from 'ml-matrix';
import { describe, expect, test } from 'vitest';
import { diffusionBridge } from '../../src/diffusion/diffusion-bridge.ts';
import { linear } from '../../src/drifts/linear.ts';
import { populationDsb } from '../../src/gaussian/population-dsb.ts';
import { gaussianMarginal } from '../../src/marginals/gaussian-marginal.ts';
import { matchedNormals, matchMoments } from '../../src/numerics/matched-draws.ts';
import { crossMoment, weightedMoments } from '../../src/numerics/moments.ts';
import { allocatePoints, points } from '../../src/numerics/points.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { timeGrid } from '../../src/references/time-grid.ts';
import { planarGaussians } from '../laws/planar-gaussians.ts';

const largest = (m: Matrix): number => Math.max(...m.to1DArray().map(Math.abs));

describe('matched draws', () => {
  const law = {
    mean: Float64Array.of(3, -1),
    covariance: new Matrix([
      [2, 0.5],
      [0.5, 0.7],
    ]),
  };

  test('a sample moved onto a law has exactly its mean and covariance, and hardly moves', () => {
    const x = gaussianMarginal(law).sample(2000, randomSource(1));
    const moved = matchMoments(x, law);
    const { mean, covariance } = weightedMoments(moved);
    mean.forEach((m, k) => {
      expect(m).toBeCloseTo(law.mean[k]!, 12);
    });
    expect(largest(covariance.sub(law.covariance))).toBeLessThan(1e-12);
    const shift = Math.max(...moved.data.map((value, i) => Math.abs(value - x.data[i]!)));
    expect(shift).toBeGreaterThan(1e-4);
    expect(shift).toBeLessThan(0.5);
  });

  test('noise has mean 0, covariance I and no correlation with the points', () => {
    const x = gaussianMarginal(law).sample(500, randomSource(2));
    const z = matchedNormals(x, randomSource(3));
    const { mean, covariance } = weightedMoments(z);
    expect(Math.max(...mean.map(Math.abs))).toBeLessThan(1e-13);
    expect(largest(covariance.sub(Matrix.eye(2)))).toBeLessThan(1e-12);
    expect(largest(crossMoment(z, mean, x, weightedMoments(x).mean))).toBeLessThan(1e-12);
  });

  test('few points and points without spread are left alone', () => {
    const few = points([
      [0, 1],
      [1, 0],
      [2, 2],
    ]);
    expect(matchMoments(few, law)).toBe(few);
    const same = allocatePoints(100, 2);
    expect(matchMoments(same, law)).toBe(same);
    const z = matchedNormals(same, randomSource(4));
    expect(largest(weightedMoments(z).covariance.sub(Matrix.eye(2)))).toBeLessThan(1e-12);
  });

  test('with them least squares gives the population value of every target without sampling error', async () => {
    const problem = planarGaussians();
    const grid = timeGrid.fromSteps([0.1, 0.3, 0.25, 0.35]);
    for (const target of ['mean', 'drift', 'simple', 'moment'] as const) {
      const run = await diffusionBridge(problem, {
        iterations: 2,
        grid,
        target,
        drift: linear(),
        cache: { paths: 500, draws: 'matched' },
        batchSize: 1000,
        innerSteps: 4,
      });
      const population = populationDsb(problem, grid, { target });
      for (let i = 1; i <= 4; i++) {
        const [learned, exact] = [run.iterate(i).moments(), population.iterate(i).moments()];
        // What is left is the single precision of the regression rows.
        expect(largest(learned.crossCovariance.sub(exact.crossCovariance))).toBeLessThan(1e-5);
        expect(largest(learned.sourceCovariance.sub(exact.sourceCovariance))).toBeLessThan(1e-5);
        expect(largest(learned.targetCovariance.sub(exact.targetCovariance))).toBeLessThan(1e-5);
      }
    }
  });
});
