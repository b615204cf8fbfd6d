import type { Marginal } from '../marginals/marginal.ts';
import type { Points, PointsLike } from '../numerics/points.ts';
import type { RandomSource } from '../numerics/random.ts';
import type { DriftField } from '../references/drift-field.ts';
import type { Reference } from '../references/reference.ts';
import type { TimeGrid } from '../references/time-grid.ts';
import type { Coupling } from './coupling.ts';

/** Paths on the nodes of a grid: row i of every `points[k]` is the position of path i at `times[k]`, in FORWARD time whatever the direction. */
export interface Paths {
  readonly times: Float64Array;
  readonly points: readonly Points[];
}

/** What to simulate: `count` paths from the bridge's own start, or one path from every row of `from`. */
export interface SimulateOptions {
  /** Number of paths started from the source (forward) or the target (backward). */
  readonly count?: number;
  /** Starting points instead; exactly one of `count` and `from`. */
  readonly from?: PointsLike;
  readonly grid: TimeGrid;
  readonly random: RandomSource;
  /** @defaultValue `'forward'` */
  readonly direction?: 'forward' | 'backward';
}

/** A diffusion on [0, T] that carries the source onto the target: a coupling of its end points, and everything in between. */
export interface Bridge extends Coupling, DriftField {
  readonly reference: Reference;
  /** Probability-flow velocity ½(f − b), b the backward drift. */
  velocity(t: number, x: PointsLike): Points;
  /** ∇log p_t = (f + b)/g². */
  score(t: number, x: PointsLike): Points;
  /** The law of X_t. */
  marginalAt(t: number): Marginal;
  /** Paths by Euler–Maruyama on the grid, or exactly where the bridge can. */
  simulate(options: SimulateOptions): Paths;
}
