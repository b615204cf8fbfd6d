import { Matrix } from 'ml-matrix';
import type { Points } from './points.ts';

/** Mean and covariance (divided by the total weight, not n − 1). */
export interface Moments {
  readonly mean: Float64Array;
  readonly covariance: Matrix;
}

/** Mean and covariance of weighted points; equal weights when none are given. */
export function weightedMoments(x: Points, weights?: Float64Array): Moments {
  const mean = weightedMean(x, weights);
  return { mean, covariance: crossMoment(x, mean, x, mean, weights) };
}

/** Σ w_i x_i / Σ w_i. */
export function weightedMean(x: Points, weights?: Float64Array): Float64Array {
  const mean = new Float64Array(x.dimension);
  let total = 0;
  for (let i = 0; i < x.count; i++) {
    const w = weights === undefined ? 1 : weights[i]!;
    total += w;
    for (let k = 0; k < x.dimension; k++) mean[k]! += w * x.data[i * x.dimension + k]!;
  }
  return mean.map((m) => m / total);
}

/** Σ w_i |x_i − x̄|² / Σ w_i, the trace of the covariance. */
export function totalVariance(x: Points, weights?: Float64Array): number {
  const mean = weightedMean(x, weights);
  let [sum, total] = [0, 0];
  for (let i = 0; i < x.count; i++) {
    const w = weights === undefined ? 1 : weights[i]!;
    let squares = 0;
    for (let k = 0; k < x.dimension; k++) squares += (x.data[i * x.dimension + k]! - mean[k]!) ** 2;
    sum += w * squares;
    total += w;
  }
  return sum / total;
}

/** Σ w_i (x_i − x̄)(y_i − ȳ)ᵀ / Σ w_i. */
export function crossMoment(x: Points, meanX: Float64Array, y: Points, meanY: Float64Array, weights?: Float64Array): Matrix {
  const rows = x.dimension;
  const columns = y.dimension;
  const sums = new Float64Array(rows * columns);
  let total = 0;
  for (let i = 0; i < x.count; i++) {
    const w = weights === undefined ? 1 : weights[i]!;
    total += w;
    for (let r = 0; r < rows; r++) {
      const a = w * (x.data[i * rows + r]! - meanX[r]!);
      for (let c = 0; c < columns; c++) sums[r * columns + c]! += a * (y.data[i * columns + c]! - meanY[c]!);
    }
  }
  return Matrix.from1DArray(
    rows,
    columns,
    Array.from(sums, (s) => s / total),
  );
}
