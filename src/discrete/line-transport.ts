import type { SimplexSolution } from './network-simplex.ts';

/**
 * Exact transport on the line for a convex cost of x − y: sort both sides and fill from the left (north-west corner). Monge costs make
 * that optimal, and the duals read off the staircase feasible.
 *
 * @param x, y positions of the weights a and b (positive, equal sums); `cost(x_i, y_j)`
 */
export function lineTransport(
  x: Float64Array,
  y: Float64Array,
  a: Float64Array,
  b: Float64Array,
  cost: (row: number, column: number) => number,
): SimplexSolution {
  const rows = order(x);
  const columns = order(y);
  const f = new Float64Array(a.length);
  const g = new Float64Array(b.length);
  const entries: { row: number; column: number; mass: number }[] = [];
  let [r, c] = [0, 0];
  let supply = a[rows[0]!]!;
  let demand = b[columns[0]!]!;
  g[columns[0]!] = cost(rows[0]!, columns[0]!);
  for (;;) {
    const [row, column] = [rows[r]!, columns[c]!];
    const lastRow = r === rows.length - 1;
    const lastColumn = c === columns.length - 1;
    const mass = lastRow && lastColumn ? Math.max(supply, demand) : lastRow ? demand : lastColumn ? supply : Math.min(supply, demand);
    if (mass > 0) entries.push({ row, column, mass });
    if (lastRow && lastColumn) break;
    // Rounding must not end one side early: the last row or column takes all that is left of the other.
    if (lastColumn || (!lastRow && supply <= demand)) {
      demand -= mass;
      supply = a[rows[++r]!]!;
      f[rows[r]!] = cost(rows[r]!, column) - g[column]!;
    } else {
      supply -= mass;
      demand = b[columns[++c]!]!;
      g[columns[c]!] = cost(row, columns[c]!) - f[row]!;
    }
  }
  return { entries, f, g, pivots: 0, forbiddenMass: 0 };
}

function order(x: Float64Array): Int32Array {
  return Int32Array.from(x.keys()).sort((i, j) => x[i]! - x[j]!);
}
