import { Matrix } from 'ml-matrix';
import type { SparseMatrix } from '../../src/numerics/sparse-matrix.ts';

/** Compressed rows of the non-zero entries of a dense matrix; of its upper triangle when asked. */
export function sparse(dense: readonly (readonly number[])[], columns: number, upper = false): SparseMatrix {
  const rows = dense.length;
  const pointers = [0];
  const indices: number[] = [];
  const values: number[] = [];
  for (let i = 0; i < rows; i++) {
    for (let j = upper ? i : 0; j < columns; j++) {
      if (dense[i]![j] === 0 && !(upper && i === j)) continue;
      indices.push(j);
      values.push(dense[i]![j]!);
    }
    pointers.push(indices.length);
  }
  return { rows, columns, pointers: Int32Array.from(pointers), indices: Int32Array.from(indices), values: Float64Array.from(values) };
}

/** The dense matrix, mirrored when the sparse one is the upper triangle of a symmetric one. */
export function dense(a: SparseMatrix, symmetric = false): Matrix {
  const out = Matrix.zeros(a.rows, a.columns);
  for (let i = 0; i < a.rows; i++) {
    for (let p = a.pointers[i]!; p < a.pointers[i + 1]!; p++) {
      out.set(i, a.indices[p]!, a.values[p]!);
      if (symmetric) out.set(a.indices[p]!, i, a.values[p]!);
    }
  }
  return out;
}

/** The upper triangle of the matrix of a graph: `diagonal` on the diagonal, −1 on every edge. */
export function graphMatrix(n: number, edges: readonly (readonly [number, number])[], diagonal: number): SparseMatrix {
  const made = Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => (i === j ? diagonal : 0)));
  for (const [i, j] of edges) made[i]![j] = made[j]![i] = -1;
  return sparse(made, n, true);
}
