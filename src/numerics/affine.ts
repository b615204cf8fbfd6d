import type { Matrix } from 'ml-matrix';
import { allocatePoints, type Points } from './points.ts';

/** The map x ↦ matrix·x + offset. */
export interface Affine {
  readonly matrix: Matrix;
  readonly offset: Float64Array;
}

/** A Gaussian transition: x' given x is N(matrix·x + offset, covariance). */
export interface GaussianKernel extends Affine {
  readonly covariance: Matrix;
}

/** matrix·x_i + offset for every row. */
export function applyAffine({ matrix, offset }: Affine, x: Points): Points {
  const rows = matrix.rows;
  const out = allocatePoints(x.count, rows);
  const flat = flatten(matrix);
  for (let i = 0; i < x.count; i++) {
    for (let r = 0; r < rows; r++) {
      let sum = offset[r]!;
      for (let k = 0; k < x.dimension; k++) sum += flat[r * x.dimension + k]! * x.data[i * x.dimension + k]!;
      out.data[i * rows + r] = sum;
    }
  }
  return out;
}

/** Row-major entries of a matrix. */
export function flatten(matrix: Matrix): Float64Array {
  return Float64Array.from(matrix.to1DArray());
}
