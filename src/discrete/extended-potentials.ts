import type { Cost } from '../costs/cost.ts';
import { openTransportEngine } from '../kernels/open-transport-engine.ts';
import { type Points, takeRows } from '../numerics/points.ts';
import { softMinRows } from '../numerics/soft-min.ts';
import type { DenseProblem } from './dense-problem.ts';
import type { EntropicSolution } from './entropic-plan.ts';

/** Potentials of all points, those without weight by the usual update from the other side: −ε log Σ_j b_j exp((g_j − C_ij)/ε), damped by ρ/(ρ + ε). */
export function extendedPotentials({ dense, epsilon, penalties, f, g, compute }: EntropicSolution): { f: Float64Array; g: Float64Array } {
  const { source, target, rows, columns, x, y, a, b, cost } = dense;
  const damping = (rho: number): number => (rho === Number.POSITIVE_INFINITY ? 1 : rho / (rho + epsilon));
  const extend = (
    size: number,
    places: Int32Array,
    own: Float64Array,
    rho: number,
    update: (missing: Int32Array) => Float64Array,
  ): Float64Array => {
    if (places.length === size) return own.slice();
    const out = new Float64Array(size);
    const present = new Uint8Array(size);
    places.forEach((place, p) => {
      out[place] = own[p]!;
      present[place] = 1;
    });
    const missing = Int32Array.from(present.keys()).filter((i) => present[i] === 0);
    const values = update(missing);
    missing.forEach((place, p) => {
      out[place] = damping(rho) * values[p]!;
    });
    return out;
  };
  const logs = (potential: Float64Array, weights: Float64Array): Float64Array =>
    potential.map((v, p) => v + epsilon * Math.log(weights[p]!));
  const update = (
    points: Points,
    missing: Int32Array,
    partners: Points,
    h: Float64Array,
    row: (i: number) => Float64Array,
  ): Float64Array => {
    if (cost.squaredScale !== undefined) return squaredSoftMin(takeRows(points, missing), partners, h, cost.squaredScale, epsilon, compute);
    const out = new Float64Array(missing.length);
    missing.forEach((i, p) => {
      softMinRows(row(i), h, epsilon, out.subarray(p, p + 1));
    });
    return out;
  };
  const { row, column } = costLines(cost, dense);
  return {
    f: extend(source.weights.length, rows, f, penalties.source, (missing) => update(source.points, missing, y, logs(g, b), row)),
    g: extend(target.weights.length, columns, g, penalties.target, (missing) => update(target.points, missing, x, logs(f, a), column)),
  };
}

/** Costs of one point of a side with the support of the other. */
function costLines(
  cost: Cost,
  { source, target, rows, columns, x, y }: DenseProblem,
): { readonly row: (i: number) => Float64Array; readonly column: (j: number) => Float64Array } {
  if (cost.pointwise) {
    return {
      row: (i) => cost.between(takeRows(source.points, [i]), y),
      column: (j) => cost.between(x, takeRows(target.points, [j])),
    };
  }
  const [all, width] = [(cost.view ?? cost.between)(source.points, target.points), target.weights.length];
  return {
    row: (i) => Float64Array.from(columns, (j) => all[i * width + j]!),
    column: (j) => Float64Array.from(rows, (i) => all[i * width + j]!),
  };
}

/** −ε log Σ_j exp((h_j − s|x_i − y_j|²)/ε), on the fly. */
function squaredSoftMin(
  x: Points,
  y: Points,
  h: Float64Array,
  scale: number,
  epsilon: number,
  compute: EntropicSolution['compute'],
): Float64Array {
  const { threads, engine: kind } = compute;
  const bytes = 8 * (x.count + y.count + 128) * (x.dimension + 2) + 4096;
  const engine = openTransportEngine({ bytes, ...(threads === undefined ? {} : { threads }), ...(kind === undefined ? {} : { kind }) });
  try {
    const costs = engine.pointCosts(x.data, y.data, x.dimension, scale);
    const [F, G] = [engine.f64(engine.height(x.count)), engine.f64(engine.width(y.count))];
    for (let j = 0; j < y.count; j++) G[j] = h[j]! / epsilon;
    engine.softMinRows(costs, G, 1 / epsilon, F);
    return Float64Array.from({ length: x.count }, (_, i) => epsilon * F[i]!);
  } finally {
    engine.release();
  }
}
