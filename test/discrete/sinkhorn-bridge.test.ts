import { describe, expect, it } from 'vitest';
import { bridgeProblem } from '../../src/couplings/index.ts';
import { staticProblem } from '../../src/couplings/static-problem.ts';
import { sinkhorn, sinkhornBridge } from '../../src/discrete/index.ts';
import { DomainError } from '../../src/errors.ts';
import { dataMarginal, gaussianMarginal } from '../../src/marginals/index.ts';
import { weightedMoments } from '../../src/numerics/moments.ts';
import { integrate } from '../../src/numerics/quadrature.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { brownian, linearReference, ornsteinUhlenbeck, type Reference, timeGrid, variancePreserving } from '../../src/references/index.ts';
import { randomMarginal } from './oracles.ts';

const random = randomSource(4);
const source = randomMarginal(7, 1, random);
const target = randomMarginal(6, 1, random);
const references: [string, Reference][] = [
  ['brownian', brownian({ sigma: 0.8 })],
  ['ornstein-uhlenbeck', ornsteinUhlenbeck({ rate: 0.7, sigma: 1, mean: 0.4, horizon: 1.3 })],
  ['variance-preserving', variancePreserving({ betaMin: 0.5, betaMax: 3 })],
];

describe.each(references)('%s', (_, reference) => {
  const bridge = sinkhornBridge(bridgeProblem({ source, target, reference }), { tolerance: 1e-12 });
  const T = reference.horizon;

  it('is the plan of its end-point problem', () => {
    const plan = sinkhorn(staticProblem(bridgeProblem({ source, target, reference })), { tolerance: 1e-12 });
    expect(bridge.coupling.plan().to1DArray()).toEqual(plan.plan().to1DArray());
  });

  it('has a density that integrates to 1 and has the moments of the marginal', () => {
    for (const share of [0.2, 0.5, 0.9]) {
      const marginal = bridge.marginalAt(share * T);
      const density = (x: number): number => Math.exp(marginal.logDensity!([[x]])[0]!);
      expect(integrate(density, -12, 12, 200)).toBeCloseTo(1, 9);
      expect(integrate((x) => x * density(x), -12, 12, 200)).toBeCloseTo(marginal.mean()[0]!, 9);
      const mean = marginal.mean()[0]!;
      expect(integrate((x) => (x - mean) ** 2 * density(x), -12, 12, 200)).toBeCloseTo(marginal.covariance().get(0, 0), 9);
    }
  });

  it('has drifts whose sum is g² times the score of that density', () => {
    for (const share of [0.3, 0.7]) {
      const t = share * T;
      const marginal = bridge.marginalAt(t);
      const g2 = reference.diffusionCovariance(t, 1).get(0, 0);
      for (const x of [-1, 0.2, 1.4]) {
        const h = 1e-5;
        const slope = (marginal.logDensity!([[x + h]])[0]! - marginal.logDensity!([[x - h]])[0]!) / (2 * h);
        const both = bridge.drift(t, [[x]]).data[0]! + bridge.backwardDrift(t, [[x]]).data[0]!;
        expect(both).toBeCloseTo(g2 * slope, 5);
        expect(bridge.score(t, [[x]]).data[0]).toBeCloseTo(slope, 5);
        expect(bridge.velocity(t, [[x]]).data[0]).toBeCloseTo(
          (bridge.drift(t, [[x]]).data[0]! - bridge.backwardDrift(t, [[x]]).data[0]!) / 2,
          12,
        );
      }
    }
  });

  it('moves its mean as the probability flow says', () => {
    const t = 0.4 * T;
    const h = 1e-4;
    const rate = (bridge.marginalAt(t + h).mean()[0]! - bridge.marginalAt(t - h).mean()[0]!) / (2 * h);
    const marginal = bridge.marginalAt(t);
    const flow = integrate((x) => bridge.velocity(t, [[x]]).data[0]! * Math.exp(marginal.logDensity!([[x]])[0]!), -10, 10, 100);
    expect(flow).toBeCloseTo(rate, 5);
  });

  it('simulates its own marginals, forward and backward', () => {
    for (const direction of ['forward', 'backward'] as const) {
      const grid = timeGrid.uniform({ steps: 4, horizon: T });
      const { points, times } = bridge.simulate({ count: 20_000, grid, random: randomSource(7), direction });
      times.forEach((t, k) => {
        const sampled = weightedMoments(points[k]!);
        const exact = bridge.marginalAt(t);
        const variance = exact.covariance().get(0, 0);
        expect(Math.abs(sampled.mean[0]! - exact.mean()[0]!)).toBeLessThan(4.5 * Math.sqrt(variance / 20_000));
        expect(Math.abs(sampled.covariance.get(0, 0) / variance - 1)).toBeLessThan(0.06);
      });
    }
  });
});

it('refuses what it cannot do', () => {
  const matrix = linearReference({ drift: [[0]], diffusion: [[1]] });
  expect(() => sinkhornBridge(bridgeProblem({ source, target, reference: matrix }))).toThrow(/matrix-valued/);
  const gaussian = gaussianMarginal({ mean: [0], covariance: 1 });
  expect(() => sinkhornBridge(bridgeProblem({ source: gaussian, target, reference: brownian({ sigma: 1 }) }))).toThrow(/dataMarginal/);
  const bridge = sinkhornBridge(bridgeProblem({ source, target: dataMarginal([[0]]), reference: brownian({ sigma: 1 }) }));
  const tiny = bridgeProblem({ source, target, reference: brownian({ sigma: 1e-9 }) });
  expect(() => sinkhornBridge(tiny)).toThrow(/^sinkhornBridge: epsilon .* is too small for doubles/);
  expect(() => sinkhornBridge(tiny, { tol: 1 } as never)).toThrow(/^sinkhornBridge: unknown option 'tol'/);
  expect(() => bridge.drift(1, [[0]])).toThrow(DomainError);
  expect(() => bridge.backwardDrift(0, [[0]])).toThrow(DomainError);
});
