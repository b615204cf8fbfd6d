import { describe, expect, test } from 'vitest';
import { bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import type { Checkpoint } from '../../src/diffusion/checkpoint.ts';
import { diffusionBridge } from '../../src/diffusion/diffusion-bridge.ts';
import { conditionalCovariances, logVarianceModel } from '../../src/diffusion/log-variance.ts';
import { restoreBridge } from '../../src/diffusion/restore-bridge.ts';
import { linear } from '../../src/drifts/linear.ts';
import { mlp } from '../../src/drifts/mlp.ts';
import { gaussianMarginal } from '../../src/marginals/gaussian-marginal.ts';
import { mixtureMarginal } from '../../src/marginals/mixture-marginal.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { brownian } from '../../src/references/brownian.ts';
import { timeGrid } from '../../src/references/time-grid.ts';
import { planarGaussians } from '../laws/planar-gaussians.ts';

const short = {
  grid: timeGrid.uniform({ steps: 4 }),
  target: 'moment',
  covariance: 'network',
  drift: linear(),
  innerSteps: 20,
  batchSize: 64,
  cache: 200,
  seed: 1,
} as const;

describe('a network of log-variances', () => {
  test('is nearer to the exact conditional variance of a mixture than its mean: a narrow and a wide component', async () => {
    const [variances, steps] = [[0.01, 1], 2];
    const problem = bridgeProblem({
      source: mixtureMarginal({ weights: [0.5, 0.5], components: variances.map((v) => gaussianMarginal({ mean: [0], covariance: v })) }),
      target: gaussianMarginal({ mean: [0], covariance: 1.5 }),
      reference: brownian({ sigma: 1 }),
    });
    const grid = timeGrid.uniform({ steps });
    const gamma = 1 / steps;
    // X_1 given X_2 = y, by Bayes' rule over components: no code of the library.
    const exact = (k: number, y: number): number => {
      const parts = variances.map((v) => {
        const [prior, total] = [v + k * gamma, v + (k + 1) * gamma];
        return { w: Math.exp((-y * y) / 2 / total) / Math.sqrt(total), mean: (prior / total) * y, variance: (prior * gamma) / total };
      });
      const sum = parts.reduce((a, p) => a + p.w, 0);
      const mean = parts.reduce((a, p) => a + (p.w / sum) * p.mean, 0);
      return parts.reduce((a, p) => a + (p.w / sum) * (p.variance + p.mean ** 2), 0) - mean ** 2;
    };
    for (const seed of [1, 2, 3]) {
      const run = await diffusionBridge(problem, {
        ...short,
        seed,
        grid,
        iterations: 1,
        drift: mlp({ hidden: [32, 32] }),
        innerSteps: 800,
        batchSize: 512,
        cache: 5000,
      });
      const random = randomSource(9);
      // Root mean square of the logarithm of estimate over exact value.
      const squares = { network: 0, constant: 0 };
      const count = 2000;
      for (let i = 0; i < count; i++) {
        const y = Math.sqrt(variances[i % 2]! + gamma) * random.normal();
        const { covariance, covariances } = run.transition(0, [[y]], 'backward');
        squares.network += Math.log(covariances![0]!.get(0, 0) / exact(0, y)) ** 2 / count;
        squares.constant += Math.log(covariance.get(0, 0) / exact(0, y)) ** 2 / count;
      }
      expect(Math.sqrt(squares.constant)).toBeGreaterThan(0.4);
      expect(Math.sqrt(squares.network), `seed ${seed}: ${Math.sqrt(squares.network)}`).toBeLessThan(0.12);
    }
  });

  test('untrained it is the constant estimate to the last bit; between Gaussians it stays there to sampling error', async () => {
    const problem = planarGaussians();
    const run = await diffusionBridge(problem, { ...short, iterations: 1, innerSteps: 400, batchSize: 512, cache: 5000 });
    const x = { data: Float64Array.of(0.1, 0.2, -1, 0.5), count: 2, dimension: 2 };
    const { covariance, covariances } = run.transition(1, x, 'backward');
    const fresh = logVarianceModel(problem, { grid: short.grid, batchSize: 64, seed: 1 }, 'backward', 1);
    for (const v of conditionalCovariances(fresh, 1, covariance, x)) expect(v.to2DArray()).toEqual(covariance.to2DArray());
    fresh.dispose?.();
    const off = covariances!.flatMap((v) => v.to1DArray().map((value, i) => Math.abs(value - covariance.to1DArray()[i]!)));
    expect(Math.max(...off)).toBeLessThan(0.08 * covariance.get(0, 0));
  });

  test('a run that is killed and resumed, and one made from bytes, have the same bits; another choice is refused', async () => {
    const problem = planarGaussians();
    let checkpoint: Checkpoint | undefined;
    const whole = await diffusionBridge(problem, { ...short, iterations: 2 });
    // In the first slice of half-step 3, and while its log-variances are learned: more reports at its last step than its mean makes.
    for (const [place, reports] of [
      ['mean', 1],
      ['log-variance', 8],
    ] as const) {
      let kept: Uint8Array | undefined;
      checkpoint = { everySeconds: 0, load: () => kept, save: (bytes) => void (kept = bytes) };
      const killer = new AbortController();
      let seen = 0;
      const killed = await diffusionBridge(problem, {
        ...short,
        iterations: 2,
        checkpoint,
        signal: killer.signal,
        onProgress: ({ halfStep, step }) => {
          if (halfStep === 3 && (place === 'mean' || step === short.innerSteps) && ++seen === reports) killer.abort();
        },
      });
      expect([killed.status, killed.halfSteps.length], place).toEqual(['aborted', 2]);
      expect((await diffusionBridge(problem, { ...short, iterations: 2, checkpoint })).digest, place).toBe(whole.digest);
    }
    const again = restoreBridge(problem, whole.toBytes());
    expect(again.digest).toBe(whole.digest);
    expect(again.sample(5, randomSource(3)).y.data).toEqual(whole.sample(5, randomSource(3)).y.data);
    await expect(diffusionBridge(problem, { ...short, iterations: 2, covariance: 'constant', checkpoint: checkpoint! })).rejects.toThrow(
      /another one/,
    );
  });

  test('is refused where it has no meaning', async () => {
    const problem = planarGaussians();
    await expect(diffusionBridge(problem, { ...short, target: 'mean' })).rejects.toThrow(
      /^diffusionBridge: target 'mean' keeps the covariance/,
    );
    await expect(diffusionBridge(problem, { ...short, covariance: 'full' as 'network' })).rejects.toThrow(
      /^diffusionBridge: covariance is 'full'/,
    );
    const run = await diffusionBridge(problem, { ...short, iterations: 1 });
    expect(() => run.simulate({ grid: short.grid, count: 2, random: randomSource(1), integrator: 'exponential' })).toThrow(
      /learned covariance/,
    );
  });
});
