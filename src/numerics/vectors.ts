import { Matrix } from 'ml-matrix';
import { DomainError, NotPositiveDefiniteError, ShapeError } from '../errors.ts';
import type { VectorLike } from './points.ts';

/** What public functions accept as a matrix. */
export type MatrixLike = Matrix | readonly (readonly number[])[];

/** What public functions accept as a covariance: a matrix, or a number for an isotropic one. */
export type CovarianceLike = MatrixLike | number;

/** Σ x_k, in order: a plain loop, since it runs in every solve. */
export function total(x: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < x.length; k++) sum += x[k]!;
  return sum;
}

/** Each part of the sum. */
export function toShares(x: Float64Array): Float64Array {
  const sum = total(x);
  return x.map((v) => v / sum);
}

/** A copy in which NaN stands for whatever is no number. */
export function toNumbers(values: ArrayLike<unknown>): Float64Array {
  return values instanceof Float64Array ? values.slice() : Float64Array.from(values, (x) => (typeof x === 'number' ? x : Number.NaN));
}

/** A finite vector, copied. A number stands for a constant vector when the dimension is known. */
export function toVector(path: string, value: VectorLike | number, dimension?: number): Float64Array {
  if (typeof value === 'number') {
    if (dimension === undefined) throw new ShapeError(`${path}: expected a vector, got the number ${value}; pass [${value}]`);
    return toVector(path, new Float64Array(dimension).fill(value));
  }
  if (typeof value !== 'object' || value === null) {
    throw new ShapeError(`${path}: expected an array of numbers, got ${String(value)}; pass [x, …]`);
  }
  const made = toNumbers(value);
  if (made.length === 0) throw new ShapeError(`${path}: expected a vector with at least one entry, got none; pass [x, …]`);
  if (dimension !== undefined && made.length !== dimension) {
    throw new ShapeError(`${path}: expected ${dimension} entries, got ${made.length}; make the dimensions equal`);
  }
  const bad = made.findIndex((x) => !Number.isFinite(x));
  if (bad >= 0) throw new DomainError(`${path}: entry ${bad} is ${String(value[bad])}; pass finite numbers`);
  return made;
}

/** A finite `rows × columns` matrix, copied. */
export function toMatrix(path: string, value: MatrixLike, rows?: number, columns?: number): Matrix {
  const nested: readonly (readonly number[])[] = Matrix.isMatrix(value) ? (value as Matrix).to2DArray() : value;
  const width = nested?.[0]?.length ?? 0;
  if (typeof nested?.some !== 'function' || width === 0 || nested.some((r) => r?.length !== width)) {
    throw new ShapeError(`${path}: expected a matrix with equally long rows; pass [[a, b], [c, d]]`);
  }
  if ((rows !== undefined && nested.length !== rows) || (columns !== undefined && width !== columns)) {
    throw new ShapeError(`${path}: expected ${rows ?? 'any'} × ${columns ?? 'any'}, got ${nested.length} × ${width}; fix the shape`);
  }
  nested.forEach((r, i) => {
    r.forEach((x, j) => {
      if (!Number.isFinite(x)) throw new DomainError(`${path}: entry (${i}, ${j}) is ${String(x)}; pass finite numbers`);
    });
  });
  return new Matrix(nested.map((r) => Array.from(r)));
}

/** A symmetric `dimension × dimension` matrix from a matrix or an isotropic variance; asymmetry beyond rounding is refused. */
export function toSymmetric(path: string, value: CovarianceLike, dimension: number): Matrix {
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new DomainError(`${path}: got ${value}; pass a finite variance`);
    return Matrix.eye(dimension, dimension, value);
  }
  const made = toMatrix(path, value, dimension, dimension);
  const size = Math.max(...made.to1DArray().map(Math.abs));
  for (let i = 0; i < dimension; i++) {
    for (let j = 0; j < i; j++) {
      const difference = Math.abs(made.get(i, j) - made.get(j, i));
      if (difference > 1e-9 * size) {
        throw new NotPositiveDefiniteError(
          `${path}: not symmetric, entries (${i}, ${j}) and (${j}, ${i}) differ by ${difference}; pass (S + Sᵀ)/2`,
        );
      }
      const mean = 0.5 * (made.get(i, j) + made.get(j, i));
      made.set(i, j, mean).set(j, i, mean);
    }
  }
  return made;
}

/** A finite number above zero. */
export function requirePositive(path: string, value: number, unit = ''): number {
  if (!(typeof value === 'number' && value > 0 && Number.isFinite(value))) {
    throw new DomainError(`${path} must be > 0 and finite, got ${String(value)}; pass a positive number${unit && ` (${unit})`}`);
  }
  return value;
}

/** A whole number of at least `least`. */
export function requireInteger(path: string, value: number, least: number): number {
  if (!(Number.isSafeInteger(value) && value >= least)) {
    throw new DomainError(`${path} must be a whole number of at least ${least}, got ${String(value)}; round it`);
  }
  return value;
}

/** Refuses option names that nothing reads, so that a misspelt option never passes silently. */
export function requireKnownOptions(path: string, options: object, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) {
    throw new DomainError(`${path}: expected an object of options, got ${String(options)}; pass { ${known[0] ?? ''}: … }`);
  }
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) throw new DomainError(`${path}: unknown option '${key}'; known options are ${known.join(', ')}`);
  }
}

/** M·v. */
export function multiplyVector(m: Matrix, v: Float64Array): Float64Array {
  const out = new Float64Array(m.rows);
  for (let i = 0; i < m.rows; i++) {
    let sum = 0;
    for (let j = 0; j < m.columns; j++) sum += m.get(i, j) * v[j]!;
    out[i] = sum;
  }
  return out;
}

/** Σ_k c_k v_k of equally long vectors. */
export function combine(...terms: readonly (readonly [number, Float64Array])[]): Float64Array {
  const out = new Float64Array(terms[0]?.[1].length ?? 0);
  for (const [c, v] of terms) for (let i = 0; i < out.length; i++) out[i]! += c * v[i]!;
  return out;
}

/** x·y. */
export function dot(x: Float64Array, y: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i]! * y[i]!;
  return sum;
}
