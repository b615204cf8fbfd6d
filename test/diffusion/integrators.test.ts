import { describe, expect, test } from 'vitest';
import { bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import { diffusionBridge } from '../../src/diffusion/diffusion-bridge.ts';
import { linear } from '../../src/drifts/linear.ts';
import { DomainError } from '../../src/errors.ts';
import { gaussianMarginal } from '../../src/marginals/gaussian-marginal.ts';
import { weightedMoments } from '../../src/numerics/moments.ts';
import type { Points } from '../../src/numerics/points.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { brownian } from '../../src/references/brownian.ts';
import { linearReference } from '../../src/references/linear-reference.ts';
import type { Reference } from '../../src/references/reference.ts';
import { timeGrid } from '../../src/references/time-grid.ts';
import { variancePreserving } from '../../src/references/variance-preserving.ts';

const PATHS = 40_000;
const source = gaussianMarginal({ mean: [1, -2], covariance: [[1, 0.3], [0.3, 0.5]] }); // biome-ignore format: a matrix
const target = gaussianMarginal({ mean: [0, 0], covariance: 1 });
const turning = linearReference({
  drift: [
    [-1, 2],
    [-2, -1],
  ],
  bias: [0.5, 0],
  diffusion: [
    [1, 0],
    [0.3, 0.7],
  ],
});
const train = (reference: Reference, steps = 4) =>
  diffusionBridge(bridgeProblem({ source, target, reference }), {
    iterations: 1,
    grid: timeGrid.uniform({ steps, horizon: reference.horizon }),
    drift: linear(),
    innerSteps: 5,
    batchSize: 4000,
    cache: 4000,
    seed: 2,
  });

/** Largest distance of mean and covariance from exact ones, in standard errors of a Gaussian sample. */
function distance(x: Points, exact: ReturnType<typeof weightedMoments>): number {
  const { mean, covariance } = weightedMoments(x);
  let most = 0;
  for (let i = 0; i < mean.length; i++) {
    most = Math.max(most, Math.abs(mean[i]! - exact.mean[i]!) / Math.sqrt(exact.covariance.get(i, i) / x.count));
    for (let j = 0; j < mean.length; j++) {
      const spread = Math.sqrt((exact.covariance.get(i, i) * exact.covariance.get(j, j) + exact.covariance.get(i, j) ** 2) / x.count);
      most = Math.max(most, Math.abs(covariance.get(i, j) - exact.covariance.get(i, j)) / spread);
    }
  }
  return most;
}

describe('the exponential integrator', () => {
  test.each([turning, variancePreserving({ betaMin: 0.1, betaMax: 12 })])(
    'follows the reference exactly on four steps: $kind',
    async (reference) => {
      const run = await train(reference);
      const { matrix, offset, covariance } = reference.transition(0, reference.horizon, 2);
      const exact = {
        mean: Float64Array.from({ length: 2 }, (_, i) => matrix.get(i, 0) * 1 + matrix.get(i, 1) * -2 + offset[i]!),
        covariance: matrix.mmul(source.covariance()).mmul(matrix.transpose()).add(covariance),
      };
      const ends = (integrator: 'euler' | 'exponential') =>
        run
          .iterate(0)
          .simulate({ count: PATHS, grid: run.grid, random: randomSource(1), integrator })
          .points.at(-1)!;
      expect(distance(ends('exponential'), exact)).toBeLessThan(4.5);
      expect(distance(ends('euler'), exact)).toBeGreaterThan(10);
    },
  );

  test('over Brownian motion it takes the very steps of Euler, in both directions', async () => {
    const run = await train(brownian({ sigma: 0.8 }));
    for (const direction of ['forward', 'backward'] as const) {
      const [a, b] = (['euler', 'exponential'] as const).map((integrator) =>
        run.simulate({ count: 50, grid: run.grid, random: randomSource(3), direction, integrator }),
      );
      a!.points.forEach((points, k) => {
        points.data.forEach((value, i) => {
          expect(b!.points[k]!.data[i]).toBeCloseTo(value, 12);
        });
      });
    }
  });

  test('backward it has the limit of Euler, and on fewer steps another error', async () => {
    const run = await train(variancePreserving({ betaMin: 0.1, betaMax: 8 }), 200);
    const apart = (steps: number): number => {
      const [a, b] = (['euler', 'exponential'] as const).map((integrator) => {
        const options = {
          count: 20_000,
          grid: timeGrid.uniform({ steps }),
          random: randomSource(4),
          direction: 'backward',
          integrator,
        } as const;
        return weightedMoments(run.simulate(options).points[0]!).covariance;
      });
      return a!.sub(b!).norm();
    };
    const [coarse, fine] = [apart(20), apart(200)];
    expect(fine).toBeLessThan(0.03);
    expect(coarse).toBeGreaterThan(4 * fine);
  });

  test('a last step without noise ends at the mean of that step', async () => {
    const run = await train(brownian({ sigma: 1 }));
    for (const integrator of ['euler', 'exponential'] as const) {
      const options = { count: 20, grid: run.grid, integrator } as const;
      const { points } = run.simulate({ ...options, random: randomSource(5), noiseFreeLastStep: true });
      const noisy = run.simulate({ ...options, random: randomSource(5) }).points;
      expect(points[3]).toEqual(noisy[3]);
      const { mean } = run.transition(3, points[3]!, 'forward');
      mean.data.forEach((value, i) => {
        expect(points[4]!.data[i]).toBeCloseTo(value, 12);
      });
      expect(points[4]).not.toEqual(noisy[4]);
    }
  });

  test('what is no integrator is refused', async () => {
    const run = await train(brownian({ sigma: 1 }));
    const options = { count: 2, grid: run.grid, random: randomSource(1) };
    expect(() => run.simulate({ ...options, integrator: 'heun' as 'euler' })).toThrow(DomainError);
    expect(() => run.simulate({ ...options, noiseFreeLastStep: 1 as unknown as boolean })).toThrow(/noiseFreeLastStep/);
  });
});
