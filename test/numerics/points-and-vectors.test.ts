import * as fc from 'fast-check';
import { Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { DomainError, NotPositiveDefiniteError, ShapeError } from '../../src/errors.ts';
import { affineInto, applyAffine, composeKernels, flatten, type GaussianKernel, identityKernel } from '../../src/numerics/affine.ts';
import { categoricalSampler, sampleCategories } from '../../src/numerics/categorical.ts';
import { addGaussian, drawGaussian, sampleKernel } from '../../src/numerics/gaussian-draws.ts';
import { crossMoment, weightedMean, weightedMoments } from '../../src/numerics/moments.ts';
import { meanOverDistinct, meanOverPairs, squaredDistances } from '../../src/numerics/pairwise.ts';
import { points, requireDimension, row, takeRows, toPoints, toRows, wrapPoints } from '../../src/numerics/points.ts';
import { integrate } from '../../src/numerics/quadrature.ts';
import { squaredQuantileDistance } from '../../src/numerics/quantile-distance.ts';
import { randomSource } from '../../src/numerics/random.ts';
import {
  blockJoint,
  eigenSymmetric,
  inverseSpd,
  inverseSquareRoot,
  pseudoInverse,
  requireSemiDefinite,
  squareRoot,
  trace,
} from '../../src/numerics/spd.ts';
import {
  combine,
  dot,
  multiplyVector,
  requireInteger,
  requireKnownOptions,
  requirePositive,
  toMatrix,
  toSymmetric,
  toVector,
} from '../../src/numerics/vectors.ts';

describe('points', () => {
  it('are rows, copied, and come back as rows', () => {
    const rows = [
      [1, 2, 3],
      [4, 5, 6],
    ];
    const made = points(rows);
    rows[0]![0] = 99;
    expect(made).toMatchObject({ count: 2, dimension: 3 });
    expect(toRows(made)).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const again = points(made);
    made.data[0] = -1;
    expect(again.data[0]).toBe(1);
    expect(Array.from(row(again, 1))).toEqual([4, 5, 6]);
    expect(toRows(takeRows(again, [1, 1, 0]))).toEqual([
      [4, 5, 6],
      [4, 5, 6],
      [1, 2, 3],
    ]);
    expect(wrapPoints(Float64Array.of(1, 2, 3, 4), 2)).toMatchObject({ count: 2, dimension: 2 });
  });

  it('rows of typed arrays are fine', () => {
    expect(toRows(points([Float64Array.of(1, 2)] as never))).toEqual([[1, 2]]);
  });
});

describe('moments', () => {
  it('of weighted points are those of the points repeated', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: -9, max: 9 }), fc.integer({ min: -9, max: 9 }), fc.integer({ min: 0, max: 3 })), {
          minLength: 1,
          maxLength: 8,
        }),
        (rows) => {
          fc.pre(rows.some(([, , w]) => w > 0));
          const x = points(rows.map(([a, b]) => [a, b]));
          const repeated = points(rows.flatMap(([a, b, w]) => Array.from({ length: w }, () => [a, b])));
          const [one, two] = [
            weightedMoments(
              x,
              Float64Array.from(rows, ([, , w]) => 0.7 * w),
            ),
            weightedMoments(repeated),
          ];
          one.mean.forEach((m, k) => expect(m).toBeCloseTo(two.mean[k]!, 11));
          Matrix.sub(one.covariance, two.covariance)
            .to1DArray()
            .forEach((v) => expect(v).toBeCloseTo(0, 10));
        },
      ),
      { seed: 1 },
    );
  });

  it('do not cancel far from the origin, and cross moments have their rows from x', () => {
    const far = points([[1e8], [1e8 + 2]]);
    expect(weightedMoments(far).covariance.get(0, 0)).toBe(1);
    const x = points([[0], [2]]);
    const y = points([
      [0, 5],
      [4, 5],
    ]);
    expect(crossMoment(x, weightedMean(x), y, weightedMean(y)).to2DArray()).toEqual([[2, 0]]);
  });
});

describe('affine maps and Gaussian kernels', () => {
  const kernel = (seed: number): GaussianKernel => {
    const random = randomSource(seed);
    const matrix = (): Matrix => Matrix.from1DArray(2, 2, Array.from({ length: 4 }, random.normal));
    const g = matrix();
    return { matrix: matrix(), offset: random.fillNormal(new Float64Array(2)), covariance: g.mmul(g.transpose()) };
  };
  const near = (a: GaussianKernel, b: GaussianKernel): void => {
    [...Matrix.sub(a.matrix, b.matrix).to1DArray(), ...Matrix.sub(a.covariance, b.covariance).to1DArray()].forEach((v) =>
      expect(v).toBeCloseTo(0, 9),
    );
    a.offset.forEach((v, k) => expect(v).toBeCloseTo(b.offset[k]!, 9));
  };

  it('apply to rows; the matrix may change the dimension', () => {
    const map = {
      matrix: new Matrix([
        [1, 2],
        [0, 1],
        [3, 0],
      ]),
      offset: Float64Array.of(10, 20, 30),
    };
    expect(
      toRows(
        applyAffine(
          map,
          points([
            [1, 1],
            [2, 0],
          ]),
        ),
      ),
    ).toEqual([
      [13, 21, 33],
      [12, 20, 36],
    ]);
    const out = new Float64Array(3);
    affineInto(flatten(map.matrix), map.offset, Float64Array.of(1, 1), out);
    expect(Array.from(out)).toEqual([13, 21, 33]);
  });

  it('compose associatively with the identity as unit, in the order first, second', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const [a, b, c] = [kernel(seed), kernel(seed - 1), kernel(seed - 2)];
        near(composeKernels(composeKernels(a, b), c), composeKernels(a, composeKernels(b, c)));
        near(composeKernels(a, identityKernel(2)), a);
        near(composeKernels(identityKernel(2), a), a);
        const x = points([[0.3, -1]]);
        const direct = applyAffine(b, applyAffine(a, x));
        applyAffine(composeKernels(a, b), x).data.forEach((v, k) => expect(v).toBeCloseTo(direct.data[k]!, 10));
      }),
      { seed: 2, numRuns: 50 },
    );
  });

  it('are sampled with their mean and covariance, singular ones included', () => {
    const n = 20_000;
    const { matrix, offset, covariance } = kernel(3);
    const drawn = sampleKernel({ matrix, offset, covariance }, points(Array.from({ length: n }, () => [1, -2])), randomSource(4));
    const moments = weightedMoments(drawn);
    const mean = applyAffine({ matrix, offset }, points([[1, -2]])).data;
    for (let i = 0; i < 2; i++) {
      expect(Math.abs(moments.mean[i]! - mean[i]!)).toBeLessThan(5 * Math.sqrt(covariance.get(i, i) / n));
      for (let j = 0; j < 2; j++) {
        const error = Math.sqrt((covariance.get(i, i) * covariance.get(j, j) + covariance.get(i, j) ** 2) / n);
        expect(Math.abs(moments.covariance.get(i, j) - covariance.get(i, j))).toBeLessThan(5 * error);
      }
    }
    const line = drawGaussian(Float64Array.of(1, 1), Float64Array.of(1, 0, 2, 0), 50, randomSource(5));
    for (const [x, y] of toRows(line)) expect(y! - 1).toBeCloseTo(2 * (x! - 1), 12);
    const still = points([[1, 2]]);
    addGaussian(still, new Float64Array(4), randomSource(6));
    expect(toRows(still)).toEqual([[1, 2]]);
  });
});

describe('categories', () => {
  it('come with the frequency of their weight (χ²), never with weight zero', () => {
    const weights = Float64Array.of(0, 2, 0, 1, 5, 0);
    const n = 16_000;
    const counts = new Float64Array(6);
    for (const i of sampleCategories(weights, n, randomSource(7))) counts[i]!++;
    expect([counts[0], counts[2], counts[5]]).toEqual([0, 0, 0]);
    const chi = [1, 3, 4].reduce((sum, i) => sum + (counts[i]! - (n * weights[i]!) / 8) ** 2 / ((n * weights[i]!) / 8), 0);
    // χ² with 2 degrees of freedom exceeds 13.8 once in a thousand.
    expect(chi).toBeLessThan(13.8);
  });

  it('the ends of the unit interval give the ends of the support', () => {
    const draw = categoricalSampler(Float64Array.of(0, 1, 1, 0));
    const at = (u: number) => draw({ uniform: () => u } as never);
    expect([at(0), at(0.49999), at(0.5), at(1 - 2 ** -53)]).toEqual([1, 1, 2, 2]);
  });
});

describe('pairs, quadrature and quantiles', () => {
  it('means over pairs', () => {
    const x = points([[0], [1], [3]]);
    const identity = (s: number): number => s;
    expect(meanOverPairs(x, points([[1]]), identity)).toBeCloseTo((1 + 0 + 4) / 3, 14);
    expect(meanOverDistinct(x, identity)).toBeCloseTo((1 + 9 + 4) / 3, 14);
    expect(Array.from(squaredDistances(x, Int32Array.of(0, 2, 1)))).toEqual([9, 1, 4]);
  });

  it('ten nodes are exact to degree 19 and oriented', () => {
    for (let k = 0; k <= 19; k++) expect(integrate((t) => (k + 1) * t ** k, 0, 1, 1)).toBeCloseTo(1, 13);
    expect(Math.abs(integrate((t) => 21 * t ** 20, -1, 1, 1) - 2)).toBeGreaterThan(1e-7);
    expect(integrate(Math.exp, 1, 0)).toBeCloseTo(1 - Math.E, 13);
  });

  it('the squared quantile distance is the smallest over all pairings', () => {
    const permutations = (items: number[]): number[][] =>
      items.length < 2 ? [items] : items.flatMap((x, i) => permutations(items.filter((_, k) => k !== i)).map((rest) => [x, ...rest]));
    const four = fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(four, four, (x, y) => {
        const best = Math.min(...permutations(y).map((p) => p.reduce((sum, v, i) => sum + (v - x[i]!) ** 2 / 4, 0)));
        expect(squaredQuantileDistance({ positions: Float64Array.from(x) }, { positions: Float64Array.from(y) })).toBeCloseTo(best, 10);
        // Weights that say the same, and one point split in two.
        const halves = { positions: Float64Array.from([...x, x[0]!]), weights: Float64Array.of(0.1, 0.25, 0.25, 0.25, 0.15) };
        expect(squaredQuantileDistance(halves, { positions: Float64Array.from(y) })).toBeCloseTo(best, 10);
      }),
      { seed: 3, numRuns: 50 },
    );
  });
});

describe('matrices', () => {
  it('small tools', () => {
    expect(Array.from(combine([2, Float64Array.of(1, 2)], [-1, Float64Array.of(0, 1)]))).toEqual([2, 3]);
    expect(dot(Float64Array.of(1, 2), Float64Array.of(3, 4))).toBe(11);
    expect(
      Array.from(
        multiplyVector(
          new Matrix([
            [1, 2],
            [3, 4],
            [5, 6],
          ]),
          Float64Array.of(1, 1),
        ),
      ),
    ).toEqual([3, 7, 11]);
    expect(
      trace(
        new Matrix([
          [1, 9],
          [9, 2],
        ]),
      ),
    ).toBe(3);
    expect(
      blockJoint(
        new Matrix([[1]]),
        new Matrix([[2, 3]]),
        new Matrix([
          [4, 5],
          [5, 6],
        ]),
      ).to2DArray(),
    ).toEqual([
      [1, 2, 3],
      [2, 4, 5],
      [3, 5, 6],
    ]);
  });

  it('toSymmetric takes a variance or a matrix, evens out rounding, keeps the argument', () => {
    expect(toSymmetric('S', 2, 2).to2DArray()).toEqual([
      [2, 0],
      [0, 2],
    ]);
    const given = [
      [1, 0.5],
      [0.5 + 1e-12, 1],
    ];
    const made = toSymmetric('S', given, 2);
    expect(made.get(0, 1)).toBe(made.get(1, 0));
    expect(given[1]![0]).toBe(0.5 + 1e-12);
  });

  it('singular ones have a root and a pseudo-inverse, no inverse', () => {
    const s = new Matrix([
      [1, 2],
      [2, 4],
    ]);
    const root = squareRoot(s);
    expect(Matrix.sub(root.mmul(root), s).norm('frobenius')).toBeLessThan(1e-13);
    expect(Matrix.sub(s.mmul(pseudoInverse(s)).mmul(s), s).norm('frobenius')).toBeLessThan(1e-13);
    expect(() => inverseSpd(s, 'here')).toThrow(NotPositiveDefiniteError);
    expect(() => inverseSquareRoot(s, 'here')).toThrow(/^here: smallest eigenvalue/);
    expect(() => requireSemiDefinite('here', s)).not.toThrow();
    expect(() => requireSemiDefinite('here', Matrix.zeros(2, 2))).not.toThrow();
    expect(() =>
      requireSemiDefinite(
        'here',
        new Matrix([
          [1, 0],
          [0, -1e-6],
        ]),
      ),
    ).toThrow(/negative/);
    expect(
      eigenSymmetric(
        new Matrix([
          [3, 0],
          [0, 1],
        ]),
      ).values,
    ).toEqual(Float64Array.of(1, 3));
  });
});

describe('bad input is refused by name', () => {
  it.each([
    ['no rows', () => points([]), ShapeError, /at least one row/],
    ['no columns', () => points([[]]), ShapeError, /1 × 0/],
    ['not rows', () => points([1, 2] as never), ShapeError, /points:/],
    ['a number', () => points(3 as never), ShapeError, /got number/],
    ['null', () => points(null as never), ShapeError, /got null/],
    ['ragged', () => points([[1], [1, 2]]), ShapeError, /row 1 has 2 coordinates, row 0 has 1/],
    [
      'NaN',
      () =>
        points([
          [1, 2],
          [3, Number.NaN],
        ]),
      DomainError,
      /row 1, column 1 is NaN/,
    ],
    ['text', () => points([['x']] as never), DomainError, /the text 'x'/],
    ['null inside', () => points([[null]] as never), DomainError, /row 0, column 0 is null/],
    ['points that do not add up', () => points({ data: new Float64Array(5), count: 2, dimension: 2 }), ShapeError, /length 5 is not 2 × 2/],
    ['empty points', () => toPoints('here', { data: new Float64Array(0), count: 0, dimension: 2 }), ShapeError, /^here/],
    ['other dimension', () => requireDimension('here', points([[1]]), 2), ShapeError, /^here.*dimension 1, expected 2/],
    ['number as vector', () => toVector('v', 3), ShapeError, /pass \[3\]/],
    ['empty vector', () => toVector('v', []), ShapeError, /^v/],
    ['long vector', () => toVector('v', [1, 2], 3), ShapeError, /expected 3 entries, got 2/],
    ['infinite entry', () => toVector('v', [1, Number.POSITIVE_INFINITY]), DomainError, /entry 1 is Infinity/],
    ['ragged matrix', () => toMatrix('m', [[1, 2], [3]]), ShapeError, /equally long/],
    ['empty matrix', () => toMatrix('m', []), ShapeError, /^m/],
    ['other shape', () => toMatrix('m', [[1, 2]], 2, 2), ShapeError, /expected 2 × 2, got 1 × 2/],
    ['NaN in a matrix', () => toMatrix('m', [[Number.NaN]]), DomainError, /entry \(0, 0\) is NaN/],
    [
      'asymmetric',
      () =>
        toSymmetric(
          'S',
          [
            [1, 0],
            [0.1, 1],
          ],
          2,
        ),
      NotPositiveDefiniteError,
      /\(1, 0\) and \(0, 1\) differ/,
    ],
    ['infinite variance', () => toSymmetric('S', Number.POSITIVE_INFINITY, 2), DomainError, /finite variance/],
    ['zero', () => requirePositive('a: b', 0), DomainError, /^a: b must be > 0/],
    ['text number', () => requirePositive('a: b', '1' as never), DomainError, /a: b/],
    ['fraction', () => requireInteger('a: b', 1.5, 1), DomainError, /whole number/],
    ['too small', () => requireInteger('a: b', 0, 1), DomainError, /at least 1, got 0/],
    [
      'misspelt',
      () => requireKnownOptions('a', { tolerence: 1 }, ['tolerance']),
      DomainError,
      /unknown option 'tolerence'; known options are tolerance/,
    ],
  ] as const)('%s', (_, call, type, words) => {
    expect(call).toThrow(type);
    expect(call).toThrow(words);
  });
});
