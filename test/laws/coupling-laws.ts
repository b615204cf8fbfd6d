import fc from 'fast-check';
import { Matrix } from 'ml-matrix';
import { describe, expect, test } from 'vitest';
import { halfSquaredEuclidean, squaredEuclidean } from '../../src/costs/squared-euclidean.ts';
import type { Coupling, CouplingMoments } from '../../src/couplings/coupling.ts';
import { ShapeError } from '../../src/errors.ts';
import { type Points, row, toRows, wrapPoints } from '../../src/numerics/points.ts';
import { type RandomSource, randomSource } from '../../src/numerics/random.ts';
import { pseudoInverse, trace } from '../../src/numerics/spd.ts';
import { studentStatistic } from './statistics.ts';

/** What a coupling promises beyond the interface, and how hard to look. */
export interface CouplingLawOptions {
  /** Instances made from different random sources. @defaultValue 4 */
  readonly instances?: number;
  /** Pairs drawn for the statistical laws. @defaultValue 4000 */
  readonly draws?: number;
  /** Pairs for laws that call `conditionalMean`, which may be an average of draws itself. @defaultValue `draws` */
  readonly conditionalDraws?: number;
  /** Standard errors within which a statistic has to lie. @defaultValue 5 */
  readonly deviations?: number;
  /** Bound on both marginal errors; `false` where the marginals are not meant to be right. @defaultValue 1e-9 */
  readonly marginalError?: number | false;
  /** E[y | x] is the linear regression of y on x. @defaultValue false */
  readonly linear?: boolean;
  /** `moments()` and conditional means are estimates with about this absolute error, not exact. @defaultValue 0 */
  readonly slack?: number;
  /** Relative accuracy of `reverse()` and `transportCost`. @defaultValue 1e-9 */
  readonly tolerance?: number;
}

/** A coupling made from a random source, the same one for the same source. */
export type MakeCoupling = (random: RandomSource) => Coupling | Promise<Coupling>;

/** Registers the laws of {@link Coupling} for everything `make` makes. */
export function couplingLaws(name: string, make: MakeCoupling, options: CouplingLawOptions = {}): void {
  const { instances = 4, draws = 4000, deviations = 5, slack = 0, tolerance = 1e-9, linear = false } = options;
  const conditionalDraws = options.conditionalDraws ?? draws;
  const made = new Map<number, Coupling | Promise<Coupling>>();
  const law = (text: string, check: (coupling: Coupling, random: RandomSource) => void): void => {
    test(text, async () => {
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 0, max: 1e6 }), async (seed) => {
          const source = randomSource(seed);
          const coupling = made.get(seed) ?? make(source.split('make'));
          made.set(seed, coupling);
          check(await coupling, source.split('check'));
        }),
        { seed: 20, numRuns: instances, endOnFailure: true },
      );
    });
  };

  describe(`coupling laws: ${name}`, () => {
    law('draws have the moments that are claimed', (coupling, random) => {
      const { x, y } = coupling.sample(draws, random);
      expectDraws(x, y, coupling.moments(), deviations, slack);
    });

    law('a conditional draw completes x to the same joint law', (coupling, random) => {
      const { x } = coupling.sample(draws, random);
      expectDraws(x, coupling.sampleConditional(x, random), coupling.moments(), deviations, slack);
    });

    law('y − E[y | x] is uncorrelated with functions of x, for drawn pairs and for conditional draws', (coupling, random) => {
      const { x, y } = coupling.sample(conditionalDraws, random);
      const mean = coupling.conditionalMean(x);
      expectCentred(x, difference(y, mean), deviations, slack);
      expectCentred(x, difference(coupling.sampleConditional(x, random), mean), deviations, slack);
    });

    law('E[y | x] averages to the mean of the target', (coupling, random) => {
      const mean = coupling.conditionalMean(coupling.sample(conditionalDraws, random).x);
      coupling.moments().targetMean.forEach((expected, k) => {
        expectWithin(column(mean, k), expected, deviations, slack);
      });
    });

    if (linear) {
      law('E[y | x] is the regression of y on x', (coupling, random) => {
        const { sourceMean, targetMean, sourceCovariance, crossCovariance } = coupling.moments();
        const slope = crossCovariance.transpose().mmul(pseudoInverse(sourceCovariance));
        const { x } = coupling.sample(5, random);
        const mean = coupling.conditionalMean(x);
        for (let i = 0; i < x.count; i++) {
          const shift = Matrix.columnVector(Array.from(row(x, i), (value, k) => value - sourceMean[k]!));
          const expected = slope.mmul(shift).to1DArray();
          row(mean, i).forEach((value, k) => {
            expect(value).toBeCloseTo(expected[k]! + targetMean[k]!, 8);
          });
        }
      });
    }

    law('reversing exchanges everything, twice nothing', (coupling, random) => {
      const reversed = coupling.reverse();
      expect(reversed.source).toBe(coupling.target);
      expect(reversed.target).toBe(coupling.source);
      expectNear(reversed.mass, coupling.mass, 1e-12);
      const [a, b, twice] = [coupling.moments(), reversed.moments(), reversed.reverse().moments()];
      expectVector(b.sourceMean, a.targetMean, tolerance);
      expectVector(b.targetMean, a.sourceMean, tolerance);
      expectMatrix(b.sourceCovariance, a.targetCovariance, tolerance);
      expectMatrix(b.targetCovariance, a.sourceCovariance, tolerance);
      expectMatrix(b.crossCovariance, a.crossCovariance.transpose(), tolerance);
      expectVector(twice.sourceMean, a.sourceMean, tolerance);
      expectMatrix(twice.crossCovariance, a.crossCovariance, tolerance);
      const [errors, reversedErrors] = [coupling.marginalError(), reversed.marginalError()];
      expect(reversedErrors.metric).toBe(errors.metric);
      expect(Math.abs(reversedErrors.source - errors.target)).toBeLessThanOrEqual(tolerance);
      expect(Math.abs(reversedErrors.target - errors.source)).toBeLessThanOrEqual(tolerance);
      expectNear(reversed.transportCost(squaredEuclidean()), coupling.transportCost(squaredEuclidean()), tolerance);
      const { x, y } = reversed.sample(draws, random);
      expectDraws(x, y, b, deviations, slack);
      const back = reversed.sampleConditional(x, random);
      expectDraws(x, back, b, deviations, slack);
    });

    law('squared costs follow from the moments and the mass', (coupling) => {
      const { sourceMean, targetMean, sourceCovariance, targetCovariance, crossCovariance } = coupling.moments();
      const shift = sourceMean.reduce((sum, m, k) => sum + (m - targetMean[k]!) ** 2, 0);
      const expected = coupling.mass * (shift + trace(sourceCovariance) + trace(targetCovariance) - 2 * trace(crossCovariance));
      expect(Math.abs(coupling.transportCost(squaredEuclidean()) - expected)).toBeLessThanOrEqual(tolerance * (1 + expected) + 4 * slack);
      expectNear(2 * coupling.transportCost(halfSquaredEuclidean()), coupling.transportCost(squaredEuclidean()), tolerance);
    });

    law('the same seed gives the same bits, another seed others', (coupling, random) => {
      const seed = random.integer(1e6);
      const [first, again, other] = [seed, seed, seed + 1].map((s) => coupling.sample(6, randomSource(s)));
      expect(toRows(again!.x)).toEqual(toRows(first!.x));
      expect(toRows(again!.y)).toEqual(toRows(first!.y));
      expect([toRows(other!.x), toRows(other!.y)]).not.toEqual([toRows(first!.x), toRows(first!.y)]);
      const conditional = [seed, seed].map((s) => toRows(coupling.sampleConditional(first!.x, randomSource(s))));
      expect(conditional[1]).toEqual(conditional[0]);
      expect(toRows(coupling.conditionalMean(first!.x))).toEqual(toRows(coupling.conditionalMean(first!.x)));
    });

    law('shapes fit, inputs stay as they were, results are frozen copies', (coupling, random) => {
      const { x, y } = coupling.sample(3, random);
      expect([x.count, x.dimension, y.count, y.dimension]).toEqual([3, coupling.source.dimension, 3, coupling.target.dimension]);
      const kept = Float64Array.from(x.data);
      coupling.conditionalMean(x);
      coupling.sampleConditional(x, random);
      expect(x.data).toEqual(kept);
      expect(Object.isFrozen(coupling)).toBe(true);
      const before = coupling.moments().sourceCovariance.get(0, 0);
      coupling.moments().sourceCovariance.set(0, 0, -1);
      expect(coupling.moments().sourceCovariance.get(0, 0)).toBe(before);
      expect(coupling.mass).toBeGreaterThan(0);
      const wrong = [Array.from({ length: coupling.source.dimension + 1 }, () => 0)];
      expect(() => coupling.conditionalMean(wrong)).toThrow(ShapeError);
      expect(() => coupling.sampleConditional(wrong, random)).toThrow(ShapeError);
    });

    law('marginal errors are what was promised', (coupling) => {
      const { metric, source, target } = coupling.marginalError();
      expect(['l1', 'bw2-uvp']).toContain(metric);
      expect(source).toBeGreaterThanOrEqual(0);
      expect(target).toBeGreaterThanOrEqual(0);
      const bound = options.marginalError ?? 1e-9;
      if (bound === false) return;
      expect(source).toBeLessThanOrEqual(bound);
      expect(target).toBeLessThanOrEqual(bound);
    });
  });
}

/** Means, both covariances and the cross-covariance of drawn pairs, each within `deviations` standard errors plus `slack`. */
export function expectDraws(x: Points, y: Points, claimed: CouplingMoments, deviations: number, slack = 0): void {
  const { sourceMean, targetMean, sourceCovariance, targetCovariance, crossCovariance } = claimed;
  expectSide(x, sourceMean, sourceCovariance, deviations, slack);
  expectSide(y, targetMean, targetCovariance, deviations, slack);
  expectProducts(x, sourceMean, y, targetMean, crossCovariance, deviations, slack);
}

/** Mean and covariance of draws. */
export function expectSide(x: Points, mean: Float64Array, covariance: Matrix, deviations: number, slack = 0): void {
  mean.forEach((m, k) => {
    expectWithin(column(x, k), m, deviations, slack);
  });
  expectProducts(x, mean, x, mean, covariance, deviations, slack);
}

/** E (x − m)(y − n)ᵀ against the claimed matrix. */
function expectProducts(x: Points, m: Float64Array, y: Points, n: Float64Array, claimed: Matrix, deviations: number, slack: number): void {
  for (let r = 0; r < m.length; r++) {
    for (let c = 0; c < n.length; c++) {
      const [left, right] = [column(x, r), column(y, c)];
      expectWithin(
        left.map((value, i) => (value - m[r]!) * (right[i]! - n[c]!)),
        claimed.get(r, c),
        deviations,
        slack,
      );
    }
  }
}

/** Residuals have mean zero, and stay so when weighted with a coordinate or with the cosine of one. */
function expectCentred(x: Points, residual: Points, deviations: number, slack: number): void {
  for (let c = 0; c < residual.dimension; c++) {
    const values = column(residual, c);
    expectWithin(values, 0, deviations, slack);
    for (let r = 0; r < x.dimension; r++) {
      const at = column(x, r);
      const size = Math.max(1, ...at.map(Math.abs));
      expectWithin(
        values.map((value, i) => value * at[i]!),
        0,
        deviations,
        slack * size,
      );
      expectWithin(
        values.map((value, i) => value * Math.cos(2 * at[i]!)),
        0,
        deviations,
        slack,
      );
    }
  }
}

/** The mean of the values is the expected one, up to `deviations` standard errors, `slack`, and rounding. */
export function expectWithin(values: readonly number[], expected: number, deviations: number, slack = 0): void {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (Math.abs(mean - expected) <= slack + 1e-9 * (1 + Math.abs(expected))) return;
  const distance = Math.abs(studentStatistic(values, expected));
  const excess = distance * (1 - slack / Math.abs(mean - expected));
  expect(excess, `mean ${mean} of ${values.length} draws, claimed ${expected}: standard errors away`).toBeLessThanOrEqual(deviations);
}

export function column(x: Points, k: number): number[] {
  return Array.from({ length: x.count }, (_, i) => x.data[i * x.dimension + k]!);
}

function difference(x: Points, y: Points): Points {
  return wrapPoints(
    x.data.map((value, i) => value - y.data[i]!),
    x.dimension,
  );
}

function expectNear(actual: number, expected: number, tolerance: number): void {
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(tolerance * (1 + Math.abs(expected)));
}

/** Entry by entry, relative to the largest. */
export function expectMatrix(actual: Matrix, expected: Matrix, tolerance: number): void {
  expect([actual.rows, actual.columns]).toEqual([expected.rows, expected.columns]);
  expectVector(Float64Array.from(actual.to1DArray()), Float64Array.from(expected.to1DArray()), tolerance);
}

export function expectVector(actual: Float64Array, expected: Float64Array, tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  const size = 1 + Math.max(...expected.map(Math.abs));
  const worst = Math.max(...actual.map((value, i) => Math.abs(value - expected[i]!)));
  expect(worst / size, `${Array.from(actual)} against ${Array.from(expected)}`).toBeLessThanOrEqual(tolerance);
}
