import * as fc from 'fast-check';
import { Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { gramComplement, permuteSymmetric, transpose } from '../../src/numerics/sparse-matrix.ts';
import { dense, sparse } from './sparse-matrices.ts';

/** A rectangular matrix with about half of its entries zero. */
const rectangular = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })).chain(([n, m]) =>
  fc.array(fc.array(fc.oneof(fc.constant(0), fc.integer({ min: -8, max: 8 })), { minLength: m, maxLength: m }), {
    minLength: n,
    maxLength: n,
  }),
);

describe('sparse matrix', () => {
  it('is transposed as the dense one, with ascending columns', () => {
    fc.assert(
      fc.property(rectangular, (rows) => {
        const a = sparse(rows, rows[0]!.length);
        const t = transpose(a);
        expect(dense(t).to2DArray()).toEqual(new Matrix(rows).transpose().to2DArray());
        expect(transpose(t)).toEqual(a);
        for (let i = 0; i < t.rows; i++) {
          const columns = [...t.indices.subarray(t.pointers[i], t.pointers[i + 1])];
          expect(columns).toEqual([...columns].sort((x, y) => x - y));
        }
      }),
    );
  });

  it('is reordered on both sides and transposed', () => {
    const a = sparse(
      [
        [1, 2, 0],
        [2, 4, 5],
        [0, 5, 6],
      ],
      3,
      true,
    );
    const b = permuteSymmetric(a, Int32Array.of(2, 0, 1));
    // Rows 2, 0, 1 of the matrix, lower triangle.
    expect(dense(b).to2DArray()).toEqual([
      [6, 0, 0],
      [0, 1, 0],
      [5, 2, 4],
    ]);
  });
});

describe('(1 + shift) I − QᵀQ', () => {
  it('is the dense product', () => {
    fc.assert(
      fc.property(rectangular, (rows) => {
        const m = rows[0]!.length;
        const q = new Matrix(rows);
        const expected = Matrix.eye(m, m, 1.5).sub(q.transpose().mmul(q));
        const made = gramComplement(sparse(rows, m), 0.5)!;
        // Whole numbers and a half: no rounding.
        expect(dense(made, true).sub(expected).norm()).toBe(0);
        for (let i = 0; i < m; i++) expect(made.indices[made.pointers[i]!]).toBe(i);
        for (let i = 0; i < m; i++) {
          for (let p = made.pointers[i]!; p < made.pointers[i + 1]!; p++) expect(made.indices[p]).toBeGreaterThanOrEqual(i);
        }
      }),
    );
  });

  it('does not ask for ascending columns in Q', () => {
    const q = { rows: 1, columns: 3, pointers: Int32Array.of(0, 3), indices: Int32Array.of(2, 0, 1), values: Float64Array.of(3, 1, 2) };
    expect(dense(gramComplement(q, 0)!, true).to2DArray()).toEqual([
      [0, -2, -3],
      [-2, -3, -6],
      [-3, -6, -8],
    ]);
  });

  it('grows with a product much denser than Q', () => {
    const m = 300;
    const full = gramComplement(sparse([Array.from({ length: m }, () => 1)], m), 0)!;
    expect(full.pointers[m]).toBe((m * (m + 1)) / 2);
    expect([...new Set(full.values)].sort()).toEqual([-1, 0]);
  });

  it('is refused above the limit of entries, and only there', () => {
    const q = sparse([[1, 1, 1, 1]], 4);
    expect(gramComplement(q, 0, 10)!.indices).toHaveLength(10);
    expect(gramComplement(q, 0, 9)).toBeUndefined();
  });
});
