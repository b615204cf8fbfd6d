import { Matrix } from 'ml-matrix';
import { describe, expect, test } from 'vitest';
import { bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import { DomainError } from '../../src/errors.ts';
import { gaussianBridge } from '../../src/gaussian/gaussian-bridge.ts';
import { gaussianImf } from '../../src/gaussian/gaussian-imf.ts';
import { populationDsb } from '../../src/gaussian/population-dsb.ts';
import { populationImf } from '../../src/gaussian/population-imf.ts';
import { gaussianMarginal } from '../../src/marginals/gaussian-marginal.ts';
import { brownian } from '../../src/references/brownian.ts';
import { timeGrid } from '../../src/references/time-grid.ts';
import { variancePreserving } from '../../src/references/variance-preserving.ts';
import { planarGaussians } from '../laws/planar-gaussians.ts';

const { source, target } = planarGaussians();
const problem = planarGaussians();
const distance = (a: Matrix, b: Matrix): number => Matrix.sub(a, b).norm('frobenius');

describe('bridge matching with infinite data', () => {
  test('approaches the iterates of IMF, to first order in the step', () => {
    const imf = gaussianImf(problem);
    const errors = [50, 100, 200].map((steps) => {
      const population = populationImf(problem, timeGrid.uniform({ steps }));
      return [1, 2, 3, 4].map((n) => distance(population.iterate(n).crossCovariance, imf.iterate(n).moments().crossCovariance));
    });
    for (let n = 0; n < 4; n++) {
      expect(errors[0]![n]! / errors[1]![n]!).toBeCloseTo(2, 0);
      expect(errors[1]![n]! / errors[2]![n]!).toBeCloseTo(2, 0);
      expect(errors[2]![n]).toBeLessThan(0.01);
    }
  });

  test('one step by hand: N(∓m, 1), σ = 1, two Euler steps from the target', () => {
    const at = (mean: number) => gaussianMarginal({ mean: [mean], covariance: 1 });
    const line = bridgeProblem({ source: at(-0.5), target: at(0.5), reference: brownian({ sigma: 1 }) });
    const chain = populationImf(line, timeGrid.uniform({ steps: 2 })).iterate(1);
    // b(t, x) = (E[X_0 | X_t = x] − x)/t, X_t = (1 − t)X_0 + tX_1 + √(t(1 − t)) Z, X_0 and X_1 independent.
    const slope = (t: number): number => ((1 - t) / ((1 - t) ** 2 + t * t + t * (1 - t)) - 1) / t;
    const [first, second] = [1 + 0.5 * slope(1), 1 + 0.5 * slope(0.5)];
    const middle = first * first + 0.5;
    expect(chain.covariances[1]!.get(0, 0)).toBeCloseTo(middle, 12);
    expect(chain.covariances[0]!.get(0, 0)).toBeCloseTo(second * second * middle + 0.5, 12);
    expect(chain.crossCovariance.get(0, 0)).toBeCloseTo(first * second, 12);
  });

  test('from the plan of the bridge it stays there, and meets end-point IPF', () => {
    const reference = variancePreserving({ betaMin: 0.5, betaMax: 3 });
    const other = bridgeProblem({ source, target, reference });
    const plan = gaussianBridge(other).moments();
    const grid = timeGrid.uniform({ steps: 400 });
    const staying = populationImf(other, grid, { coupling: plan });
    for (const n of [1, 4]) expect(distance(staying.iterate(n).crossCovariance, plan.crossCovariance)).toBeLessThan(0.01);
    // Both recursions are one and the same map after their first half-step.
    const coarse = timeGrid.uniform({ steps: 10 });
    const [imf, ipf] = [populationImf(other, coarse), populationDsb(other, coarse, { target: 'endpoint' })];
    expect(distance(imf.iterate(1).crossCovariance, ipf.iterate(1).crossCovariance)).toBeGreaterThan(0.03);
    expect(distance(imf.iterate(60).crossCovariance, ipf.iterate(60).crossCovariance)).toBeLessThan(1e-10);
  });

  test('refuses what it has not', () => {
    const grid = timeGrid.uniform({ steps: 4 });
    expect(() => populationImf(problem, grid).iterate(0)).toThrow(DomainError);
    expect(() => populationImf(problem, timeGrid.uniform({ steps: 4, horizon: 2 }))).toThrow(DomainError);
    expect(() => populationImf(problem, grid, { plan: 1 } as object)).toThrow(/unknown option 'plan'/);
  });
});
