import { describe, expect, test } from 'vitest';
import { gaussianKl } from '../../src/closed-forms/gaussian-kl.ts';
import { type BridgeProblem, bridgeProblem } from '../../src/couplings/index.ts';
import { DomainError } from '../../src/errors.ts';
import { biasEqualisingGrid, gaussianBridge, gaussianChain, populationDsb } from '../../src/gaussian/index.ts';
import { gaussianMarginal } from '../../src/marginals/index.ts';
import { brownian, ornsteinUhlenbeck, type Reference, type TimeGrid, timeGrid, variancePreserving } from '../../src/references/index.ts';

const problem = (target: number, reference: Reference = brownian({ sigma: 1 })): BridgeProblem =>
  bridgeProblem({
    source: gaussianMarginal({ mean: [0], covariance: 1 }),
    target: gaussianMarginal({ mean: [0], covariance: target }),
    reference,
  });

/** Σ over transitions of the share by which the noise of the exact chain differs from γg²: what the schedule is to equalise. */
function shares(of: BridgeProblem, grid: TimeGrid): number[] {
  const chain = gaussianChain(of, grid);
  const reference = of.reference.discretise(grid);
  return Array.from(
    { length: grid.steps },
    (_, k) => 1 - chain.kernel(k).covariance.get(0, 0) / reference.kernel(k, 1).covariance.get(0, 0),
  );
}

describe('biasEqualisingGrid', () => {
  const cases = [
    problem(0.05),
    problem(0.05, ornsteinUhlenbeck({ rate: 1, sigma: 1 })),
    problem(0.3, variancePreserving({ betaMin: 0.1, betaMax: 10 })),
  ];

  test.each(cases.map((one, i) => [i, one] as const))('evens out what the noise is off by, case %i', (_, one) => {
    const spread = (grid: TimeGrid): number => {
      const all = shares(one, grid).map(Math.abs);
      return Math.max(...all) / (all.reduce((sum, share) => sum + share, 0) / all.length);
    };
    expect(spread(biasEqualisingGrid(one, { steps: 40 }))).toBeLessThan(0.75 * spread(timeGrid.uniform({ steps: 40 })));
  });

  test('the limit of DSB is nearer to the bridge than on equal steps', () => {
    const kl = (grid: TimeGrid): number => {
      const dsb = populationDsb(cases[0]!, grid, { target: 'mean' }).iterate(60).moments();
      const exact = gaussianBridge(cases[0]!).moments();
      return gaussianKl(
        { mean: dsb.targetMean, covariance: dsb.targetCovariance },
        { mean: exact.targetMean, covariance: exact.targetCovariance },
      );
    };
    expect(kl(biasEqualisingGrid(cases[0]!, { steps: 20 }))).toBeLessThan(0.3 * kl(timeGrid.uniform({ steps: 20 })));
  });

  test('a reference that bridges its marginals already gets equal steps', () => {
    const grid = biasEqualisingGrid(problem(2), { steps: 7 });
    grid.durations.forEach((gamma) => {
      expect(gamma).toBeCloseTo(1 / 7, 12);
    });
  });

  test('durations are positive and end at the horizon; no step is longer than six mean ones', () => {
    for (const one of cases) {
      const grid = biasEqualisingGrid(one, { steps: 13 });
      expect(grid.horizon).toBeCloseTo(1, 14);
      expect(Math.max(...grid.durations)).toBeLessThan(6 / 13);
      expect(grid.steps).toBe(13);
    }
  });

  test('unknown options and problems are refused', () => {
    expect(() => biasEqualisingGrid(cases[0]!, { steps: 0 })).toThrow(DomainError);
    expect(() => biasEqualisingGrid({} as BridgeProblem, { steps: 3 })).toThrow(DomainError);
  });
});
