import { total } from '../numerics/vectors.ts';
import { type EntropicSolution, withPotentials } from './entropic-plan.ts';
import type { PartialSides } from './partial-dual.ts';
import { bracket, type DiscreteValue, leftOutOfValues } from './values.ts';

/** A partial plan: `lambda` is the potential of the mass, half of which is in f and half in g. */
export interface PartialSolution extends EntropicSolution {
  readonly sides: PartialSides;
  readonly lambda: number;
}

/**
 * The values of a partial plan: `primal` of the plan made feasible (rows, columns and mass scaled down to what they may be, what is missing
 * spread over the room that is left), `dual` of the potentials; the optimum lies between them.
 *
 * @see [altschuler2017]
 */
export function partialValues(solution: PartialSolution): DiscreteValue {
  const { dense, epsilon, f, g, sides, lambda } = solution;
  const { a, b } = dense;
  return withPotentials(solution, 5, ({ engine, passes, source, target }, { F, G }) => {
    const plan = passes(epsilon);
    const [height, width] = [F.length, G.length];
    const [x, rows, ea] = [engine.f64(height), engine.f64(height), engine.f64(height)];
    const [y, columns, eb] = [engine.f64(width), engine.f64(width), engine.f64(width)];
    plan.marginals(F, G, rows, columns);
    const mass = total(rows.subarray(0, a.length));
    x.fill(1);
    y.fill(1);
    for (let i = 0; i < a.length; i++) x[i] = down(rows[i]!, a[i]!);
    plan.applyTranspose(F, G, x, 1, columns);
    let kept = 0;
    for (let j = 0; j < b.length; j++) {
      y[j] = down(columns[j]!, b[j]!);
      kept += y[j]! * columns[j]!;
    }
    const all = down(kept, sides.mass);
    for (let j = 0; j < b.length; j++) y[j]! *= all;
    plan.apply(F, G, y, 1, rows);
    let [roomA, roomB, moved] = [0, 0, 0];
    for (let i = 0; i < a.length; i++) {
      const have = rows[i]! * x[i]!;
      moved += have;
      roomA += ea[i] = Math.max(0, a[i]! - have);
    }
    for (let j = 0; j < b.length; j++) roomB += eb[j] = Math.max(0, b[j]! - columns[j]! * y[j]!);
    const missing = Math.max(0, sides.mass - moved);
    for (let i = 0; i < a.length; i++) ea[i]! *= roomA > 0 ? Math.min(1, missing / roomA) : 0;
    for (let j = 0; j < b.length; j++) eb[j]! *= roomB > 0 ? 1 / roomB : 0;
    const sums = plan.roundedSums(F, G, { x, y, ea, eb }, { a: source.logs, b: target.logs });
    const product = (source.mass + dense.stays.source) * (target.mass + dense.stays.target);
    const kl = sums.logs - sums.cross - sums.mass + product;
    const primal = sums.forbidden ? Number.POSITIVE_INFINITY : sums.linear + epsilon * kl;
    let dual = sides.mass * lambda - epsilon * (mass - product);
    for (let i = 0; i < a.length; i++) dual += a[i]! * (f[i]! - lambda / 2);
    for (let j = 0; j < b.length; j++) dual += b[j]! * (g[j]! - lambda / 2);
    const slack = leftOutOfValues(solution, source.mass * (plan.leftOut?.(F, G) ?? 0), 1);
    return Object.freeze({ linear: sums.linear, kl, entropy: -sums.logs, ...bracket(primal + slack.primal, dual - slack.dual) });
  });
}

function down(have: number, most: number): number {
  return have > most ? most / have : 1;
}
