import { sparseCholesky } from '../numerics/sparse-cholesky.ts';
import { gramComplement } from '../numerics/sparse-matrix.ts';
import type { SemiDual, SemiDualPoint } from './semi-dual.ts';

/** Keeps the factor positive definite; constants are in the null space. */
const SHIFT = 1e-9;

/** What takes as long as one pass over one entry of the kernel: listing the large entries, an entry of a factor, a multiplication. */
const LISTING = 3;
const AN_ENTRY = 330;
const A_FLOP = 3.7;

/** What goes into a factor, and what it may cost. */
export interface FactorLimits {
  readonly keep: number;
  readonly entries: number;
  readonly flops: number;
}

/** An approximate inverse of the Hessian. */
export interface Preconditioner {
  /** Writes an approximation of H⁻¹r to `out`. */
  readonly apply: (r: Float64Array, out: Float64Array) => void;
  /** Passes over the kernel that take about as long as making it did; counted, not timed, so that steps do not depend on the clock. */
  readonly passes: number;
}

/**
 * The inverse of the semi-dual's Hessian diag(c) − Pᵀ diag(1/a) P for the plan truncated to its large entries, by a sparse Cholesky factor.
 * What truncation drops stays on the diagonal, so the matrix remains positive definite even when the truncated graph falls apart.
 *
 * @param limits `keep`: entries of the plan below this share of their row's or column's mass are left out; most `entries` a row, and `flops`
 * of the factorisation
 * @returns undefined when the plan exceeds a limit or the factor is singular
 * @see [tang2024]
 */
export function truncatedHessian(
  { source, target, kernel }: SemiDual,
  point: SemiDualPoint,
  limits: FactorLimits,
): Preconditioner | undefined {
  const Q = kernel.sparsePlan?.(point.F, point.G, limits.keep, limits.entries * source.count);
  if (Q === undefined) return undefined;
  // Divided by masses that the kept entries cannot exceed, so that rounding in single precision cannot make the matrix indefinite.
  const kept = { rows: new Float64Array(Q.rows), columns: new Float64Array(Q.columns) };
  const visit = (use: (i: number, p: number) => void): void => {
    for (let i = 0; i < Q.rows; i++) for (let p = Q.pointers[i]!; p < Q.pointers[i + 1]!; p++) use(i, p);
  };
  visit((i, p) => {
    kept.rows[i]! += Q.values[p]!;
    kept.columns[Q.indices[p]!]! += Q.values[p]!;
  });
  const rowRoot = kept.rows.map((sum, i) => Math.sqrt(Math.max(sum, source.weights[i]!)));
  const root = kept.columns.map((sum, j) => Math.sqrt(Math.max(sum, point.c[j]!)));
  visit((i, p) => {
    Q.values[p]! /= rowRoot[i]! * root[Q.indices[p]!]!;
  });
  const A = gramComplement(Q, SHIFT, limits.flops);
  const cholesky = A === undefined ? undefined : sparseCholesky(A, { maxFlops: limits.flops });
  if (cholesky === undefined) return undefined;
  const work = new Float64Array(target.count);
  const entries = A!.pointers[A!.rows]! + cholesky.nonZeros;
  return {
    apply(r, out) {
      for (let j = 0; j < work.length; j++) work[j] = r[j]! / root[j]!;
      cholesky.solve(work, work);
      for (let j = 0; j < work.length; j++) out[j] = work[j]! / root[j]!;
    },
    passes: LISTING + (AN_ENTRY * entries + A_FLOP * cholesky.flops) / (source.count * target.count),
  };
}
