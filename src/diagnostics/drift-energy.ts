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

/** Where a term of a sum over time is taken: time, length, and the positions of the paths. */
export interface Stop {
  readonly t: number;
  readonly duration: number;
  readonly x: Points;
}

/** The nodes where the transitions of a chain start. */
export function transitionStarts(grid: TimeGrid, nodes: readonly Points[], direction: 'forward' | 'backward'): Stop[] {
  return Array.from(grid.durations, (duration, k) => ({ t: grid.times[k]!, duration, x: nodes[direction === 'forward' ? k : k + 1]! }));
}

/**
 * Girsanov's E Σ_k γ_k |a_k − b_k|²_{(ggᵀ)⁻¹}/2 along paths, in nats: the KL of two processes of the same noise and start, paths drawn from
 * the first. `gap(k)` is a_k − b_k at stop k.
 */
export function driftEnergy(reference: Reference, stops: readonly Stop[], gap: (k: number) => Float64Array): PathMean {
  const { count, dimension } = stops[0]!.x;
  const sums = new Float64Array(count);
  stops.forEach(({ t, duration }, k) => {
    const precision = flatten(pseudoInverse(reference.diffusionCovariance(t, dimension)));
    const difference = gap(k);
    for (let i = 0; i < count; i++) sums[i]! += (duration / 2) * quadraticForm(precision, difference, i * dimension, dimension);
  });
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
