/**
 * Moves a plan onto its marginals: scale rows down to a, columns down to b, and spread what is missing as a rank-one term (Altschuler, Weed,
 * Rigollet 2017, algorithm 2). Changes `plan` in place; returns false when the missing mass would have to use a forbidden pair, in which
 * case the plan is left without it.
 *
 * @param plan row-major n × m, ≥ 0
 * @see [altschuler2017]
 */
export function roundOntoMarginals(plan: Float64Array, a: Float64Array, b: Float64Array, forbidden: (p: number) => boolean): boolean {
  const [n, m] = [a.length, b.length];
  scaleRows(plan, a, (have, want) => Math.min(1, want / have));
  const columns = columnSums(plan, m);
  for (let p = 0; p < plan.length; p++) {
    const j = p % m;
    if (columns[j]! > b[j]!) plan[p]! *= b[j]! / columns[j]!;
  }
  const missingRows = rowSums(plan, n).map((have, i) => Math.max(0, a[i]! - have));
  const missingColumns = columnSums(plan, m).map((have, j) => Math.max(0, b[j]! - have));
  const total = missingRows.reduce((sum, x) => sum + x, 0);
  if (!(total > 0)) return true;
  for (let i = 0, p = 0; i < n; i++) {
    for (let j = 0; j < m; j++, p++) {
      if (missingRows[i]! * missingColumns[j]! > 0 && forbidden(p)) return false;
    }
  }
  for (let i = 0, p = 0; i < n; i++) for (let j = 0; j < m; j++, p++) plan[p]! += (missingRows[i]! * missingColumns[j]!) / total;
  return true;
}

/** Multiplies row i by factor(row sum, a_i). */
export function scaleRows(plan: Float64Array, a: Float64Array, factor: (have: number, want: number) => number): void {
  const m = plan.length / a.length;
  rowSums(plan, a.length).forEach((have, i) => {
    const by = factor(have, a[i]!);
    if (by !== 1 && Number.isFinite(by)) for (let p = i * m; p < (i + 1) * m; p++) plan[p]! *= by;
  });
}

/** P1. */
export function rowSums(plan: Float64Array, rows: number): Float64Array {
  const m = plan.length / rows;
  const out = new Float64Array(rows);
  for (let i = 0, p = 0; i < rows; i++) for (let j = 0; j < m; j++, p++) out[i]! += plan[p]!;
  return out;
}

/** Pᵀ1. */
export function columnSums(plan: Float64Array, columns: number): Float64Array {
  const out = new Float64Array(columns);
  for (let p = 0; p < plan.length; ) for (let j = 0; j < columns; j++, p++) out[j]! += plan[p]!;
  return out;
}
