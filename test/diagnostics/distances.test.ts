import fc from 'fast-check';
import { Matrix } from 'ml-matrix';
import { describe, expect, test } from 'vitest';
import { bwUvp } from '../../src/diagnostics/bw-uvp.ts';
import { energyDistance } from '../../src/diagnostics/energy-distance.ts';
import { mmd } from '../../src/diagnostics/mmd.ts';
import { slicedWasserstein } from '../../src/diagnostics/sliced-wasserstein.ts';
import { wasserstein2 } from '../../src/diagnostics/wasserstein2.ts';
import { DomainError, ShapeError } from '../../src/errors.ts';
import { discreteMarginal } from '../../src/marginals/discrete-marginal.ts';
import { gaussianMarginal } from '../../src/marginals/gaussian-marginal.ts';
import { applyAffine } from '../../src/numerics/affine.ts';
import { weightedMoments } from '../../src/numerics/moments.ts';
import { type Points, points, toRows } from '../../src/numerics/points.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { studentQuantile, studentStatistic } from '../laws/statistics.ts';

const coordinate = fc.double({ min: -10, max: 10, noNaN: true });
const cloud = (dimension: number, size = 6) =>
  fc.array(fc.array(coordinate, { minLength: dimension, maxLength: dimension }), { minLength: size, maxLength: size });

const shifted = (rows: readonly (readonly number[])[], by: readonly number[]): number[][] => rows.map((r) => r.map((x, k) => x + by[k]!));
const normals = (count: number, dimension: number, seed: number): Points =>
  gaussianMarginal({ mean: new Float64Array(dimension), covariance: 1 }).sample(count, randomSource(seed));

/** Least mean of |x_i − y_π(i)|² over all permutations. */
function bruteForce(x: readonly (readonly number[])[], y: readonly (readonly number[])[]): number {
  const cost = (i: number, j: number): number => x[i]!.reduce((sum, value, k) => sum + (value - y[j]![k]!) ** 2, 0);
  const best = (i: number, free: readonly number[]): number =>
    i === x.length
      ? 0
      : Math.min(
          ...free.map(
            (j) =>
              cost(i, j) +
              best(
                i + 1,
                free.filter((other) => other !== j),
              ),
          ),
        );
  return best(0, [...y.keys()]) / x.length;
}

describe('bwUvp', () => {
  test('commuting covariances: half the squared differences of means and roots', () => {
    const a = gaussianMarginal({
      mean: [1, 2],
      covariance: [
        [4, 0],
        [0, 9],
      ],
    });
    const b = gaussianMarginal({
      mean: [0, 4],
      covariance: [
        [1, 0],
        [0, 16],
      ],
    });
    const distance = 0.5 * (1 + 4) + 0.5 * ((2 - 1) ** 2 + (3 - 4) ** 2);
    expect(bwUvp(a, b)).toBeCloseTo((100 * distance) / (0.5 * 17), 10);
    expect(bwUvp(b, a)).toBeCloseTo((100 * distance) / (0.5 * 13), 10);
  });

  test('two by two: tr (AB)^{1/2} = (tr AB + 2 √det AB)^{1/2}', () => {
    const A = new Matrix([
      [2, 0.7],
      [0.7, 1],
    ]);
    const B = new Matrix([
      [1, -0.4],
      [-0.4, 3],
    ]);
    const AB = A.mmul(B);
    const det = AB.get(0, 0) * AB.get(1, 1) - AB.get(0, 1) * AB.get(1, 0);
    const overlap = Math.sqrt(AB.get(0, 0) + AB.get(1, 1) + 2 * Math.sqrt(det));
    const mean = new Float64Array(2);
    expect(bwUvp({ mean, covariance: A }, { mean, covariance: B })).toBeCloseTo((100 * (0.5 * 3 + 0.5 * 4 - overlap)) / (0.5 * 4), 10);
  });

  test('a point at the true mean leaves everything unexplained', () => {
    const truth = gaussianMarginal({
      mean: [1, 2],
      covariance: [
        [1, 0.5],
        [0.5, 2],
      ],
    });
    expect(bwUvp(gaussianMarginal({ mean: [1, 2], covariance: 0 }), truth)).toBeCloseTo(100, 10);
    expect(bwUvp(truth, truth)).toBeCloseTo(0, 10);
    expect(() => bwUvp(gaussianMarginal({ mean: [1], covariance: 1 }), truth)).toThrow(ShapeError);
  });
});

describe('wasserstein2', () => {
  for (const dimension of [1, 2]) {
    test(`dimension ${dimension}: the best of all permutations`, () => {
      fc.assert(
        fc.property(cloud(dimension, 5), cloud(dimension, 5), (x, y) => {
          expect(wasserstein2(x, y)).toBeCloseTo(Math.sqrt(bruteForce(x, y)), 8);
        }),
        { numRuns: 40 },
      );
    });

    test(`dimension ${dimension}: symmetric, zero on equal clouds in any order, |v| for a translation`, () => {
      fc.assert(
        fc.property(cloud(dimension), cloud(dimension), fc.array(coordinate, { minLength: dimension, maxLength: dimension }), (x, y, v) => {
          expect(wasserstein2(x, y)).toBeCloseTo(wasserstein2(y, x), 8);
          expect(wasserstein2(x, [...x].reverse())).toBeLessThan(1e-7);
          expect(wasserstein2(x, shifted(x, v))).toBeCloseTo(Math.hypot(...v), 8);
        }),
        { numRuns: 30 },
      );
    });
  }

  test('weights on the line are those of the network simplex in the plane', () => {
    const positions = fc.array(fc.tuple(coordinate, fc.integer({ min: 0, max: 9 })), { minLength: 1, maxLength: 8 });
    const weighted = positions.filter((all) => all.some(([, w]) => w > 0));
    fc.assert(
      fc.property(weighted, weighted, (x, y) => {
        const on = (all: typeof x, rest: readonly number[]) =>
          discreteMarginal({ points: all.map(([p]) => [p, ...rest]), weights: all.map(([, w]) => w) });
        expect(wasserstein2(on(x, []), on(y, []))).toBeCloseTo(wasserstein2(on(x, [0]), on(y, [0])), 7);
      }),
      { numRuns: 60 },
    );
  });

  test('a positive definite linear map is optimal: the Gaussian closed form, exactly', () => {
    const x = normals(60, 2, 4);
    const map = new Matrix([
      [1.5, 0.4],
      [0.4, 0.7],
    ]);
    const y = applyAffine({ matrix: map, offset: Float64Array.of(1, -2) }, x);
    const squared = wasserstein2(x, y) ** 2;
    const paired = toRows(x).reduce((sum, r, i) => sum + Math.hypot(r[0]! - toRows(y)[i]![0]!, r[1]! - toRows(y)[i]![1]!) ** 2, 0) / 60;
    expect(squared).toBeCloseTo(paired, 9);
    const [a, b] = [weightedMoments(x), weightedMoments(y)];
    expect((100 * squared) / 2 / (0.5 * (b.covariance.get(0, 0) + b.covariance.get(1, 1)))).toBeCloseTo(bwUvp(a, b), 7);
  });

  test('different numbers of points', () => {
    expect(wasserstein2([[0]], [[3], [4]])).toBeCloseTo(Math.sqrt(12.5), 12);
    expect(
      wasserstein2(
        [[0, 0]],
        [
          [3, 0],
          [4, 0],
        ],
      ),
    ).toBeCloseTo(Math.sqrt(12.5), 12);
    // Every point twice is the same measure, also after the root of what rounding leaves.
    const seven = Array.from({ length: 7 }, (_, i) => [1000 * i]);
    expect(wasserstein2(seven, [...seven, ...seven])).toBeLessThan(1e-9);
    expect(wasserstein2([[0], [1]], [[0], [0.5], [1]])).toBeCloseTo(Math.sqrt((1 / 6) * 0.25 * 2), 12);
  });

  test('refuses what has no points', () => {
    expect(() => wasserstein2([[0]], [[0, 1]])).toThrow(ShapeError);
    expect(() => wasserstein2(gaussianMarginal({ mean: [0], covariance: 1 }) as never, [[0]])).toThrow(/pass marginal.sample/);
    expect(() => wasserstein2([[Number.NaN]], [[0]])).toThrow(/wasserstein2: x: row 0/);
  });
});

describe('slicedWasserstein', () => {
  test('on the line it is the distance itself', () => {
    fc.assert(
      fc.property(cloud(1), cloud(1), (x, y) => {
        expect(slicedWasserstein(x, y, { projections: 3 })).toBeCloseTo(wasserstein2(x, y), 8);
      }),
      { numRuns: 30 },
    );
  });

  test('symmetric, zero on equal clouds, below the distance, |v|/√d for a translation', () => {
    fc.assert(
      fc.property(cloud(3), cloud(3), (x, y) => {
        expect(slicedWasserstein(x, y)).toBeCloseTo(slicedWasserstein(y, x), 10);
        expect(slicedWasserstein(x, [...x].reverse())).toBeLessThan(1e-7);
        expect(slicedWasserstein(x, y)).toBeLessThanOrEqual(wasserstein2(x, y) + 1e-9);
      }),
      { numRuns: 20 },
    );
    const x = toRows(normals(20, 3, 1));
    // ⟨θ, v⟩² has mean |v|²/d and standard deviation 0.894·|v|²/d in three dimensions: 4000 directions give 1.4%.
    const v = [1, 2, -2];
    const squared = slicedWasserstein(x, shifted(x, v), { projections: 4000, random: randomSource(5) }) ** 2;
    expect(Math.abs(squared / 3 - 1)).toBeLessThan(0.06);
  });

  test('refuses bad input', () => {
    expect(() => slicedWasserstein([[0]], [[0, 1]])).toThrow(ShapeError);
    expect(() => slicedWasserstein([[0]], [[0]], { projections: 0 })).toThrow(DomainError);
    expect(() => slicedWasserstein([[0]], [[0]], { directions: 3 } as object)).toThrow(/unknown option 'directions'/);
  });
});

describe('mmd', () => {
  const k = (difference: number, h: number): number => Math.exp((-difference * difference) / (2 * h * h));

  test('by hand', () => {
    const biased = 0.5 * (1 + k(1, 2)) + 1 - (k(2, 2) + k(1, 2));
    expect(mmd([[0], [1]], [[2]], { bandwidth: 2, estimator: 'biased' })).toBeCloseTo(biased, 12);
    const unbiased = k(1, 2) + k(3, 2) - 0.5 * (k(2, 2) + k(5, 2) + k(1, 2) + k(4, 2));
    expect(mmd([[0], [1]], [[2], [5]], { bandwidth: 2 })).toBeCloseTo(unbiased, 12);
  });

  test('the median heuristic: h is the median distance of the pooled sample', () => {
    // Distances 1, 3, 7, 2, 6, 4: the upper median is 4.
    expect(mmd([[0], [1]], [[3], [7]])).toBeCloseTo(mmd([[0], [1]], [[3], [7]], { bandwidth: 4 }), 12);
    expect(mmd([[1], [1]], [[1], [1]])).toBe(0);
  });

  test('the unbiased estimate has the mean of the closed form between Gaussians, the biased one has not', () => {
    // E k(x, y) = (h²/(h² + s + t))^{d/2} exp(−|m|²/(2(h² + s + t))).
    const h = 1.5;
    const expected = (s: number, t: number, m: number): number => ((h * h) / (h * h + s + t)) * Math.exp((-m * m) / (2 * (h * h + s + t)));
    const truth = expected(1, 1, 0) + expected(2, 2, 0) - 2 * expected(1, 2, 1);
    const runs = Array.from({ length: 200 }, (_, seed) => {
      const random = randomSource(seed);
      const x = gaussianMarginal({ mean: [0, 0], covariance: 1 }).sample(15, random);
      const y = gaussianMarginal({ mean: [1, 0], covariance: 2 }).sample(12, random);
      return { unbiased: mmd(x, y, { bandwidth: h }), biased: mmd(x, y, { bandwidth: h, estimator: 'biased' }) };
    });
    const limit = studentQuantile(0.001, 199);
    expect(
      Math.abs(
        studentStatistic(
          runs.map((r) => r.unbiased),
          truth,
        ),
      ),
    ).toBeLessThan(limit);
    expect(
      studentStatistic(
        runs.map((r) => r.biased),
        truth,
      ),
    ).toBeGreaterThan(limit);
  });

  test('biased: symmetric, never negative, zero on equal clouds, blind to a common translation', () => {
    fc.assert(
      fc.property(cloud(2), cloud(2), (x, y) => {
        const options = { bandwidth: 3, estimator: 'biased' } as const;
        expect(mmd(x, y, options)).toBeCloseTo(mmd(y, x, options), 12);
        expect(mmd(x, y, options)).toBeGreaterThanOrEqual(0);
        expect(mmd(x, [...x].reverse(), options)).toBeCloseTo(0, 12);
        expect(mmd(shifted(x, [2, -1]), shifted(y, [2, -1]), options)).toBeCloseTo(mmd(x, y, options), 10);
      }),
      { numRuns: 40 },
    );
  });

  test('refuses bad input', () => {
    expect(() => mmd([[0]], [[1]])).toThrow(/two points a side/);
    expect(() => mmd([[0], [1]], [[1], [2]], { bandwidth: 0 })).toThrow(/mmd: bandwidth must be > 0/);
    expect(() => mmd([[0], [1]], [[1], [2]], { estimator: 'u' as never })).toThrow(/unknown estimator/);
    expect(() =>
      mmd(
        [[0], [1]],
        [
          [1, 2],
          [2, 3],
        ],
      ),
    ).toThrow(ShapeError);
  });
});

describe('energyDistance', () => {
  test('by hand, and for far translations twice the distance less the spread', () => {
    // 2·(1/2)(1 + 3 + 0 + 2)/2 − 1/2·1 − 1/2·2.
    expect(energyDistance([[0], [1]], [[1], [3]])).toBeCloseTo(3 - 0.5 - 1, 12);
    const x = toRows(normals(30, 2, 2));
    const far = 1e6;
    const spread = energyDistance(x, shifted(x, [far, 0]));
    expect(spread / (2 * far)).toBeCloseTo(1, 4);
  });

  test('symmetric, never negative, zero on equal clouds, scales with the points', () => {
    fc.assert(
      fc.property(cloud(2), cloud(2), (x, y) => {
        const value = energyDistance(x, y);
        expect(energyDistance(y, x)).toBeCloseTo(value, 10);
        expect(value).toBeGreaterThanOrEqual(0);
        expect(energyDistance(x, [...x].reverse())).toBeCloseTo(0, 10);
        const twice = (rows: number[][]) => points(rows.map((r) => r.map((c) => 2 * c)));
        expect(energyDistance(twice(x), twice(y))).toBeCloseTo(2 * value, 8);
      }),
      { numRuns: 40 },
    );
  });
});
