import type { Affine } from '../numerics/affine.ts';
import type { Points, PointsLike } from '../numerics/points.ts';

/** The two drifts of a diffusion, read forward and backward. `t` is always FORWARD time. */
export interface DriftField {
  /** f(t, x_i), one row a point. */
  drift(t: number, x: PointsLike): Points;
  /** Drift of the time-reversed process at forward time t: −f + g²∇log p_t. */
  backwardDrift(t: number, x: PointsLike): Points;
  /** The drift of a direction at forward time t as an affine map, where the field knows that it is one. */
  affineDrift?(t: number, direction: 'forward' | 'backward'): Affine;
}
