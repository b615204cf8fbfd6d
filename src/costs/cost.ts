import type { Points } from '../numerics/points.ts';

/** A cost c(x, y) between points of source and target; +∞ forbids a pair. */
export interface Cost {
  readonly kind: 'squared-euclidean' | 'half-squared-euclidean' | 'euclidean' | 'lp' | 'cosine' | 'matrix' | 'function';
  /** How messages and reports name it. */
  readonly name: string;
  /** False for a given matrix, which knows nothing about other points. */
  readonly pointwise: boolean;
  /** C_ij = c(x_i, y_j), row-major `x.count × y.count`. */
  between(x: Points, y: Points): Float64Array;
  /** The factor of |x − y|² when the cost is one: 1 or ½. Absent otherwise. */
  readonly squaredScale?: number;
}
