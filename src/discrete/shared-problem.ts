import type { Cost, CostSummary } from '../costs/cost.ts';
import { halfSquaredEuclidean, squaredEuclidean } from '../costs/squared-euclidean.ts';
import type { Points } from '../numerics/points.ts';
import type { SolverProblem } from './dense-problem.ts';

/** A problem as it is sent to another thread: costs in shared memory, the rest copied on the way. */
export interface SharedProblem {
  readonly a: Float64Array;
  readonly b: Float64Array;
  readonly rows: Int32Array;
  readonly columns: Int32Array;
  /** Without coordinates where costs are given. */
  readonly x: Points;
  readonly y: Points;
  /** Absent where the worker makes them of the points, if it needs them at all. */
  readonly costs?: Float64Array;
  readonly kind: Cost['kind'];
  readonly summary: CostSummary;
}

/** True for costs that are numbers, or that a worker can compute from the points. */
export function sendable({ squared, cost, grid }: SolverProblem): boolean {
  return grid === undefined && (!squared || cost.kind === 'squared-euclidean' || cost.kind === 'half-squared-euclidean');
}

/** What is sent of a problem; `share` copies costs into shared memory. */
export function sharedProblem(dense: SolverProblem, share: (costs: Float64Array) => Float64Array): SharedProblem {
  const { squared, cost, summary } = dense;
  const points = ({ data, count, dimension }: SolverProblem['x']): SolverProblem['x'] => ({
    data: squared ? tight(data) : new Float64Array(0),
    count,
    dimension,
  });
  return {
    a: tight(dense.a),
    b: tight(dense.b),
    rows: tight(dense.rows),
    columns: tight(dense.columns),
    x: points(dense.x),
    y: points(dense.y),
    ...(squared ? {} : { costs: share(dense.costs) }),
    kind: cost.kind,
    summary,
  };
}

/** A message takes the whole buffer of an array along. */
function tight<A extends Float64Array | Int32Array>(array: A): A {
  return array.byteLength === array.buffer.byteLength ? array : (array.slice() as A);
}

/** Copies in shared memory; problems that follow one another with the same costs share theirs. */
export function sharedCopies(): (costs: Float64Array) => Float64Array {
  let last: { readonly costs: Float64Array; readonly copy: Float64Array } | undefined;
  return (costs) => {
    if (last?.costs !== costs) {
      const copy = new Float64Array(new SharedArrayBuffer(costs.byteLength));
      copy.set(costs);
      last = { costs, copy };
    }
    return last.copy;
  };
}

/** The problem for a solver at the other end. */
export function solverProblem({ kind, costs: given, ...arrays }: SharedProblem): SolverProblem {
  const squared = given === undefined;
  let costs = given;
  const cost = kind === 'squared-euclidean' ? squaredEuclidean() : halfSquaredEuclidean();
  return {
    ...arrays,
    squared,
    cost: squared ? cost : { kind },
    get costs() {
      costs ??= cost.between(arrays.x, arrays.y);
      return costs;
    },
  };
}
