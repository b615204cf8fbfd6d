import type { Cost } from '../costs/cost.ts';
import { DomainError, InfeasibleError } from '../errors.ts';
import { type DiscreteMarginal, isDiscrete } from '../marginals/discrete-marginal.ts';
import type { Marginal } from '../marginals/marginal.ts';
import { takeRows } from '../numerics/points.ts';

/** A problem between the points that carry weight: zero weights are left out and come back in the answer. */
export interface DenseProblem {
  readonly source: DiscreteMarginal;
  readonly target: DiscreteMarginal;
  readonly cost: Cost;
  /** Positive weights; b already rescaled to the source's mass when both sides are exact. */
  readonly a: Float64Array;
  readonly b: Float64Array;
  /** Where they lie among all points. */
  readonly rows: Int32Array;
  readonly columns: Int32Array;
  /** C, row-major, `a.length × b.length`. */
  readonly costs: Float64Array;
  /** True when some pair is forbidden. */
  readonly forbidden: boolean;
}

/** Reduces a problem to its support and evaluates its costs. */
export function denseProblem(
  path: string,
  problem: { readonly source: Marginal; readonly target: Marginal; readonly cost: Cost; readonly targetRescaling: number },
): DenseProblem {
  const source = requireDiscrete(path, 'source', problem.source);
  const target = requireDiscrete(path, 'target', problem.target);
  const { cost, targetRescaling } = problem;
  const rows = support(source.weights);
  const columns = support(target.weights);
  const costs = reducedCosts(cost, source, target, rows, columns);
  const forbidden = costs.includes(Number.POSITIVE_INFINITY);
  if (forbidden) requireReachable(path, costs, rows, columns);
  return {
    source,
    target,
    cost,
    a: Float64Array.from(rows, (i) => source.weights[i]!),
    b: Float64Array.from(columns, (j) => targetRescaling * target.weights[j]!),
    rows,
    columns,
    costs,
    forbidden,
  };
}

/** Refuses a marginal that is not made of weighted points. */
export function requireDiscrete(path: string, side: string, marginal: Marginal): DiscreteMarginal {
  if (isDiscrete(marginal)) return marginal;
  throw new DomainError(`${path}: ${side} is a ${marginal.kind} marginal; pass dataMarginal(marginal.sample(count, randomSource(seed)))`);
}

function support(weights: Float64Array): Int32Array {
  return Int32Array.from([...weights.keys()].filter((i) => weights[i]! > 0));
}

/** A given matrix is asked for whole, since it knows indices; a cost of points only for the pairs that matter. */
function reducedCosts(cost: Cost, source: DiscreteMarginal, target: DiscreteMarginal, rows: Int32Array, columns: Int32Array): Float64Array {
  if (cost.pointwise) return cost.between(takeRows(source.points, rows), takeRows(target.points, columns));
  const all = cost.between(source.points, target.points);
  const out = new Float64Array(rows.length * columns.length);
  rows.forEach((i, r) => {
    columns.forEach((j, c) => {
      out[r * columns.length + c] = all[i * target.weights.length + j]!;
    });
  });
  return out;
}

function requireReachable(path: string, costs: Float64Array, rows: Int32Array, columns: Int32Array): void {
  const m = columns.length;
  rows.forEach((i, r) => {
    if (costs.subarray(r * m, (r + 1) * m).every((c) => c === Number.POSITIVE_INFINITY)) {
      throw new InfeasibleError(`${path}: source point ${i} has only forbidden pairs; allow one of them, or give it weight 0`);
    }
  });
  columns.forEach((j, c) => {
    if (rows.every((_, r) => costs[r * m + c] === Number.POSITIVE_INFINITY)) {
      throw new InfeasibleError(`${path}: target point ${j} has only forbidden pairs; allow one of them, or give it weight 0`);
    }
  });
}
