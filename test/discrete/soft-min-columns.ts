import { softMinRows } from '../../src/numerics/soft-min.ts';

/** out_j = −ε log Σ_i exp((h_i − C_ij)/ε): the soft-min over rows of the transposed costs. */
export function softMinColumns(costs: Float64Array, h: Float64Array, epsilon: number, out: Float64Array): void {
  const [rows, columns] = [h.length, out.length];
  const transposed = Float64Array.from(costs, (_, p) => costs[(p % rows) * columns + Math.floor(p / rows)]!);
  softMinRows(transposed, h, epsilon, out);
}
