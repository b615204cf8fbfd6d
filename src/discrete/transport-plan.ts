import { Matrix } from 'ml-matrix';

/** A plan P between n source and m target points, read entry by entry so that sparse and dense ones look the same. */
export interface TransportPlan {
  readonly rows: number;
  readonly columns: number;
  /** Calls back for every entry that may carry mass, row by row. */
  forEach(visit: (row: number, column: number, mass: number) => void): void;
}

/** A plan stored on the support only. */
export function densePlan(
  rows: number,
  columns: number,
  rowIndices: Int32Array,
  columnIndices: Int32Array,
  masses: () => Float64Array,
): TransportPlan {
  return {
    rows,
    columns,
    forEach(visit) {
      const data = masses();
      let p = 0;
      for (const i of rowIndices) for (const j of columnIndices) visit(i, j, data[p++]!);
    },
  };
}

/** A plan stored as a list of entries, sorted by row. */
export function sparsePlan(
  rows: number,
  columns: number,
  entries: readonly { readonly row: number; readonly column: number; readonly mass: number }[],
): TransportPlan {
  const sorted = [...entries].sort((a, b) => a.row - b.row || a.column - b.column);
  return {
    rows,
    columns,
    forEach(visit) {
      for (const { row, column, mass } of sorted) visit(row, column, mass);
    },
  };
}

/** P as a matrix. */
export function planMatrix(plan: TransportPlan): Matrix {
  const out = Matrix.zeros(plan.rows, plan.columns);
  plan.forEach((i, j, mass) => {
    out.set(i, j, mass);
  });
  return out;
}

/** P v. */
export function applyPlan(plan: TransportPlan, v: ArrayLike<number>): Float64Array {
  const out = new Float64Array(plan.rows);
  plan.forEach((i, j, mass) => {
    out[i]! += mass * v[j]!;
  });
  return out;
}

/** Pᵀ u. */
export function applyPlanTranspose(plan: TransportPlan, u: ArrayLike<number>): Float64Array {
  const out = new Float64Array(plan.columns);
  plan.forEach((i, j, mass) => {
    out[j]! += mass * u[i]!;
  });
  return out;
}
