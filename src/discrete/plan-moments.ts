import { Matrix } from 'ml-matrix';
import type { Cost } from '../costs/cost.ts';
import { costRows } from '../costs/cost-rows.ts';
import type { CouplingMoments } from '../couplings/coupling.ts';
import { DomainError } from '../errors.ts';
import { crossMoment, weightedMean } from '../numerics/moments.ts';
import { type Points, takeRows } from '../numerics/points.ts';
import { columnMasses, type PlanEntries, planCost, rowMasses, type TransportPlan } from './transport-plan.ts';

/** Pairs above which squared costs are summed from moments instead of pair by pair. */
const MANY_PAIRS = 2e7;

/** First and second moments of the normalised plan, from products with it alone. */
export function planMoments(plan: TransportPlan, x: Points, y: Points): CouplingMoments {
  const [rows, columns] = [rowMasses(plan), columnMasses(plan)];
  const [sourceMean, targetMean] = [weightedMean(x, rows), weightedMean(y, columns)];
  const mass = rows.reduce((sum, p) => sum + p, 0);
  const pushed = plan.apply(coordinates(y, targetMean), y.dimension);
  const sums = new Float64Array(x.dimension * y.dimension);
  for (let i = 0; i < x.count; i++) {
    for (let r = 0; r < x.dimension; r++) {
      const from = x.data[i * x.dimension + r]! - sourceMean[r]!;
      for (let c = 0; c < y.dimension; c++) sums[r * y.dimension + c]! += from * pushed[c * x.count + i]!;
    }
  }
  return {
    sourceMean,
    targetMean,
    sourceCovariance: crossMoment(x, sourceMean, x, sourceMean, rows),
    targetCovariance: crossMoment(y, targetMean, y, targetMean, columns),
    crossCovariance: Matrix.from1DArray(
      x.dimension,
      y.dimension,
      Array.from(sums, (s) => s / mass),
    ),
  };
}

/** ∫ c dπ under any cost. */
export function transportCostOf(path: string, plan: TransportPlan, x: Points, y: Points, cost: Cost): number {
  if (typeof cost?.between !== 'function') {
    throw new DomainError(`${path}: expected a cost, got ${typeof cost}; pass the result of a call: squaredEuclidean()`);
  }
  if (cost.pointwise && plan.entries !== undefined) return entriesCost(plan.entries, x, y, cost);
  if (cost.squaredScale === undefined || plan.rows * plan.columns <= MANY_PAIRS) return planCost(plan, costRows(cost, x, y));
  const { sourceMean, targetMean, sourceCovariance, targetCovariance, crossCovariance } = planMoments(plan, x, y);
  const mass = rowMasses(plan).reduce((sum, p) => sum + p, 0);
  let squares = 0;
  for (let k = 0; k < x.dimension; k++) {
    squares +=
      (sourceMean[k]! - targetMean[k]!) ** 2 + sourceCovariance.get(k, k) + targetCovariance.get(k, k) - 2 * crossCovariance.get(k, k);
  }
  return mass * cost.squaredScale * squares;
}

/** The same over the entries alone. */
function entriesCost({ rows, columns, masses }: PlanEntries, x: Points, y: Points, cost: Cost): number {
  let sum = 0;
  masses.forEach((mass, k) => {
    sum += mass * cost.between(takeRows(x, [rows[k]!]), takeRows(y, [columns[k]!]))[0]!;
  });
  return sum;
}

/** The coordinates of points, one after the other, less a centre. */
export function coordinates({ data, count, dimension }: Points, centre?: Float64Array): Float64Array {
  const out = new Float64Array(count * dimension);
  for (let k = 0; k < dimension; k++) {
    for (let i = 0; i < count; i++) out[k * count + i] = data[i * dimension + k]! - (centre?.[k] ?? 0);
  }
  return out;
}
