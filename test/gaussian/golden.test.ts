import type { Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { type BridgeProblem, bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import { gaussianBridge, gaussianIpf, type PopulationDsbOptions, populationDsb } from '../../src/gaussian/index.ts';
import { gaussianMarginal } from '../../src/marginals/gaussian-marginal.ts';
import { brownian, dsbReference, ornsteinUhlenbeck, timeGrid } from '../../src/references/index.ts';

/** N(−0.1, 1) → N(0.1, 1) over Brownian motion with σ² = eps. */
function scalar(variance = [1, 1], eps = 1, means = [-0.1, 0.1]): BridgeProblem {
  return bridgeProblem({
    source: gaussianMarginal({ mean: [means[0]!], covariance: variance[0]! }),
    target: gaussianMarginal({ mean: [means[1]!], covariance: variance[1]! }),
    reference: brownian({ sigma: Math.sqrt(eps) }),
  });
}

const golden = (Math.sqrt(5) - 1) / 2;

describe('iterative proportional fitting', () => {
  it('has ratios of Fibonacci numbers as covariances', () => {
    const ipf = gaussianIpf(scalar());
    const table = [
      [-0.1, -0.1, 1, 2, 1],
      [0, 0.1, 3 / 4, 1, 1 / 2],
      [-0.1, 1 / 30, 1, 10 / 9, 2 / 3],
      [-0.06, 0.1, 0.96, 1, 3 / 5],
      [-0.1, 0.075, 1, 1.015625, 5 / 8],
      [-0.1 + 0.2 / 13, 0.1, 1 - 1 / 169, 1, 8 / 13],
      [-0.1, 0.1 - 0.2 / 21, 1, 1 + 1 / 441, 13 / 21],
      [-0.1 + 0.2 / 34, 0.1, 1 - 1 / 1156, 1, 21 / 34],
    ];
    table.forEach((expected, i) => {
      const m = ipf.iterate(i).moments();
      const actual = [
        m.sourceMean[0]!,
        m.targetMean[0]!,
        m.sourceCovariance.get(0, 0),
        m.targetCovariance.get(0, 0),
        m.crossCovariance.get(0, 0),
      ];
      actual.forEach((value, k) => {
        expect(value).toBeCloseTo(expected[k]!, 12);
      });
    });
  });

  it('contracts means by ρ², covariances by ρ⁴', () => {
    const problem = scalar([2, 1], 0.5);
    const ipf = gaussianIpf(problem);
    const exact = gaussianBridge(problem).moments();
    const error = (i: number, part: 'mean' | 'cross'): number => {
      const m = ipf.iterate(i).moments();
      return part === 'mean' ? m.sourceMean[0]! + 0.1 : m.crossCovariance.get(0, 0) - exact.crossCovariance.get(0, 0);
    };
    // ρ = 2σ/(ε + √(ε² + 4σ²)) with σ = √2, ε = ½: 0.8387…
    const rho = (2 * Math.SQRT2) / (0.5 + Math.sqrt(0.25 + 8));
    expect(ipf.rate).toBeCloseTo(rho * rho, 13);
    expect(error(41, 'mean') / error(39, 'mean')).toBeCloseTo(rho ** 2, 5);
    expect(error(31, 'cross') / error(29, 'cross')).toBeCloseTo(rho ** 4, 4);
  });
});

describe('the limit', () => {
  it('is the golden ratio, and the closed form of the marginals', () => {
    const bridge = gaussianBridge(scalar());
    expect(bridge.moments().crossCovariance.get(0, 0)).toBeCloseTo(golden, 13);
    for (const t of [0, 0.1, 0.37, 0.5, 0.9, 1]) {
      const marginal = bridge.marginalAt(t);
      expect(marginal.mean()[0]).toBeCloseTo(0.2 * t - 0.1, 13);
      expect(marginal.covariance().get(0, 0)).toBeCloseTo(t * (1 - t) * Math.sqrt(5) + (1 - t) ** 2 + t * t, 13);
    }
  });
});

describe('population DSB, N(∓0.1, 1), σ = 1', () => {
  const iterated = (steps: number, halfSteps: number, options: PopulationDsbOptions) =>
    populationDsb(scalar(), timeGrid.uniform({ steps }), options).iterate(halfSteps);
  const first = (m: Matrix | undefined): number => m!.get(0, 0);

  it('N = 20: half-steps of mean matching and of endpoint, and the limits of endpoint', () => {
    expect(first(iterated(20, 1, { target: 'mean' }).covariances[0])).toBeCloseTo(0.76911, 5);
    const second = iterated(20, 2, { target: 'mean' });
    expect(second.means[20]![0]).toBeCloseTo(0.03133, 5);
    expect(first(second.covariances[20])).toBeCloseTo(1.11011, 5);
    expect(first(second.crossCovariance)).toBeCloseTo(0.6596, 5);
    expect(first(iterated(20, 1, { target: 'endpoint' }).covariances[0])).toBeCloseTo(0.76911, 5);
    const endpoint = iterated(20, 2, { target: 'endpoint' });
    expect(endpoint.means[20]![0]).toBeCloseTo(0.03391, 5);
    expect(first(endpoint.covariances[20])).toBeCloseTo(1.11437, 5);
    expect(first(endpoint.crossCovariance)).toBeCloseTo(0.66086, 5);
    const limit = iterated(20, 119, { target: 'endpoint' });
    expect(limit.means[0]![0]).toBeCloseTo(-0.1, 5);
    expect(first(limit.covariances[0])).toBeCloseTo(1.01103, 5);
    expect(first(limit.crossCovariance)).toBeCloseTo(0.61519, 5);
    const finer = iterated(50, 119, { target: 'endpoint' });
    expect(first(finer.covariances[0])).toBeCloseTo(1.00445, 5);
    expect(first(finer.crossCovariance)).toBeCloseTo(0.61695, 5);
  });
});

describe('effective regularisation', () => {
  it('differs between the chain, the process and 2T when there is a drift', () => {
    const { reference, grid } = dsbReference({ rate: 1 }, new Float64Array(20).fill(0.075));
    expect(reference.discretise(grid).effectiveEpsilon).toBeCloseTo(4.72, 2);
    expect(reference.effectiveEpsilon).toBeCloseTo(4.26, 2);
    expect(ornsteinUhlenbeck({ rate: 1, sigma: Math.SQRT2, horizon: 1.5 }).effectiveEpsilon).toBeCloseTo(4.26, 2);
  });
});
