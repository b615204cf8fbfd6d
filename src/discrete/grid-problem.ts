import type { Cost, CostSummary } from '../costs/cost.ts';
import type { AxisCosts } from '../kernels/separable-product.ts';
import type { DiscreteMarginal } from '../marginals/discrete-marginal.ts';
import { axisCoordinates, axisSums, type GridMarginal, isGrid } from '../marginals/grid-marginal.ts';

/** A problem between two grids whose cost is a sum over axes: C_ij = Σ_k C_k[i_k, j_k]. */
export interface GridProblem {
  readonly source: GridMarginal;
  readonly target: GridMarginal;
  readonly axes: readonly AxisCosts[];
}

/** The separable kernel is taken when it needs this many times fewer multiplications than there are pairs with weight. */
const WORTHWHILE = 2;

/** Sees a problem as one between grids; undefined when it is none, or so small that all pairs are fewer. */
export function gridProblem(source: DiscreteMarginal, target: DiscreteMarginal, cost: Cost, pairs: number): GridProblem | undefined {
  const { axis } = cost;
  if (axis === undefined || !isGrid(source) || !isGrid(target) || source.dimension !== target.dimension) return undefined;
  if (WORTHWHILE * (multiplications(source.shape, target.shape) + multiplications(target.shape, source.shape)) > pairs) return undefined;
  const axes = source.shape.map((rows, k): AxisCosts => {
    const [x, y] = [axisCoordinates(source, k), axisCoordinates(target, k)];
    const costs = new Float64Array(rows * y.length);
    for (let i = 0, p = 0; i < rows; i++) for (let j = 0; j < y.length; j++, p++) costs[p] = axis(x[i]!, y[j]!);
    return { costs, rows, columns: y.length };
  });
  return { source, target, axes };
}

/** Multiplications of one product with the kernel, taking the axes from the first to the last. */
function multiplications(to: readonly number[], from: readonly number[]): number {
  let tensor = from.reduce((product, length) => product * length, 1);
  let sum = 0;
  to.forEach((length, k) => {
    sum += tensor * length;
    tensor = (tensor / from[k]!) * length;
  });
  return sum;
}

/** Bounds of the costs, and their mean over the pairs with weight. */
export function summariseGrid({ source, target, axes }: GridProblem): CostSummary {
  let [least, mean, largest] = [0, 0, 0];
  const present = ({ weights }: GridMarginal): Float64Array => weights.map((w) => (w > 0 ? 1 : 0));
  const [a, b] = [present(source), present(target)];
  const count = (values: Float64Array): number => values.reduce((sum, w) => sum + w, 0);
  const pairs = count(a) * count(b);
  axes.forEach(({ costs, columns }, k) => {
    const [p, q] = [axisSums(source.shape, a, k), axisSums(target.shape, b, k)];
    let [low, high] = [Number.POSITIVE_INFINITY, 0];
    costs.forEach((c, at) => {
      const weight = p[Math.floor(at / columns)]! * q[at % columns]!;
      if (weight === 0) return;
      mean += (weight * c) / pairs;
      low = Math.min(low, c);
      high = Math.max(high, Math.abs(c));
    });
    least += low;
    largest += high;
  });
  return { least, mean, largest, forbidden: false };
}
