import { inverse, Matrix } from 'ml-matrix';
import { NotPositiveDefiniteError } from '../errors.ts';
import { flatten } from '../numerics/affine.ts';
import { choleskyFactor, inverseFromFactor } from '../numerics/cholesky.ts';
import { eigenSymmetric, fromEigen, logDeterminant, squareRoot, symmetrise } from '../numerics/spd.ts';
import { multiplyVector } from '../numerics/vectors.ts';

/** A symmetric matrix of a mixture component: its diagonal where all others entries are zero, otherwise the whole. */
export type Spread = Float64Array | Matrix;

/** True for a matrix that is kept as its diagonal. */
export function isDiagonal(s: Spread): s is Float64Array {
  return s instanceof Float64Array;
}

/** S·v. */
export function applySpread(s: Spread, v: Float64Array): Float64Array {
  return isDiagonal(s) ? s.map((x, i) => x * v[i]!) : multiplyVector(s, v);
}

/** S⁻¹ of a positive definite S. */
export function invertSpread(s: Spread, path: string): Spread {
  return isDiagonal(s) ? s.map((x) => 1 / x) : invertByCholesky(s, path);
}

/** log det S of a positive definite S. */
export function logDetSpread(s: Spread, path: string): number {
  if (isDiagonal(s)) return s.reduce((sum, x) => sum + Math.log(x), 0);
  const factor = requireFactor(s, path);
  let sum = 0;
  for (let i = 0; i < s.rows; i++) sum += 2 * Math.log(factor[i * (s.rows + 1)]!);
  return sum;
}

/** S^{1/2} of a positive semi-definite S. */
export function rootSpread(s: Spread): Spread {
  return isDiagonal(s) ? s.map((x) => Math.sqrt(Math.max(x, 0))) : squareRoot(s);
}

/** (1 − w)·S + w·R of one shape. */
export function blendSpreads(s: Spread, r: Spread, w: number): Spread {
  if (isDiagonal(s) && isDiagonal(r)) return s.map((x, i) => (1 - w) * x + w * r[i]!);
  return Matrix.mul(wholeSpread(s), 1 - w).add(Matrix.mul(wholeSpread(r), w));
}

/** S + c·I. */
export function shiftSpread(s: Spread, c: number): Spread {
  return isDiagonal(s) ? s.map((x) => x + c) : Matrix.add(s, Matrix.eye(s.rows, s.rows, c));
}

/** S + c·v wᵀ symmetrised; only the diagonal of it where S is diagonal. */
export function addOuter(s: Spread, c: number, v: Float64Array, w: Float64Array = v): Spread {
  if (isDiagonal(s)) return s.map((x, i) => x + c * v[i]! * w[i]!);
  const out = s.clone();
  for (let i = 0; i < out.rows; i++) {
    for (let j = 0; j < out.columns; j++) out.set(i, j, out.get(i, j) + 0.5 * c * (v[i]! * w[j]! + w[i]! * v[j]!));
  }
  return out;
}

/** tr(S R). */
export function innerSpreads(s: Spread, r: Spread): number {
  const [a, b] = [spreadEntries(s), spreadEntries(r)];
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** V U V. */
export function sandwichSpread(v: Spread, u: Spread): Spread {
  if (isDiagonal(v) && isDiagonal(u)) return v.map((x, i) => x * x * u[i]!);
  const whole = wholeSpread(v);
  return symmetrise(whole.mmul(wholeSpread(u)).mmul(whole));
}

/** The entries in one row-major array, d or d². */
export function spreadEntries(s: Spread): Float64Array {
  return isDiagonal(s) ? s : flatten(s);
}

/** The d × d matrix. */
export function wholeSpread(s: Spread): Matrix {
  return isDiagonal(s) ? Matrix.diag(Array.from(s)) : s;
}

/** The spread whose entries these are. */
export function spreadOf(entries: Float64Array, dimension: number): Spread {
  return entries.length === dimension ? Float64Array.from(entries) : Matrix.from1DArray(dimension, dimension, Array.from(entries));
}

/**
 * The covariance V of y given x in the Gaussian plan π ∝ exp(x·y): the solution of V + VUV = Y for the covariances U of x and Y of y,
 * V = Y^{1/2} f(Y^{1/2}UY^{1/2}) Y^{1/2} with f(t) = 2/(1 + √(1 + 4t)). U may be singular.
 */
export function conditionalSpread(u: Spread, y: Spread): Spread {
  const f = (t: number): number => 2 / (1 + Math.sqrt(1 + 4 * Math.max(t, 0)));
  if (isDiagonal(u) && isDiagonal(y)) return y.map((x, i) => x * f(x * u[i]!));
  // Any root L of Y = LLᵀ will do.
  const [d, whole] = [isDiagonal(y) ? y.length : y.rows, wholeSpread(y)];
  const factor = choleskyFactor(flatten(whole), d);
  const root = factor === undefined ? squareRoot(whole) : Matrix.from1DArray(d, d, Array.from(factor));
  return symmetrise(root.mmul(fromEigen(eigenSymmetric(root.transpose().mmul(wholeSpread(u)).mmul(root)), f)).mmul(root.transpose()));
}

/**
 * B = (I + WS)⁻¹W for W = V − I and 0 ≤ S ≤ I, a number for S = s·I: curvature of the potential carried back from the end, with
 * log det(I + WS).
 */
export function carriedSpread(v: Spread, s: number | Matrix): { readonly curvature: Spread; readonly logDet: number } {
  if (typeof s === 'number' && isDiagonal(v)) {
    return {
      curvature: v.map((x) => (x - 1) / (1 + (x - 1) * s)),
      logDet: v.reduce((sum, x) => sum + Math.log1p((x - 1) * s), 0),
    };
  }
  const whole = wholeSpread(v);
  if (typeof s === 'number') {
    const eigen = eigenSymmetric(whole);
    return {
      curvature: fromEigen(eigen, (x) => (x - 1) / (1 + (x - 1) * s)),
      logDet: eigen.values.reduce((sum, x) => sum + Math.log1p((x - 1) * s), 0),
    };
  }
  const w = Matrix.sub(whole, Matrix.eye(whole.rows));
  const root = squareRoot(s);
  return {
    curvature: symmetrise(inverse(w.mmul(s).add(Matrix.eye(w.rows))).mmul(w)),
    logDet: logDeterminant(Matrix.eye(w.rows).add(root.mmul(w).mmul(root)), 'mixture: carried covariance'),
  };
}

function requireFactor(s: Matrix, path: string): Float64Array {
  const factor = choleskyFactor(flatten(s), s.rows);
  if (factor !== undefined) return factor;
  const finite = s.to1DArray().every(Number.isFinite);
  const { values } = finite ? eigenSymmetric(s) : { values: [Number.NaN] };
  throw new NotPositiveDefiniteError(
    `${path}: smallest eigenvalue ${Math.min(...values)} (largest ${Math.max(...values)}); pass a positive definite matrix`,
  );
}

function invertByCholesky(s: Matrix, path: string): Matrix {
  return Matrix.from1DArray(s.rows, s.rows, Array.from(inverseFromFactor(requireFactor(s, path), s.rows)));
}
