import { EigenvalueDecomposition, Matrix, SingularValueDecomposition } from 'ml-matrix';
import { NotPositiveDefiniteError } from '../errors.ts';

/** S = vectors · diag(values) · vectorsᵀ, values ascending. */
export interface SymmetricEigen {
  readonly values: Float64Array;
  readonly vectors: Matrix;
}

/** (S + Sᵀ)/2: removes the asymmetry that rounding leaves. */
export function symmetrise(s: Matrix): Matrix {
  return Matrix.add(s, s.transpose()).mul(0.5);
}

/** Eigenvalues and orthonormal eigenvectors of a symmetric matrix. */
export function eigenSymmetric(s: Matrix): SymmetricEigen {
  const evd = new EigenvalueDecomposition(symmetrise(s), { assumeSymmetric: true });
  return { values: Float64Array.from(evd.realEigenvalues), vectors: evd.eigenvectorMatrix };
}

/** φ(S) = V diag(φ(λ)) Vᵀ. */
export function spectralFunction(s: Matrix, phi: (eigenvalue: number) => number): Matrix {
  return fromEigen(eigenSymmetric(s), phi);
}

/** V diag(φ(λ)) Vᵀ from a decomposition that is already there. */
export function fromEigen({ values, vectors }: SymmetricEigen, phi: (eigenvalue: number) => number): Matrix {
  return symmetrise(scaleColumns(vectors, Array.from(values, phi)).mmul(vectors.transpose()));
}

/** Columns of `m` times the entries of `by`. */
export function scaleColumns(m: Matrix, by: ArrayLike<number>): Matrix {
  const out = m.clone();
  for (let i = 0; i < out.rows; i++) for (let j = 0; j < out.columns; j++) out.set(i, j, out.get(i, j) * by[j]!);
  return out;
}

/** S^{1/2} of a positive semi-definite matrix; eigenvalues below zero are rounding and count as zero. */
export function squareRoot(s: Matrix): Matrix {
  // The noise of scalar references; their roots are taken in every step of a simulation.
  if (isDiagonal(s)) return Matrix.diag(s.diagonal().map((x) => Math.sqrt(Math.max(x, 0))));
  return spectralFunction(s, (x) => Math.sqrt(Math.max(x, 0)));
}

function isDiagonal(s: Matrix): boolean {
  for (let i = 0; i < s.rows; i++) for (let j = 0; j < s.columns; j++) if (i !== j && s.get(i, j) !== 0) return false;
  return true;
}

/** S⁻¹ of a symmetric positive definite matrix. @throws NotPositiveDefiniteError naming `path` when singular or indefinite */
export function inverseSpd(s: Matrix, path = 'matrix'): Matrix {
  return fromEigen(positiveEigen(s, path), (x) => 1 / x);
}

/** S^{-1/2}. @throws NotPositiveDefiniteError naming `path` when singular or indefinite */
export function inverseSquareRoot(s: Matrix, path = 'matrix'): Matrix {
  return fromEigen(positiveEigen(s, path), (x) => 1 / Math.sqrt(x));
}

/** log det S of a positive definite matrix. */
export function logDeterminant(s: Matrix, path = 'matrix'): number {
  return positiveEigen(s, path).values.reduce((sum, x) => sum + Math.log(x), 0);
}

/** The decomposition of a matrix that has to be positive definite. */
function positiveEigen(s: Matrix, path: string): SymmetricEigen {
  const eigen = eigenSymmetric(s);
  const largest = Math.max(...eigen.values.map(Math.abs));
  const smallest = Math.min(...eigen.values);
  if (!(smallest > 1e-15 * largest)) {
    throw new NotPositiveDefiniteError(`${path}: smallest eigenvalue ${smallest} (largest ${largest}); pass a positive definite matrix`);
  }
  return eigen;
}

/** Refuses a matrix with an eigenvalue below zero beyond rounding. */
export function requireSemiDefinite(path: string, s: Matrix): void {
  const { values } = eigenSymmetric(s);
  const largest = Math.max(...values.map(Math.abs));
  const smallest = Math.min(...values);
  if (smallest < -1e-12 * largest) {
    throw new NotPositiveDefiniteError(`${path}: eigenvalue ${smallest} is negative; pass a positive semi-definite matrix`);
  }
}

/** M = u · diag(values) · vᵀ, values descending. */
export function singularValues(m: Matrix): { readonly u: Matrix; readonly values: Float64Array; readonly v: Matrix } {
  const svd = new SingularValueDecomposition(m, { autoTranspose: true });
  return { u: svd.leftSingularVectors, values: Float64Array.from(svd.diagonal), v: svd.rightSingularVectors };
}

/** tr S. */
export function trace(s: Matrix): number {
  let sum = 0;
  for (let i = 0; i < s.rows; i++) sum += s.get(i, i);
  return sum;
}

/** [[a, c], [cᵀ, b]]. */
export function blockJoint(a: Matrix, c: Matrix, b: Matrix): Matrix {
  const d = a.rows;
  const joint = Matrix.zeros(d + b.rows, d + b.rows);
  return joint.setSubMatrix(a, 0, 0).setSubMatrix(c, 0, d).setSubMatrix(c.transpose(), d, 0).setSubMatrix(b, d, d);
}

/** S⁺ of a positive semi-definite matrix: eigenvalues below 1e-13 of the largest count as zero. */
export function pseudoInverse(s: Matrix): Matrix {
  return onRange(s, (x) => 1 / x);
}

/** (S⁺)^{1/2}, with the same floor. */
export function pseudoInverseSquareRoot(s: Matrix): Matrix {
  return onRange(s, (x) => 1 / Math.sqrt(x));
}

function onRange(s: Matrix, phi: (eigenvalue: number) => number): Matrix {
  const eigen = eigenSymmetric(s);
  const floor = 1e-13 * Math.max(...eigen.values, 0);
  return fromEigen(eigen, (x) => (x > floor ? phi(x) : 0));
}
