import type { CostBlock, TransportEngine } from '../kernels/transport-engine.ts';

/** log Σ_i exp(F_i + g − C_ij/ε) of one column, shifted by its maximum: for a sum that underflows. */
export function columnLogSum(engine: TransportEngine, costs: CostBlock, j: number, F: Float64Array, g: number, inverse: number): number {
  const width = engine.width(costs.columns);
  const exponents = new Float64Array(costs.rows);
  let top = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < costs.rows; i++) {
    const t = F[i]! + g - inverse * pairCost(costs, width, i, j);
    exponents[i] = t;
    if (t > top) top = t;
  }
  if (top === Number.NEGATIVE_INFINITY) return top;
  let sum = 0;
  for (const t of exponents) sum += Math.exp(t - top);
  return top + Math.log(sum);
}

/** C_ij of a block whose rows of columns are `width` apart. */
function pairCost(costs: CostBlock, width: number, i: number, j: number): number {
  if (costs.kind === 'stored') return costs.data[i * width + j]!;
  let square = 0;
  for (let k = 0; k < costs.dimension; k++) {
    const difference = costs.x[i * costs.dimension + k]! - costs.y[k * width + j]!;
    square += difference * difference;
  }
  return costs.scale * square;
}
