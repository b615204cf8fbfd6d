import * as fc from 'fast-check';
import { Matrix, solve } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { randomSource } from '../../src/numerics/random.ts';
import { sparseCholesky } from '../../src/numerics/sparse-cholesky.ts';
import { gramComplement, type SparseMatrix } from '../../src/numerics/sparse-matrix.ts';
import { dense, graphMatrix, sparse } from './sparse-matrices.ts';

/** BᵀB + I with B sparse: positive definite, its smallest eigenvalue at least 1. */
function randomDefinite(n: number, perRow: number, seed: number): SparseMatrix {
  const random = randomSource(seed);
  const b = Matrix.zeros(n, n);
  for (let i = 0; i < n; i++) for (let k = 0; k < perRow; k++) b.set(i, random.integer(n), random.normal());
  return sparse(b.transpose().mmul(b).add(Matrix.eye(n)).to2DArray(), n, true);
}

const rightSide = (n: number, seed: number): Float64Array => randomSource(seed).fillNormal(new Float64Array(n));

const largest = (x: ArrayLike<number>): number => Array.from(x).reduce((top, y) => Math.max(top, Math.abs(y)), 0);

function solved(a: SparseMatrix, b: Float64Array): Float64Array {
  const out = new Float64Array(b.length);
  sparseCholesky(a)!.solve(b, out);
  return out;
}

/** max|A x − b|. */
function residual(a: SparseMatrix, x: Float64Array, b: Float64Array): number {
  const product = dense(a, true)
    .mmul(Matrix.columnVector(Array.from(x)))
    .to1DArray();
  return largest(product.map((y, i) => y - b[i]!));
}

/**
 * I (1 + 1e-9) − QᵀQ of the entropic plan between two clouds of points after 30 Sinkhorn iterations, without the entries below 1e-4 of
 * their row and their column: the matrix of the Newton steps.
 */
function planMatrix(n: number, dimension: number, epsilon: number): SparseMatrix {
  const random = randomSource(n + dimension);
  const x = random.fillNormal(new Float64Array(n * dimension));
  const y = random.fillNormal(new Float64Array(n * dimension)).map((z) => 0.8 * z + 0.3);
  const cost = Matrix.zeros(n, n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let k = 0; k < dimension; k++) sum += (x[i * dimension + k]! - y[j * dimension + k]!) ** 2;
      cost.set(i, j, sum);
    }
  }
  const plan = cost.mul(-1 / (epsilon * cost.mean()));
  for (let t = 0; t < 30; t++) {
    for (const side of ['row', 'column'] as const) {
      const tops = plan.max(side);
      const shifted = side === 'row' ? plan.clone().subColumnVector(tops) : plan.clone().subRowVector(tops);
      const sums = shifted.exp().sum(side);
      const logs = tops.map((top, i) => top + Math.log(n * sums[i]!));
      if (side === 'row') plan.subColumnVector(logs);
      else plan.subRowVector(logs);
    }
  }
  plan.exp();
  const rows = plan.sum('row');
  const columns = plan.sum('column');
  const q = plan
    .to2DArray()
    .map((row, i) => row.map((p, j) => (p > 1e-4 * Math.min(rows[i]!, columns[j]!) ? p / Math.sqrt(rows[i]! * columns[j]!) : 0)));
  return gramComplement(sparse(q, n), 1e-9)!;
}

describe('sparse Cholesky factor', () => {
  it('solves as a dense solver does', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 4 }), fc.nat(), (n, perRow, seed) => {
        const a = randomDefinite(n, perRow, seed);
        const b = rightSide(n, seed + 1);
        const expected = solve(dense(a, true), Matrix.columnVector(Array.from(b))).to1DArray();
        const error = largest(solved(a, b).map((x, i) => x - expected[i]!));
        expect(error).toBeLessThan(1e-11 * (1 + largest(expected)));
      }),
    );
  });

  it('solves where all columns form one panel of several blocks', () => {
    for (const n of [23, 24, 25, 49, 97, 130]) {
      const a = randomDefinite(n, n, n);
      expect(sparseCholesky(a)!.nonZeros).toBe((n * (n + 1)) / 2);
      const b = rightSide(n, n);
      expect(residual(a, solved(a, b), b)).toBeLessThan(1e-11);
    }
  });

  it.each([
    [2, 0.002],
    [2, 0.01],
    [50, 0.001],
    [50, 0.003],
  ])('solves the matrix of a plan in dimension %i at epsilon %f', (dimension, epsilon) => {
    const a = planMatrix(300, dimension, epsilon);
    const b = rightSide(300, 7);
    const x = solved(a, b);
    // Backward stable: the residual is rounding of the size of the answer, though that may be 1e9 times b.
    expect(residual(a, x, b)).toBeLessThan(1e-13 * (largest(b) + largest(x)));
  });

  it('has exact answers for diagonals, a single entry and nothing at all', () => {
    expect(solved(sparse([[4]], 1, true), Float64Array.of(2))).toEqual(Float64Array.of(0.5));
    expect(solved(graphMatrix(5, [], 4), Float64Array.of(4, 8, 12, 16, 20))).toEqual(Float64Array.of(1, 2, 3, 4, 5));
    const none: SparseMatrix = { rows: 0, columns: 0, pointers: new Int32Array(1), indices: new Int32Array(), values: new Float64Array() };
    expect(solved(none, new Float64Array())).toEqual(new Float64Array());
  });

  it('keeps the pattern of an arrow, and solves disconnected parts apart', () => {
    const arrow = graphMatrix(
      200,
      Array.from({ length: 199 }, (_, i) => [0, i + 1] as const),
      200,
    );
    expect(sparseCholesky(arrow)!.nonZeros).toBe(399);
    const parts = graphMatrix(
      6,
      [
        [0, 3],
        [2, 5],
      ],
      2,
    );
    // [[2, −1], [−1, 2]] (2, 1) = (3, 0).
    const x = solved(parts, Float64Array.of(3, 2, 0, 0, 4, 0));
    [2, 1, 0, 1, 2, 0].forEach((expected, i) => {
      expect(x[i]).toBeCloseTo(expected, 14);
    });
  });

  it('solves in place, again and again', () => {
    const a = randomDefinite(80, 3, 5);
    const factor = sparseCholesky(a)!;
    const b = rightSide(80, 6);
    const x = new Float64Array(80);
    factor.solve(b, x);
    const y = b.slice();
    factor.solve(y, y);
    expect(y).toEqual(x);
    factor.solve(b, y);
    expect(y).toEqual(x);
  });

  it('gives the same bits for the same matrix', () => {
    const b = rightSide(300, 8);
    expect(solved(planMatrix(300, 2, 0.01), b)).toEqual(solved(planMatrix(300, 2, 0.01), b));
  });

  it('refuses what is indefinite, singular or not finite', () => {
    expect(sparseCholesky(sparse([[-1]], 1, true))).toBeUndefined();
    expect(sparseCholesky(sparse([[0]], 1, true))).toBeUndefined();
    expect(sparseCholesky(sparse([[Number.NaN]], 1, true))).toBeUndefined();
    expect(sparseCholesky(sparse([[Number.POSITIVE_INFINITY]], 1, true))).toBeUndefined();
    const indefinite = dense(randomDefinite(50, 3, 1), true).sub(Matrix.eye(50, 50, 2));
    expect(sparseCholesky(sparse(indefinite.to2DArray(), 50, true))).toBeUndefined();
    // Thirds leave pivots of a singular matrix at the size of rounding, of either sign.
    for (const size of [3, 7, 30]) {
      const third = Array.from({ length: size }, (_, i) => Array.from({ length: size }, (_, j) => ((i === j ? size : 0) - 1) / 3));
      expect(sparseCholesky(sparse(third, size, true))).toBeUndefined();
    }
  });

  it('accepts the smallest shift that the Newton steps use', () => {
    // A permutation: QᵀQ = I, only the shift is left.
    const q = sparse(
      [
        [0, 1, 0],
        [0, 0, 1],
        [1, 0, 0],
      ],
      3,
    );
    const x = solved(gramComplement(q, 1e-9)!, Float64Array.of(1, 2, 3));
    [1e9, 2e9, 3e9].forEach((expected, i) => {
      expect(x[i]! / expected).toBeCloseTo(1, 6);
    });
  });

  it('refuses more operations than allowed', () => {
    const a = randomDefinite(60, 3, 2);
    const { flops } = sparseCholesky(a)!;
    expect(sparseCholesky(a, { maxFlops: flops })).toBeDefined();
    expect(sparseCholesky(a, { maxFlops: flops - 1 })).toBeUndefined();
  });
});
