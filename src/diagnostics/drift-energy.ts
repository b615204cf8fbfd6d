import { flatten } from '../numerics/affine.ts';
import type { Points } from '../numerics/points.ts';
import { pseudoInverse } from '../numerics/spd.ts';
import type { Reference } from '../references/reference.ts';
import type { TimeGrid } from '../references/time-grid.ts';

/** A mean over paths. */
export interface PathMean {
  readonly mean: number;
  readonly standardError: number;
}

/**
 * Girsanov's E Σ_k γ_k |a_k − b_k|²_{(ggᵀ)⁻¹}/2 along paths, in nats: the KL of two chains of the same noise and start, paths drawn from the
 * first. `gap(k, x)` is a_k − b_k at the node where transition k starts, which `nodes` holds.
 */
export function driftEnergy(
  { grid, reference, direction }: { readonly grid: TimeGrid; readonly reference: Reference; readonly direction: 'forward' | 'backward' },
  nodes: readonly Points[],
  gap: (k: number, x: Points) => Float64Array,
): PathMean {
  const { count, dimension } = nodes[0]!;
  const sums = new Float64Array(count);
  for (let k = 0; k < grid.steps; k++) {
    const precision = flatten(pseudoInverse(reference.diffusionCovariance(grid.times[k]!, dimension)));
    const difference = gap(k, nodes[direction === 'forward' ? k : k + 1]!);
    const factor = grid.durations[k]! / 2;
    for (let i = 0; i < count; i++) sums[i]! += factor * quadraticForm(precision, difference, i * dimension, dimension);
  }
  const mean = sums.reduce((sum, value) => sum + value, 0) / count;
  const variance = sums.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count;
  return { mean, standardError: Math.sqrt(variance / count) };
}

/** vᵀMv of d entries from `at`. */
function quadraticForm(matrix: Float64Array, v: Float64Array, at: number, d: number): number {
  let sum = 0;
  for (let r = 0; r < d; r++) for (let c = 0; c < d; c++) sum += v[at + r]! * matrix[r * d + c]! * v[at + c]!;
  return sum;
}

/** a − b, entry by entry. */
export function difference(a: Points, b: Points): Float64Array {
  return a.data.map((value, i) => value - b.data[i]!);
}
