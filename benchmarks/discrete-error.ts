// The error that decides whether a cell is solved, by plain loops that share nothing with the solver.
import type { Clouds } from './families.ts';

/** Room for the rounding of the recomputation: at 1e-9 the exponents alone are uncertain by about 1e-13. */
const ROUNDING = 1.001;

/** Whether a recomputed error meets its target. */
export function reaches(error: number, target: number): boolean {
  return error <= ROUNDING * target;
}

/** |P1 − a|₁ + |Pᵀ1 − b|₁ of P_ij = a_i b_j exp((f_i + g_j − C_ij)/ε), by plain loops over pairs. */
export function trueError(
  { a, b, costs }: { readonly a: Float64Array; readonly b: Float64Array; readonly costs: Float64Array },
  eps: number,
  f: Float64Array,
  g: Float64Array,
  unit = 1,
): number {
  const m = b.length;
  const columns = new Float64Array(m);
  let error = 0;
  for (let i = 0; i < a.length; i++) {
    let sum = 0;
    for (let j = 0; j < m; j++) {
      const p = a[i]! * b[j]! * Math.exp(((f[i]! + g[j]!) / unit - costs[i * m + j]!) / eps);
      sum += p;
      columns[j]! += p;
    }
    error += Math.abs(sum - a[i]!);
  }
  for (let j = 0; j < m; j++) error += Math.abs(columns[j]! - b[j]!);
  return Number.isFinite(error) ? error : Number.POSITIVE_INFINITY;
}

/** The L1 error of both sides by plain loops over all pairs, costs computed from differences. */
export function errorOnTheFly({ x, y, a, b }: Clouds, epsilon: number, f: Float64Array, g: Float64Array): number {
  const d = x.dimension;
  const columns = new Float64Array(b.length);
  let error = 0;
  for (let i = 0; i < a.length; i++) {
    let sum = 0;
    for (let j = 0; j < b.length; j++) {
      let exponent = f[i]! + g[j]!;
      for (let k = 0; k < d; k++) {
        const difference = x.data[i * d + k]! - y.data[j * d + k]!;
        exponent -= difference * difference;
      }
      // exp is 0 below −745.2, and a comparison is cheaper.
      if (exponent < -746 * epsilon) continue;
      const p = a[i]! * b[j]! * Math.exp(exponent / epsilon);
      sum += p;
      columns[j]! += p;
    }
    error += Math.abs(sum - a[i]!);
  }
  for (let j = 0; j < b.length; j++) error += Math.abs(columns[j]! - b[j]!);
  return Number.isFinite(error) ? error : Number.POSITIVE_INFINITY;
}
