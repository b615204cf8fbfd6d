import type { Points } from '../numerics/points.ts';

/** A cost c(x, y) between points of source and target; +∞ forbids a pair. */
export interface Cost {
  readonly kind: 'squared-euclidean' | 'half-squared-euclidean' | 'euclidean' | 'lp' | 'cosine' | 'circular' | 'matrix' | 'function';
  /** How messages and reports name it. */
  readonly name: string;
  /** False for a given matrix, which knows nothing about other points. */
  readonly pointwise: boolean;
  /** C_ij = c(x_i, y_j), row-major `x.count × y.count`. */
  between(x: Points, y: Points): Float64Array;
  /** The same of a given matrix without a copy, for solvers that only read. */
  view?(x: Points, y: Points): Float64Array;
  /**
   * Derivatives of c at (x, y): writes ∂c/∂x to `dx` and ∂c/∂y to `dy`. Where c has a kink, such as |x − y| at x = y, they are 0. Absent
   * where nobody knows them: of a given matrix, and of a function without `gradient`.
   */
  gradient?(x: Float64Array, y: Float64Array, dx: Float64Array, dy: Float64Array): void;
  /** The factor of |x − y|² when the cost is one: 1 or ½. Absent otherwise. */
  readonly squaredScale?: number;
  /** c(x, y) = Σ_k axis(x_k, y_k), where the cost is such a sum: on grids it is then treated one axis at a time. */
  readonly axis?: (x: number, y: number) => number;
  /** What is known of all entries, for a given matrix. */
  readonly summary?: CostSummary;
}

/** What solvers ask about the entries of a cost matrix. */
export interface CostSummary {
  readonly least: number;
  /** Mean of the finite entries. */
  readonly mean: number;
  /** Largest finite absolute value. */
  readonly largest: number;
  /** True when some pair is forbidden. */
  readonly forbidden: boolean;
}

/** Reads all entries once. */
export function summariseCosts(costs: Float64Array): CostSummary {
  let [least, top, sum, count] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
  for (let p = 0; p < costs.length; p++) {
    const c = costs[p]!;
    if (c === Number.POSITIVE_INFINITY) continue;
    if (c < least) least = c;
    if (c > top) top = c;
    sum += c;
    count++;
  }
  return { least, mean: sum / count, largest: Math.max(Math.abs(least), Math.abs(top)), forbidden: count < costs.length };
}
