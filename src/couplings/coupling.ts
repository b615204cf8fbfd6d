import type { Matrix } from 'ml-matrix';
import type { Cost } from '../costs/cost.ts';
import type { Marginal } from '../marginals/marginal.ts';
import type { Points, PointsLike } from '../numerics/points.ts';
import type { RandomSource } from '../numerics/random.ts';

/** First and second moments of the normalised coupling. */
export interface CouplingMoments {
  /** E x, length d. */
  readonly sourceMean: Float64Array;
  /** E y. */
  readonly targetMean: Float64Array;
  /** Cov x, d × d. */
  readonly sourceCovariance: Matrix;
  /** Cov y. */
  readonly targetCovariance: Matrix;
  /** E (x − Ex)(y − Ey)ᵀ: rows belong to the source. */
  readonly crossCovariance: Matrix;
}

/** How far the actual marginals are from the prescribed ones. */
export interface MarginalError {
  /** `'l1'`: Σ|P1 − a| relative to the total mass; `'bw2-uvp'`: 100·BW²/(½ tr Cov) of first and second moments, in percent. */
  readonly metric: 'l1' | 'bw2-uvp';
  readonly source: number;
  readonly target: number;
}

/** A measure on pairs (x, y) whose marginals are those of a problem, up to {@link Coupling.marginalError}. */
export interface Coupling {
  readonly kind: string;
  /** The PRESCRIBED source. */
  readonly source: Marginal;
  /** The PRESCRIBED target. */
  readonly target: Marginal;
  /** Total mass; 1 between probability distributions. */
  readonly mass: number;
  /** Independent pairs: row i of `x` belongs to row i of `y`. */
  sample(count: number, random: RandomSource): { readonly x: Points; readonly y: Points };
  /** One draw of y given each row of x. */
  sampleConditional(x: PointsLike, random: RandomSource): Points;
  /** E[y | x], one row a row of x: the barycentric map. */
  conditionalMean(x: PointsLike): Points;
  /** The ACTUAL moments, not the prescribed ones. */
  moments(): CouplingMoments;
  /** Distance of the actual marginals from the prescribed ones. */
  marginalError(): MarginalError;
  /** ∫ c dπ under the problem's cost, or the one given. */
  transportCost(cost?: Cost): number;
  /** The coupling with source and target exchanged. */
  reverse(): Coupling;
}
