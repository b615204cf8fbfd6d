import { InfeasibleError } from '../errors.ts';
import type { DiscreteMarginal } from '../marginals/discrete-marginal.ts';
import { type CheckedBarycenter, withWeights } from './barycenter-problem.ts';
import { feasibilityTest } from './feasibility.ts';
import { POINTS_INSTEAD, requireRoomForCosts } from './storage-limit.ts';

/** Costs between the support and one measure, row-major, with the points of the measure that carry weight. */
interface Pairs {
  readonly costs: Float64Array;
  readonly width: number;
  readonly points: readonly number[];
  readonly weights: Float64Array;
}

/**
 * Where costs forbid pairs, gives weight 0 to the points of the support that some measure cannot reach, on which no barycenter has mass.
 *
 * @throws InfeasibleError when a point of a measure reaches nothing that is left, or forbidden pairs keep two measures from one barycenter
 */
export function reachableSupport(path: string, checked: CheckedBarycenter, memory: number): DiscreteMarginal {
  const { support, measures, cost, mass } = checked;
  const count = support.weights.length;
  // No other cost is ever infinite.
  if (cost.kind !== 'matrix' && cost.kind !== 'function') return support;
  const pairs = measures.map((measure): Pairs => {
    const width = measure.weights.length;
    if (cost.pointwise) requireRoomForCosts(path, count, width, memory, POINTS_INSTEAD);
    const costs = (cost.view ?? cost.between)(support.points, measure.points);
    return { costs, width, points: [...measure.weights.keys()].filter((j) => measure.weights[j]! > 0), weights: measure.weights };
  });
  if (pairs.every(({ costs }) => costs.every((c) => c < Number.POSITIVE_INFINITY))) return support;
  const all = Array.from({ length: count }, (_, s) => s);
  const kept = all.filter((s) => pairs.every((branch) => branch.points.some((j) => allowed(branch, s, j))));
  pairs.forEach((branch, k) => {
    const lost = branch.points.find((j) => !kept.some((s) => allowed(branch, s, j)));
    if (lost === undefined) return;
    throw new InfeasibleError(
      `${path}: point ${lost} of measures[${k}] has only forbidden pairs with the support that all measures reach; allow more pairs, or add points to support`,
    );
  });
  pairs.forEach((from, k) => {
    for (let l = k + 1; l < pairs.length; l++) requireMeeting(path, [k, l], from, pairs[l]!, kept);
  });
  if (kept.length === count) return support;
  const weights = new Float64Array(count);
  for (const s of kept) weights[s] = mass / kept.length;
  return withWeights(support, weights);
}

function allowed({ costs, width }: Pairs, s: number, j: number): boolean {
  return costs[s * width + j]! < Number.POSITIVE_INFINITY;
}

/**
 * Refuses two measures that no barycenter joins: mass goes from a point of one to a point of the other over a point of the support. The test
 * gives up on problems that take it long; their status is honest anyway.
 */
function requireMeeting(path: string, [k, l]: readonly [number, number], from: Pairs, to: Pairs, kept: readonly number[]): void {
  const costs = new Float64Array(from.points.length * to.points.length).fill(Number.POSITIVE_INFINITY);
  for (const s of kept) {
    const ends = Array.from(to.points.keys()).filter((c) => allowed(to, s, to.points[c]!));
    from.points.forEach((i, r) => {
      if (allowed(from, s, i)) for (const c of ends) costs[r * to.points.length + c] = 0;
    });
  }
  const weights = ({ points, weights: all }: Pairs): Float64Array => Float64Array.from(points, (i) => all[i]!);
  feasibilityTest(costs, weights(from), weights(to), {}, (stranded) => {
    throw new InfeasibleError(
      `${path}: forbidden pairs keep measures[${k}] and measures[${l}] from one barycenter, mass ${stranded} is stranded; allow more pairs`,
    );
  });
}
