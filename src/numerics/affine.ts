import { Matrix } from 'ml-matrix';
import { allocatePoints, type Points } from './points.ts';
import { symmetrise } from './spd.ts';
import { combine, multiplyVector } from './vectors.ts';

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
  const out = allocatePoints(x.count, matrix.rows);
  affineInto(flatten(matrix), offset, x.data, out.data);
  return out;
}

/** Rows for which looking at a matrix does not pay. */
const FEW_ROWS = 4;

/** Whether a row-major square matrix has zeros outside its diagonal. */
export function isDiagonal(matrix: Float64Array, rows: number): boolean {
  if (matrix.length !== rows * rows) return false;
  for (let i = 0; i < matrix.length; i++) if (matrix[i] !== 0 && i % (rows + 1) !== 0) return false;
  return true;
}

/** out_i = matrix·x_i + offset over rows; `matrix` row-major, `offset.length × (matrix.length / offset.length)`. */
export function affineInto(matrix: Float64Array, offset: Float64Array, x: Float64Array, out: Float64Array): void {
  const rows = offset.length;
  const columns = matrix.length / rows;
  // Scalar references have diagonal matrices; in many dimensions their zeros are most of the work. Leaving them out changes no bit.
  if (x.length > FEW_ROWS * columns && isDiagonal(matrix, rows)) {
    for (let p = 0; p < x.length; p += columns) {
      for (let r = 0; r < rows; r++) out[p + r] = offset[r]! + matrix[r * columns + r]! * x[p + r]!;
    }
    return;
  }
  for (let p = 0, o = 0; p < x.length; p += columns) {
    for (let r = 0; r < rows; r++) {
      let sum = offset[r]!;
      for (let k = 0; k < columns; k++) sum += matrix[r * columns + k]! * x[p + k]!;
      out[o++] = sum;
    }
  }
}

/** The kernel of `first`, then `second`. */
export function composeKernels(first: GaussianKernel, second: GaussianKernel): GaussianKernel {
  return {
    matrix: second.matrix.mmul(first.matrix),
    offset: combine([1, multiplyVector(second.matrix, first.offset)], [1, second.offset]),
    covariance: symmetrise(second.matrix.mmul(first.covariance).mmul(second.matrix.transpose()).add(second.covariance)),
  };
}

/** The kernel that stays where it is. */
export function identityKernel(dimension: number): GaussianKernel {
  return {
    matrix: Matrix.eye(dimension),
    offset: new Float64Array(dimension),
    covariance: Matrix.zeros(dimension, dimension),
  };
}

/** Row-major entries of a matrix. */
export function flatten(matrix: Matrix): Float64Array {
  return Float64Array.from(matrix.to1DArray());
}
