import type { Coupling } from '../couplings/coupling.ts';
import type { DiscreteCoupling } from '../discrete/discrete-coupling.ts';
import { allocatePoints, type Points, takeRows } from '../numerics/points.ts';
import type { RandomSource } from '../numerics/random.ts';
import { shuffledOrder } from './independent-pairs.ts';

/** Pairs of points, row by row. */
export interface PlanPairs {
  readonly x: Points;
  readonly y: Points;
}

/**
 * Draws `perRow` partners for every point of the source from its conditional law under a plan in the plane whose cost is ½|x − y|² and ε = 1.
 *
 * The draws are systematic: quantiles (q + u)/perRow of one uniform u, along the target's points in the order of their angle about the
 * mean. Every pair has the law of the plan, and the shares that parts of the target are given hardly vary, where those of as many
 * independent pairs would by their root; a distribution function is summed once a row and not once a pair.
 */
export function systematicPairs({ source, target, potentials }: DiscreteCoupling, perRow: number, random: RandomSource): PlanPairs {
  const order = byAngle(target.points, target.mean());
  const ends = takeRows(target.points, order).data;
  // log(b_j e^{g_j}).
  const weights = Float64Array.from(order, (j) => Math.log(target.weights[j]!) + potentials.g[j]!);
  const { count } = source.points;
  const x = allocatePoints(count * perRow, 2);
  const y = allocatePoints(count * perRow, 2);
  const sums = new Float64Array(weights.length);
  for (let i = 0, row = 0; i < count; i++) {
    const point = source.points.data.subarray(2 * i, 2 * i + 2);
    const whole = conditionalSums(point, ends, weights, sums);
    const offset = random.uniform();
    for (let q = 0, j = 0; q < perRow; q++, row++) {
      while (sums[j]! < ((q + offset) / perRow) * whole) j++;
      x.data.set(point, 2 * row);
      y.data.set(ends.subarray(2 * j, 2 * j + 2), 2 * row);
    }
  }
  return { x, y };
}

/** The plan through pairs drawn once: as many as are asked for in random order, none twice before all were served. */
export function pairsOfPlan(plan: Coupling, { x, y }: PlanPairs): Coupling {
  return {
    ...plan,
    sample(count, random) {
      const order = shuffledOrder(x.count, random);
      const rows = Int32Array.from({ length: count }, (_, i) => order[i % order.length]!);
      return { x: takeRows(x, rows), y: takeRows(y, rows) };
    },
  };
}

/** Sums of w_j exp(−½|x − y_j|²) up to every j, over their largest term; returns the last. */
function conditionalSums(x: Float64Array, ends: Float64Array, weights: Float64Array, sums: Float64Array): number {
  const [a, b] = [x[0]!, x[1]!];
  let top = Number.NEGATIVE_INFINITY;
  for (let j = 0; j < weights.length; j++) {
    const exponent = weights[j]! - ((ends[2 * j]! - a) ** 2 + (ends[2 * j + 1]! - b) ** 2) / 2;
    sums[j] = exponent;
    if (exponent > top) top = exponent;
  }
  let sum = 0;
  for (let j = 0; j < weights.length; j++) {
    sum += Math.exp(sums[j]! - top);
    sums[j] = sum;
  }
  return sum;
}

/** Indices in the order of the angle about a centre. */
function byAngle({ data, count }: Points, centre: Float64Array): Int32Array {
  const angles = Float64Array.from({ length: count }, (_, j) => Math.atan2(data[2 * j + 1]! - centre[1]!, data[2 * j]! - centre[0]!));
  return Int32Array.from({ length: count }, (_, j) => j).sort((i, j) => angles[i]! - angles[j]!);
}
