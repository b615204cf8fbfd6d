import { describe, expect, test } from 'vitest';
import { endpointKernels } from '../../src/closed-forms/endpoint-step.ts';
import { propagateBackward, propagateChain } from '../../src/closed-forms/gaussian-chain.ts';
import { bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import type { CouplingMoments } from '../../src/couplings/coupling.ts';
import { logLikelihood } from '../../src/diffusion/flow-likelihood.ts';
import { type FlowMatchingOptions, sinkhornFlowMatching } from '../../src/diffusion/sinkhorn-flow-matching.ts';
import { sinkhorn } from '../../src/discrete/sinkhorn.ts';
import { sinkhornBridge } from '../../src/discrete/sinkhorn-bridge.ts';
import { linear } from '../../src/drifts/linear.ts';
import { mlp } from '../../src/drifts/mlp.ts';
import { DomainError } from '../../src/errors.ts';
import { gaussianBridge } from '../../src/gaussian/gaussian-bridge.ts';
import { dataMarginal } from '../../src/marginals/discrete-marginal.ts';
import { eightGaussians, moons } from '../../src/marginals/shapes.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { brownian } from '../../src/references/brownian.ts';
import { linearReference } from '../../src/references/linear-reference.ts';
import { ornsteinUhlenbeck } from '../../src/references/ornstein-uhlenbeck.ts';
import { timeGrid } from '../../src/references/time-grid.ts';
import { planarGaussians } from '../laws/planar-gaussians.ts';
import { studentQuantile, studentStatistic } from '../laws/statistics.ts';

const { source, target } = planarGaussians();
const grid = timeGrid.fromSteps([0.05, 0.3, 0.1, 0.25, 0.2, 0.1]);
const base = { grid, drift: linear(), innerSteps: 6, batchSize: 3000, cache: 1500 } as const;
const SEEDS = 16;

const numbers = (m: Omit<CouplingMoments, 'sourceMean'>): number[] => [
  ...m.targetMean,
  ...m.targetCovariance.to1DArray(),
  ...m.sourceCovariance.to1DArray(),
  ...m.crossCovariance.to1DArray(),
];

describe('between Gaussians, from the plan of the bridge', () => {
  for (const [name, reference] of [
    ['Brownian', brownian({ sigma: 1 })],
    ['Ornstein–Uhlenbeck', ornsteinUhlenbeck({ rate: 1.2, sigma: 0.9, mean: 0.4 })],
    [
      'matrix-valued',
      linearReference({
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
    ],
  ] as const) {
    test(`both drifts are their population values: ${name}`, async () => {
      const problem = bridgeProblem({ source, target, reference });
      const plan = gaussianBridge(problem);
      const joint = plan.moments();
      const runs = await Promise.all(
        Array.from({ length: SEEDS }, (_, seed) => sinkhornFlowMatching(problem, { ...base, coupling: plan, seed })),
      );
      const limit = studentQuantile(0.01 / (3 * 2 * 14), SEEDS - 1);
      for (const direction of ['forward', 'backward'] as const) {
        const kernels = endpointKernels(reference, grid, joint, direction);
        const [propagate, start] = direction === 'forward' ? [propagateChain, source] : [propagateBackward, target];
        const { means, covariances, crossCovariance } = propagate(kernels, start.mean(), start.covariance());
        const exact = numbers({
          targetMean: direction === 'forward' ? means.at(-1)! : means[0]!,
          targetCovariance: covariances.at(-1)!,
          sourceCovariance: covariances[0]!,
          crossCovariance,
        });
        const values = runs.map((run) => {
          const moments = run.direction(direction).moments();
          return numbers({ ...moments, targetMean: direction === 'forward' ? moments.targetMean : moments.sourceMean });
        });
        exact.forEach((value, j) => {
          const drawn = values.map((v) => v[j]!);
          // The prescribed side has no spread: it is exact.
          if (drawn.every((v) => Math.abs(v - value) < 1e-12)) return;
          expect(Math.abs(studentStatistic(drawn, value)), `${direction}, moment ${j}`).toBeLessThan(limit);
        });
      }
    });
  }
});

describe('the probability flow of the learned pair', () => {
  test('has the density of the source, whichever law of the run is asked', async () => {
    const problem = planarGaussians();
    const run = await sinkhornFlowMatching(problem, {
      coupling: gaussianBridge(problem),
      grid: timeGrid.uniform({ steps: 40 }),
      drift: linear(),
      innerSteps: 80,
      batchSize: 10_000,
      cache: 10_000,
    });
    const x = source.sample(30, randomSource(1));
    const exact = source.logDensity!(x);
    const own = logLikelihood(run, x);
    own.forEach((value, i) => {
      expect(Math.abs(value - exact[i]!)).toBeLessThan(0.05);
    });
    expect(logLikelihood(run.direction('backward'), x)).toEqual(own);
  });
});

describe('between samples, from their whole plan', () => {
  test('a network learns the drifts of the Sinkhorn bridge', async () => {
    const problem = bridgeProblem({
      source: dataMarginal(moons({ scale: 1 }).sample(150, randomSource(1))),
      target: dataMarginal(eightGaussians().sample(150, randomSource(2))),
      reference: brownian({ sigma: 2 }),
    });
    const exact = sinkhornBridge(problem);
    const twenty = timeGrid.uniform({ steps: 20 });
    const run = await sinkhornFlowMatching(problem, {
      coupling: exact.coupling,
      grid: twenty,
      drift: mlp({ hidden: [64, 64] }),
      innerSteps: 1200,
      batchSize: 512,
      seed: 1,
    });
    for (const node of [4, 10, 15]) {
      const t = twenty.times[node]!;
      const x = exact.marginalAt(t).sample(400, randomSource(3));
      for (const [learned, wanted] of [
        [run.drift(t, x), exact.drift(t, x)],
        [run.backwardDrift(t, x), exact.backwardDrift(t, x)],
        [run.velocity(t, x), exact.velocity(t, x)],
      ] as const) {
        const missed = learned.data.reduce((sum, value, p) => sum + (value - wanted.data[p]!) ** 2, 0);
        const size = wanted.data.reduce((sum, value) => sum + value * value, 0);
        expect(missed / size, `t = ${t}`).toBeLessThan(0.05);
      }
    }
  });
});

describe('a run without half-steps', () => {
  const problem = planarGaussians();
  const coupling = gaussianBridge(problem);

  test('has an empty record, and one iterate', async () => {
    const run = await sinkhornFlowMatching(problem, { ...base, coupling });
    expect(run.halfSteps).toEqual([]);
    expect([run.kind, run.scheme, run.status]).toEqual(['diffusion-bridge', 'sinkhornFlowMatching', 'max-iterations']);
    expect(run.iterate(0).moments()).toEqual(run.direction('forward').moments());
    expect(run.chain(0).direction).toBe('forward');
    expect(() => run.iterate(1)).toThrow(/^sinkhornFlowMatching.iterate: there are no half-steps/);
    expect(JSON.parse(JSON.stringify(run))).toMatchObject({ scheme: 'sinkhornFlowMatching', halfSteps: 0 });
    expect(Object.isFrozen(run)).toBe(true);
    const again = await sinkhornFlowMatching(problem, { ...base, coupling });
    expect(again.digest).toBe(run.digest);
  });

  test('trains from plans of mini-batches', async () => {
    const options = {
      ...base,
      minibatch: 250,
      coupling: ((_x, _y, endPoints) => sinkhorn(endPoints, { tolerance: 1e-4 })) satisfies FlowMatchingOptions['coupling'],
    };
    const run = await sinkhornFlowMatching(problem, options as FlowMatchingOptions);
    const exact = coupling.moments().crossCovariance;
    expect(Math.max(...run.moments().crossCovariance.sub(exact).to1DArray().map(Math.abs))).toBeLessThan(0.1);
  });

  const cases: readonly (readonly [string, object | undefined, RegExp])[] = [
    ['no options', undefined, /coupling is undefined; pass \(x, y, problem\) => sinkhorn\(problem\)/],
    ['independent', { coupling: 'independent' }, /coupling is independent; pass/],
    ['mini-batch by name', { coupling: 'minibatch' }, /coupling is minibatch; pass/],
    ['iterations', { coupling, iterations: 3 }, /unknown option 'iterations'/],
    ['minibatch', { coupling, minibatch: 0.5 }, /minibatch must be a whole number/],
  ];
  for (const [name, options, message] of cases) {
    test(`refuses by name: ${name}`, async () => {
      const call = sinkhornFlowMatching(problem, options as FlowMatchingOptions);
      await expect(call).rejects.toThrow(DomainError);
      await expect(call).rejects.toThrow(message);
      await expect(call).rejects.toThrow(/^sinkhornFlowMatching/);
    });
  }
});
