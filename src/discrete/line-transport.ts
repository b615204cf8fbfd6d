import { sortedOrder } from '../numerics/sorted-order.ts';
import { PlanBuilder } from './plan-entries.ts';
import type { PlanEntries } from './transport-plan.ts';

/** An optimal plan in one dimension with duals that prove it. */
export interface SortedSolution {
  readonly entries: PlanEntries;
  /** f_i + g_j ≤ c(x_i, y_j), equal where mass flows. */
  readonly f: Float64Array;
  readonly g: Float64Array;
}

/**
 * Exact transport on the line for a cost h(|x − y|), h convex and increasing: sort both sides and fill from the left (north-west corner).
 * Such costs are Monge, which makes that optimal and the duals read off the staircase feasible, those of points without weight included.
 * Linear time and memory after sorting.
 *
 * @param x, y positions; a, b their weights, ≥ 0, equal sums
 * @see [peyre2019]
 */
export function lineTransport(
  x: Float64Array,
  y: Float64Array,
  a: Float64Array,
  b: Float64Array,
  h: (distance: number) => number,
): SortedSolution {
  const rows = sortedOrder(x);
  const columns = sortedOrder(y);
  const [n, m] = [rows.length, columns.length];
  const f = new Float64Array(n);
  const g = new Float64Array(m);
  const plan = new PlanBuilder(n + m);
  const lastRow = lastWithWeight(rows, a);
  const lastColumn = lastWithWeight(columns, b);
  let [r, c] = [0, 0];
  let [row, column] = [rows[0]!, columns[0]!];
  let [supply, demand] = [a[row]!, b[column]!];
  g[column] = h(Math.abs(x[row]! - y[column]!));
  for (;;) {
    // Rounding must not end one side early: the last row or column with weight takes all that is left of the other.
    const all = r >= lastRow && c >= lastColumn;
    const mass = all
      ? r === lastRow && c === lastColumn
        ? Math.max(supply, demand)
        : 0
      : r >= lastRow
        ? demand
        : c >= lastColumn
          ? supply
          : Math.min(supply, demand);
    plan.add(row, column, mass);
    if (r === n - 1 && c === m - 1) break;
    const down = c === m - 1 || (r < n - 1 && (all || (r < lastRow && (c >= lastColumn || supply <= demand))));
    if (down) {
      demand -= mass;
      row = rows[++r]!;
      supply = a[row]!;
      f[row] = h(Math.abs(x[row]! - y[column]!)) - g[column]!;
    } else {
      supply -= mass;
      column = columns[++c]!;
      demand = b[column]!;
      g[column] = h(Math.abs(x[row]! - y[column]!)) - f[row]!;
    }
  }
  return { entries: plan.entries(n), f, g };
}

function lastWithWeight(order: Int32Array, weights: Float64Array): number {
  let k = order.length - 1;
  while (k > 0 && !(weights[order[k]!]! > 0)) k--;
  return k;
}
