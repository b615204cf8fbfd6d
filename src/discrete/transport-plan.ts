import { Matrix } from 'ml-matrix';
import { DomainError } from '../errors.ts';
import { gigabytes } from './storage-limit.ts';

/**
 * A plan P between n source and m target points, seen through its products and its rows, so that sparse plans, dense ones and plans that
 * are never formed look the same.
 */
export interface TransportPlan {
  readonly rows: number;
  readonly columns: number;
  /** P_i·, one number a column. */
  row(i: number): Float64Array;
  /** P v for `count` vectors, one after the other. */
  apply(V: Float64Array, count: number): Float64Array;
  /** Pᵀ u for `count` vectors, one after the other. */
  applyTranspose(U: Float64Array, count: number): Float64Array;
  /** The entries that carry mass, where these are few enough to be listed. */
  readonly entries?: PlanEntries;
}

/** A sparse plan: `masses[k] > 0` goes from `rows[k]` to `columns[k]`. */
export interface PlanEntries {
  readonly rows: Int32Array;
  readonly columns: Int32Array;
  readonly masses: Float64Array;
}

/** Entries of the largest plan that is given as a matrix. */
const LARGEST_MATRIX = 2 ** 27;

/** The same plan with source and target exchanged; a row of it is a product with a unit vector. */
export function transposedPlan(plan: TransportPlan): TransportPlan {
  return {
    rows: plan.columns,
    columns: plan.rows,
    row(j) {
      const unit = new Float64Array(plan.columns);
      unit[j] = 1;
      return plan.apply(unit, 1);
    },
    apply: plan.applyTranspose,
    applyTranspose: plan.apply,
    ...(plan.entries === undefined
      ? {}
      : { entries: { rows: plan.entries.columns, columns: plan.entries.rows, masses: plan.entries.masses } }),
  };
}

/** P as a matrix. @throws DomainError when that would be too large to hold */
export function planMatrix(path: string, plan: TransportPlan): Matrix {
  if (plan.rows * plan.columns > LARGEST_MATRIX) {
    throw new DomainError(
      `${path}: a ${plan.rows} × ${plan.columns} matrix needs ${gigabytes(8 * plan.rows * plan.columns)} GB; use apply, applyTranspose or conditionalMean, which do not form it`,
    );
  }
  return new Matrix(Array.from({ length: plan.rows }, (_, i) => plan.row(i)) as unknown as number[][]);
}

/** Σ P_ij C_ij, row by row; pairs without mass cost nothing even when forbidden. */
export function planCost(plan: TransportPlan, costsOf: (i: number) => Float64Array): number {
  let sum = 0;
  for (let i = 0; i < plan.rows; i++) {
    const [masses, costs] = [plan.row(i), costsOf(i)];
    for (let j = 0; j < plan.columns; j++) if (masses[j]! > 0) sum += masses[j]! * costs[j]!;
  }
  return sum;
}

/** P1. */
export function rowMasses(plan: TransportPlan): Float64Array {
  return plan.apply(new Float64Array(plan.columns).fill(1), 1);
}

/** Pᵀ1. */
export function columnMasses(plan: TransportPlan): Float64Array {
  return plan.applyTranspose(new Float64Array(plan.rows).fill(1), 1);
}
