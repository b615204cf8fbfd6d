import { describe, expect, test } from 'vitest';
import { type BridgeProblem, bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import type { Coupling, CouplingMoments } from '../../src/couplings/coupling.ts';
import { independentCoupling } from '../../src/couplings/independent-coupling.ts';
import { type BridgeMatchingOptions, bridgeMatching } from '../../src/diffusion/bridge-matching.ts';
import { sinkhorn } from '../../src/discrete/sinkhorn.ts';
import { linear } from '../../src/drifts/linear.ts';
import { mlp } from '../../src/drifts/mlp.ts';
import { sum } from '../../src/drifts/sum.ts';
import { DomainError } from '../../src/errors.ts';
import { gaussianBridge } from '../../src/gaussian/gaussian-bridge.ts';
import { populationImf } from '../../src/gaussian/population-imf.ts';
import { gaussianMarginal } from '../../src/marginals/gaussian-marginal.ts';
import { crossMoment, weightedMoments } from '../../src/numerics/moments.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { linearReference } from '../../src/references/linear-reference.ts';
import { timeGrid } from '../../src/references/time-grid.ts';
import { variancePreserving } from '../../src/references/variance-preserving.ts';
import { planarGaussians } from '../laws/planar-gaussians.ts';
import { studentQuantile, studentStatistic } from '../laws/statistics.ts';

const SEEDS = 16;
const HALF_STEPS = 4;

const { source, target } = planarGaussians();
/** Uneven steps, so that γ in the wrong order or at the wrong transition shows. */
const grid = timeGrid.fromSteps([0.05, 0.3, 0.1, 0.25, 0.2, 0.1]);
const brownianProblem = planarGaussians();
const cases: readonly (readonly [string, BridgeProblem])[] = [
  ['Brownian', brownianProblem],
  ['variance preserving', bridgeProblem({ source, target, reference: variancePreserving({ betaMin: 0.5, betaMax: 3 }) })],
  [
    'matrix-valued',
    bridgeProblem({
      source,
      target,
      reference: linearReference({
        drift: [
          [-0.5, 0.4],
          [-0.4, -0.2],
        ],
        bias: [0.3, -0.1],
        diffusion: [
          [1, 0],
          [0.4, 0.8],
        ],
      }),
    }),
  ],
];

/** The moments that regression decides; the prescribed side is exact and left out. */
function learned(moments: CouplingMoments, direction: 'forward' | 'backward'): number[] {
  const [mean, covariance] =
    direction === 'backward' ? [moments.sourceMean, moments.sourceCovariance] : [moments.targetMean, moments.targetCovariance];
  return [...mean, covariance.get(0, 0), covariance.get(0, 1), covariance.get(1, 1), ...moments.crossCovariance.to1DArray()];
}

const limit = studentQuantile(0.01 / (6 * HALF_STEPS * 9), SEEDS - 1);
const base: BridgeMatchingOptions = { iterations: HALF_STEPS / 2, grid, drift: linear(), innerSteps: 6, batchSize: 3000, cache: 1500 };

describe('with least squares every half-step of bridge matching is its population value', () => {
  for (const [name, problem] of cases) {
    for (const networks of ['two', 'one'] as const) {
      test(`${name}, networks: ${networks}`, async () => {
        const inner = networks === 'one' ? { innerSteps: 12 } : {};
        const runs = await Promise.all(
          Array.from({ length: SEEDS }, (_, seed) => bridgeMatching(problem, { ...base, ...inner, networks, seed })),
        );
        const population = populationImf(problem, grid);
        for (let i = 1; i <= HALF_STEPS; i++) {
          const { direction } = population.iterate(i);
          const values = runs.map((run) => learned(run.iterate(i).moments(), direction));
          learned(population.iterate(i).moments(), direction).forEach((value, j) => {
            const z = studentStatistic(
              values.map((v) => v[j]!),
              value,
            );
            expect(Math.abs(z), `half-step ${i}, moment ${j}: z = ${z}`).toBeLessThan(limit);
          });
        }
      });
    }
  }

  // The plan over Brownian motion: the first half-step starts far from independent pairs, and elsewhere far from the own bridge.
  for (const [name, problem] of cases) {
    test(`from a given coupling: ${name}`, async () => {
      const plan = gaussianBridge(brownianProblem);
      const runs = await Promise.all(
        Array.from({ length: SEEDS }, (_, seed) => bridgeMatching(problem, { ...base, coupling: plan, seed })),
      );
      const population = populationImf(problem, grid, { coupling: plan.moments() });
      const independent = populationImf(problem, grid);
      for (let i = 1; i <= HALF_STEPS; i++) {
        const { direction } = population.iterate(i);
        const values = runs.map((run) => learned(run.iterate(i).moments(), direction));
        const distance = (to: CouplingMoments): number =>
          Math.max(
            ...learned(to, direction).map((value, j) =>
              Math.abs(
                studentStatistic(
                  values.map((v) => v[j]!),
                  value,
                ),
              ),
            ),
          );
        expect(distance(population.iterate(i).moments()), `half-step ${i}`).toBeLessThan(limit);
        if (i === 1) expect(distance(independent.iterate(i).moments())).toBeGreaterThan(10);
      }
    });
  }
});

describe('mini-batch couplings', () => {
  for (const [name, problem] of [cases[0]!, cases[2]!]) {
    test(`${name}: a function is given the points of a mini-batch and their end-point problem`, async () => {
      const sizes = new Set<number>();
      const run = await bridgeMatching(problem, {
        ...base,
        iterations: 1,
        cache: 1000,
        minibatch: 200,
        coupling(x, y, endPoints) {
          sizes.add(x.count).add(y.count);
          return sinkhorn(endPoints, { tolerance: 1e-4 });
        },
      });
      expect([...sizes]).toEqual([200]);
      // Nearer to the bridge from the start than from independent pairs.
      const exact = gaussianBridge(problem).moments().crossCovariance;
      const off = (coupling: Coupling) => coupling.moments().crossCovariance.sub(exact).norm('frobenius');
      expect(off(run.iterate(1))).toBeLessThan(0.5 * off(populationImf(problem, grid).iterate(1)));
    });
  }
});

describe('one network', () => {
  test('learns both directions: what it draws is near the population value', async () => {
    const five = timeGrid.uniform({ steps: 5 });
    const run = await bridgeMatching(brownianProblem, {
      iterations: 1,
      grid: five,
      networks: 'one',
      drift: mlp({ hidden: [32], timeFeatures: 4 }),
      innerSteps: 800,
      batchSize: 512,
      learningRate: 1e-2,
      cache: 2000,
      seed: 1,
    });
    const population = populationImf(brownianProblem, five);
    for (const i of [1, 2]) {
      const { x, y } = run.iterate(i).sample(20_000, randomSource(2));
      const exact = population.iterate(i).moments();
      const [a, b] = [weightedMoments(x), weightedMoments(y)];
      const cross = crossMoment(x, a.mean, y, b.mean);
      a.mean.forEach((m, k) => {
        expect(Math.abs(m - exact.sourceMean[k]!)).toBeLessThan(0.08);
        expect(Math.abs(b.mean[k]! - exact.targetMean[k]!)).toBeLessThan(0.08);
      });
      for (const [actual, wanted] of [
        [a.covariance, exact.sourceCovariance],
        [b.covariance, exact.targetCovariance],
        [cross, exact.crossCovariance],
      ] as const) {
        expect(Math.max(...actual.sub(wanted).to1DArray().map(Math.abs)), `half-step ${i}`).toBeLessThan(0.1);
      }
    }
    expect(run.options.drift.description).toMatchObject({ kind: 'mlp', networks: 'one' });
  });

  test('is one: the second half-step goes on from the first', async () => {
    const quick = { ...base, networks: 'one', drift: mlp({ hidden: [8] }), innerSteps: 2, iterations: 1 } as const;
    const run = await bridgeMatching(brownianProblem, quick);
    const shorter = await bridgeMatching(brownianProblem, { ...quick, learningRate: 1e-12 });
    // With no learning to speak of, the forward drift of half-step 2 is the network that half-step 1 left: the zero one.
    expect(Math.max(...shorter.drift(0.4, [[1, 1]]).data.map(Math.abs))).toBeLessThan(1e-6);
    expect(Math.max(...run.drift(0.4, [[1, 1]]).data.map(Math.abs))).toBeGreaterThan(1e-3);
    const again = await bridgeMatching(brownianProblem, quick);
    expect(again.digest).toBe(run.digest);
  });
});

describe('bad options are refused by name', () => {
  const cases: readonly (readonly [string, object, RegExp])[] = [
    ['iterations', { iterations: 0 }, /iterations must be a whole number/],
    ['coupling text', { coupling: 'sinkhorn' }, /coupling is sinkhorn; use 'independent'/],
    ['coupling object', { coupling: {} }, /coupling is \[object Object\]/],
    ['what the function returns', { coupling: () => undefined }, /coupling made undefined, which cannot be sampled/],
    ['minibatch', { minibatch: 0 }, /minibatch must be a whole number/],
    ['networks', { networks: 'three' }, /networks is 'three'; use 'one' or 'two'/],
    ['sum', { networks: 'one', drift: sum(gaussianBridge(brownianProblem), linear()) }, /use networks: 'two'/],
    ['target', { target: 'endpoint' }, /unknown option 'target'/],
    ['cache.keep', { cache: { paths: 10, keep: 'ends' } }, /cache\.keep is 'ends'; use 'paths' or 'endpoints'/],
  ];
  for (const [name, options, message] of cases) {
    test(name, async () => {
      const call = bridgeMatching(brownianProblem, { ...base, ...options } as BridgeMatchingOptions);
      await expect(call).rejects.toThrow(DomainError);
      await expect(call).rejects.toThrow(message);
      await expect(call).rejects.toThrow(/^bridgeMatching/);
    });
  }

  test('a coupling of another dimension', async () => {
    const line = gaussianMarginal({ mean: [0], covariance: 1 });
    await expect(bridgeMatching(brownianProblem, { ...base, coupling: independentCoupling(line, line) })).rejects.toThrow(
      /^bridgeMatching: the coupling drew 32 × 1 points, expected 32 × 2/,
    );
  });
});
