import * as fc from 'fast-check';
import { Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import {
  type Cost,
  cosine,
  costFunction,
  costMatrix,
  euclidean,
  halfSquaredEuclidean,
  lp,
  squaredEuclidean,
} from '../../src/costs/index.ts';
import { DomainError, ShapeError } from '../../src/errors.ts';
import { points } from '../../src/numerics/points.ts';

const coordinate = fc.double({ min: -50, max: 50, noNaN: true });
const pair = fc.integer({ min: 1, max: 5 }).chain((d) => {
  const vector = fc.array(coordinate, { minLength: d, maxLength: d });
  return fc.tuple(vector, vector, vector);
});
const one = (cost: Cost, x: readonly number[], y: readonly number[]): number => cost.between(points([x]), points([y]))[0]!;

describe('formulas', () => {
  // (1, 2) → (4, −2): differences 3 and −4.
  it.each([
    ['squared', squaredEuclidean(), 25],
    ['half squared', halfSquaredEuclidean(), 12.5],
    ['euclidean', euclidean(), 5],
    ['l1', lp(1), 7],
    ['l2', lp(2), 25],
    ['l3', lp(3), 27 + 64],
    ['l½', lp(0.5), Math.sqrt(3) + 2],
    ['cosine', cosine(), 1 - 0 / Math.sqrt(5 * 20)],
    ['function', costFunction((x, y) => x[0]! * 10 + y[1]!), 8],
  ] as const)('%s', (_, cost, expected) => {
    expect(one(cost, [1, 2], [4, -2])).toBeCloseTo(expected, 13);
  });

  it('cosine: 0 for parallel, 1 for orthogonal, 2 for opposite directions, whatever the lengths', () => {
    expect(one(cosine(), [3, 4], [30, 40])).toBeCloseTo(0, 15);
    expect(one(cosine(), [1, 0], [0, 7])).toBe(1);
    expect(one(cosine(), [1, 2], [-2, -4])).toBeCloseTo(2, 15);
    expect(one(cosine(), [1, 1], [1, 0])).toBeCloseTo(1 - Math.SQRT1_2, 15);
  });

  it('is laid out row by row: C_ij = c(x_i, y_j)', () => {
    const costs = costFunction((x, y) => 10 * x[0]! + y[0]!).between(points([[1], [2]]), points([[3], [4], [5]]));
    expect(Array.from(costs)).toEqual([13, 14, 15, 23, 24, 25]);
    expect(
      Array.from(
        costMatrix([
          [13, 14, 15],
          [23, 24, 25],
        ]).between(points([[0], [0]]), points([[0], [0], [0]])),
      ),
    ).toEqual([13, 14, 15, 23, 24, 25]);
  });

  it('knows the factor of |x − y|² where there is one', () => {
    expect([squaredEuclidean(), halfSquaredEuclidean(), lp(2)].map((c) => c.squaredScale)).toEqual([1, 0.5, 1]);
    for (const cost of [euclidean(), lp(1), cosine(), costMatrix([[1]]), costFunction(() => 0)])
      expect(cost).not.toHaveProperty('squaredScale');
    expect([euclidean().pointwise, costMatrix([[1]]).pointwise]).toEqual([true, false]);
    expect(lp(1.5)).toMatchObject({ kind: 'lp', p: 1.5, name: 'lp(1.5)' });
  });
});

describe('laws', () => {
  it.each([
    ['squaredEuclidean', squaredEuclidean()],
    ['halfSquaredEuclidean', halfSquaredEuclidean()],
    ['euclidean', euclidean()],
    ['lp(1.5)', lp(1.5)],
  ] as const)('%s is symmetric, ≥ 0, zero only on the diagonal, unchanged by shifts', (_, cost) => {
    fc.assert(
      fc.property(pair, ([x, y, shift]) => {
        const c = one(cost, x, y);
        expect(c).toBe(one(cost, y, x));
        expect(c).toBeGreaterThanOrEqual(0);
        expect(one(cost, x, x)).toBe(0);
        const moved = one(
          cost,
          x.map((v, k) => v + shift[k]!),
          y.map((v, k) => v + shift[k]!),
        );
        expect(Math.abs(moved - c)).toBeLessThan(1e-9 * (1 + c));
      }),
      { seed: 2 },
    );
  });

  it('euclidean obeys the triangle inequality', () => {
    fc.assert(
      fc.property(pair, ([x, y, z]) => {
        expect(one(euclidean(), x, z)).toBeLessThanOrEqual((one(euclidean(), x, y) + one(euclidean(), y, z)) * (1 + 1e-14) + 1e-300);
      }),
      { seed: 3 },
    );
  });

  it('is frozen, and a matrix keeps its entries whatever happens to the arguments and results', () => {
    const rows = [[1, 2]];
    const cost = costMatrix(rows);
    rows[0]![0] = 9;
    const x = points([[0]]);
    const y = points([[0], [1]]);
    cost.between(x, y).fill(7);
    expect(Array.from(cost.between(x, y))).toEqual([1, 2]);
    expect(Object.isFrozen(cost) && Object.isFrozen(squaredEuclidean()) && Object.isFrozen(lp(3))).toBe(true);
    expect(Array.from(costMatrix(new Matrix([[3, 4]])).between(x, y))).toEqual([3, 4]);
  });
});

describe('forbidden pairs', () => {
  it('are +∞, in a matrix and from a function', () => {
    expect(costMatrix([[0, Number.POSITIVE_INFINITY]]).between(points([[0]]), points([[0], [1]]))[1]).toBe(Number.POSITIVE_INFINITY);
    expect(
      one(
        costFunction((x, y) => (x[0]! < y[0]! ? 1 : Number.POSITIVE_INFINITY)),
        [1],
        [0],
      ),
    ).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('bad input is refused by name', () => {
  const x = points([[1, 2]]);
  it.each([
    ['exponent 0', () => lp(0), DomainError, /^lp: p must be > 0/],
    ['exponent ∞', () => lp(Number.POSITIVE_INFINITY), DomainError, /^lp: p/],
    ['two dimensions', () => squaredEuclidean().between(x, points([[1]])), ShapeError, /dimension 1, expected 2/],
    [
      'no direction',
      () =>
        cosine().between(
          x,
          points([
            [1, 0],
            [0, 0],
          ]),
        ),
      DomainError,
      /pair x = \[.*\], y = \[0, 0\] is NaN/,
    ],
    ['NaN from a function', () => costFunction(() => Number.NaN).between(x, x), DomainError, /costFunction: cost of pair x = \[/],
    ['−∞ from a function', () => costFunction(() => Number.NEGATIVE_INFINITY).between(x, x), DomainError, /-Infinity/],
    ['no function', () => costFunction(3 as never), DomainError, /expected a function/],
    ['empty matrix', () => costMatrix([]), ShapeError, /at least one row/],
    ['ragged matrix', () => costMatrix([[1, 2], [3]]), ShapeError, /row 1 has 1 entries, row 0 has 2/],
    ['NaN in a matrix', () => costMatrix([[1], [Number.NaN]]), DomainError, /entry \(1, 0\) is NaN/],
    ['−∞ in a matrix', () => costMatrix([[Number.NEGATIVE_INFINITY]]), DomainError, /-Infinity/],
    ['text in a matrix', () => costMatrix([['1']] as never), DomainError, /entry \(0, 0\)/],
    ['matrix of another size', () => costMatrix([[1, 2]]).between(x, x), ShapeError, /1 × 2 costs for 1 source and 1 target/],
  ] as const)('%s', (_, call, type, words) => {
    expect(call).toThrow(type);
    expect(call).toThrow(words);
  });

  it('what a cost function throws comes back as the cause, with the pair', () => {
    const cause = new Error('mine');
    const cost = costFunction(() => {
      throw cause;
    });
    expect(() => cost.between(x, x)).toThrow(/x = \[1,2\], y = \[1,2\]/);
    try {
      cost.between(x, x);
    } catch (error) {
      expect((error as Error).cause).toBe(cause);
    }
  });
});
