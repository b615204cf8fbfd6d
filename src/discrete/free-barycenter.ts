import type { Iteration, IterationOptions } from '../numerics/iterate.ts';
import { now } from '../numerics/iterate.ts';
import type { Points } from '../numerics/points.ts';
import { type Barycenter, barycenterOf } from './barycenter-answer.ts';
import type { CheckedBarycenter } from './barycenter-problem.ts';
import { DescentOfPoints } from './descent-of-points.ts';
import { MovingPoints } from './moving-points.ts';
import { type PreparedSolve, preparedSolve } from './prepared-solve.ts';
import { requireRepresentable } from './representable.ts';
import type { ComputeOptions } from './workspace.ts';

/** The plans of one turn are solved to this share of the tolerance. */
const INNER = 0.1;

/** Squared distances on the way, in units of the largest at the start. */
const OVERSHOOT = 2;

/**
 * The barycenter of moving points: a local minimum of their objective, at most that of any place they came through.
 *
 * @see [cuturi2014] [feydy2019]
 */
export function prepareFreeBarycenter(
  path: string,
  checked: CheckedBarycenter,
  compute: ComputeOptions,
  options: IterationOptions & { readonly tolerance: number },
): PreparedSolve<Barycenter> {
  const { shares, support, epsilon, measures, cost } = checked;
  const { tolerance } = options;
  const began = now();
  const inner = Math.max(1e-13, Math.min(1e-6, INNER * tolerance));
  if (epsilon > 0) {
    // Steps that are tried and taken back go beyond the points.
    const largest = OVERSHOOT * cost.squaredScale! * squaredDiameter([support.points, ...measures.map(({ points }) => points)]);
    requireRepresentable(path, largest, epsilon, inner, 'leave epsilon out for exact transport');
  }
  const map = new MovingPoints(path, checked, compute, inner);
  const nudge = Math.max(1e-4, Math.sqrt(inner));
  const iteration: Iteration<DescentOfPoints> = {
    path,
    initial: () => new DescentOfPoints(map, support.points.data, { tolerance, nudge, smooth: epsilon > 0 }),
    step(state) {
      state.step();
      return state;
    },
    // Only points that a nudge does not part or move away have come to rest.
    error: ({ point, stable }) => (stable ? point.error : Math.max(point.error, tolerance * (1 + 1e-9))),
    roundingFloor: () => 1e-12,
  };
  return preparedSolve({
    iteration,
    options,
    release: () => {},
    finish: ({ state, status, iterations, errors }) =>
      barycenterOf({
        path,
        marginal: state.point.marginal,
        couplings: state.point.couplings,
        weights: shares,
        ended: status,
        iterations,
        error: state.point.error,
        errors,
        tolerance,
        seconds: now() - began,
      }),
  });
}

/** Squared diameter of the box around all points, which they do not leave on their way but by little. */
function squaredDiameter(sets: readonly Points[]): number {
  let sum = 0;
  for (let k = 0; k < sets[0]!.dimension; k++) {
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const { data, dimension } of sets) {
      for (let p = k; p < data.length; p += dimension) {
        low = Math.min(low, data[p]!);
        high = Math.max(high, data[p]!);
      }
    }
    sum += (high - low) ** 2;
  }
  return sum;
}
