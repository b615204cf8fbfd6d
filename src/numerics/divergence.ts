import { allocatePoints, type Points, wrapPoints } from './points.ts';
import type { RandomSource } from './random.ts';

/** A vector field on rows of points. */
export type VectorField = (x: Points) => Points;

/** Nodes and weights of the central difference of order 4: v' ≈ Σ w_j v(x + s_j h)/h, error h⁴v⁽⁵⁾/30. */
const SHIFTS = [-2, -1, 1, 2] as const;
const WEIGHTS = [1 / 12, -8 / 12, 8 / 12, -1 / 12] as const;

/** ∇·v at every row: each coordinate's derivative by a central difference of step h, 4d evaluations a row. */
export function exactDivergence(field: VectorField, x: Points, h: number): Float64Array {
  const d = x.dimension;
  const unit = Array.from({ length: d }, (_, c) => {
    const direction = allocatePoints(x.count, d);
    for (let i = 0; i < x.count; i++) direction.data[i * d + c] = 1;
    return direction;
  });
  return alongDirections(field, x, h, unit);
}

/**
 * Hutchinson's estimate of ∇·v: the mean of zᵀ(∇v)z over the given directions, unbiased when E zzᵀ = I. 4 evaluations a row and
 * direction, whatever the dimension.
 *
 * @see [grathwohl2019]
 */
export function hutchinsonDivergence(field: VectorField, x: Points, h: number, directions: readonly Points[]): Float64Array {
  return alongDirections(field, x, h, directions).map((sum) => sum / directions.length);
}

/** `count` sets of random signs, one row a row of x; those of a row do not depend on how many follow it. */
export function randomSigns(rows: number, dimension: number, count: number, random: RandomSource): Points[] {
  const out = Array.from({ length: count }, () => allocatePoints(rows, dimension));
  for (let i = 0; i < rows; i++) {
    for (const { data } of out) for (let c = 0; c < dimension; c++) data[i * dimension + c] = random.uniform() < 0.5 ? -1 : 1;
  }
  return out;
}

/** Σ over directions z of zᵀ(∇v)z. */
function alongDirections(field: VectorField, x: Points, h: number, directions: readonly Points[]): Float64Array {
  const out = new Float64Array(x.count);
  const d = x.dimension;
  const shifted = new Float64Array(x.data.length * SHIFTS.length);
  for (const { data: z } of directions) {
    SHIFTS.forEach((shift, j) => {
      const at = j * x.data.length;
      for (let p = 0; p < z.length; p++) shifted[at + p] = x.data[p]! + shift * h * z[p]!;
    });
    const values = field(wrapPoints(shifted, d)).data;
    WEIGHTS.forEach((weight, j) => {
      const at = j * z.length;
      for (let p = 0; p < z.length; p++) out[Math.floor(p / d)]! += (weight / h) * z[p]! * values[at + p]!;
    });
  }
  return out;
}
