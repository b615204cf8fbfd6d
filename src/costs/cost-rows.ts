import { type Points, takeRows } from '../numerics/points.ts';
import type { Cost } from './cost.ts';

/** C_i· = (c(x_i, y_j))_j for one i at a time, in memory O(m) unless the costs are a given matrix; only for reading. */
export function costRows(cost: Cost, x: Points, y: Points): (i: number) => Float64Array {
  if (cost.pointwise) return (i) => cost.between(takeRows(x, [i]), y);
  const all = (cost.view ?? cost.between)(x, y);
  return (i) => all.subarray(i * y.count, (i + 1) * y.count);
}
