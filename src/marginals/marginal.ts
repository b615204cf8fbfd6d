import type { Matrix } from 'ml-matrix';
import type { Points, PointsLike } from '../numerics/points.ts';
import type { RandomSource } from '../numerics/random.ts';

/** A measure on ℝᵈ of finite mass with finite second moments: what a problem transports from or onto. */
export interface Marginal {
  /** How it was made: `'discrete'`, `'gaussian'`, `'mixture'`, `'sampled'`, … */
  readonly kind: string;
  /** d ≥ 1. */
  readonly dimension: number;
  /** Total mass, > 0; 1 for a probability distribution. Moments and draws are those of the measure divided by its mass. */
  readonly mass: number;
  /** E x, length d. */
  mean(): Float64Array;
  /** E (x − Ex)(x − Ex)ᵀ, d × d. */
  covariance(): Matrix;
  /** Independent draws of the normalised measure. */
  sample(count: number, random: RandomSource): Points;
  /** log of the density (mass included) with respect to Lebesgue measure, one value a row; absent where there is none. */
  logDensity?(x: PointsLike): Float64Array;
}
