import { DomainError, ShapeError } from '../errors.ts';

/** A set of points, row-major: coordinate `k` of point `i` is `data[i * dimension + k]`. */
export interface Points {
  readonly data: Float64Array;
  readonly count: number;
  readonly dimension: number;
}

/** What public functions accept as a set of points: rows of numbers, or {@link Points}. */
export type PointsLike = Points | readonly (readonly number[])[];

/** What public functions accept as a vector: any array of numbers, of whole ones too. */
export type VectorLike =
  | readonly number[]
  | Float64Array
  | Float32Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray;

/**
 * Makes a set of points from rows of coordinates; the result owns its data.
 *
 * @param rows `count × dimension` finite numbers, at least one row and one column
 * @throws ShapeError when rows differ in length or there is none; DomainError on a coordinate that is not finite
 * @example
 * ```ts
 * import { points } from 'viaduct';
 * console.log(points([[0, 0], [1, 2]]).count); // → 2
 * ```
 */
export function points(rows: PointsLike): Points {
  return toPoints('points', rows);
}

/** {@link points} with the public path that error messages name. */
export function toPoints(path: string, rows: PointsLike): Points {
  const made = isPoints(rows) ? copyPoints(path, rows) : fromRows(path, rows);
  const bad = made.data.findIndex((x) => !Number.isFinite(x));
  if (bad >= 0) {
    const row = Math.floor(bad / made.dimension);
    throw new DomainError(`${path}: row ${row}, column ${bad % made.dimension} is ${made.data[bad]}; remove or repair that row`);
  }
  return made;
}

/** Views data as points without copying: for code that made the array itself. */
export function wrapPoints(data: Float64Array, dimension: number): Points {
  return { data, count: data.length / dimension, dimension };
}

/** Zeroed points to be filled by their maker. */
export function allocatePoints(count: number, dimension: number): Points {
  return { data: new Float64Array(count * dimension), count, dimension };
}

/** Row `i`, as a view. */
export function row(x: Points, i: number): Float64Array {
  return x.data.subarray(i * x.dimension, (i + 1) * x.dimension);
}

const views = new WeakMap<Points, readonly Float64Array[]>();

/** All rows as {@link row} gives them, made once for a set of points: for code that passes over them again and again. */
export function rowViews(x: Points): readonly Float64Array[] {
  let made = views.get(x);
  if (made === undefined) {
    made = Array.from({ length: x.count }, (_, i) => row(x, i));
    views.set(x, made);
  }
  return made;
}

/** Rows as nested arrays, for printing and comparing. */
export function toRows(x: Points): number[][] {
  return Array.from({ length: x.count }, (_, i) => Array.from(row(x, i)));
}

/** The rows whose indices are listed, in that order. */
export function takeRows(x: Points, indices: ArrayLike<number>): Points {
  const taken = allocatePoints(indices.length, x.dimension);
  for (let i = 0; i < indices.length; i++) taken.data.set(row(x, indices[i]!), i * x.dimension);
  return taken;
}

/** Refuses points of another dimension. */
export function requireDimension(path: string, x: Points, dimension: number): void {
  if (x.dimension !== dimension) {
    throw new ShapeError(`${path}: points have dimension ${x.dimension}, expected ${dimension}; pass points of the marginal's dimension`);
  }
}

function isPoints(rows: PointsLike): rows is Points {
  return !Array.isArray(rows) && typeof rows === 'object' && rows !== null && 'data' in rows;
}

function copyPoints(path: string, x: Points): Points {
  if (!(x.count > 0 && x.dimension > 0) || x.data.length !== x.count * x.dimension) {
    throw new ShapeError(
      `${path}: data of length ${x.data.length} is not ${x.count} × ${x.dimension} (both at least 1); make points with points(rows)`,
    );
  }
  return { data: Float64Array.from(x.data), count: x.count, dimension: x.dimension };
}

function fromRows(path: string, rows: readonly (readonly number[])[]): Points {
  if (!Array.isArray(rows)) throw new ShapeError(`${path}: expected rows of numbers, got ${describe(rows)}; pass an array of arrays`);
  const dimension = rows[0]?.length ?? 0;
  if (rows.length === 0 || !(dimension > 0)) {
    throw new ShapeError(`${path}: expected at least one row and one column, got ${rows.length} × ${dimension}; pass [[x, y], …]`);
  }
  const made = allocatePoints(rows.length, dimension);
  rows.forEach((coordinates, i) => {
    if (coordinates?.length !== dimension) {
      throw new ShapeError(
        `${path}: row ${i} has ${coordinates?.length ?? 'no'} coordinates, row 0 has ${dimension}; make all rows equally long`,
      );
    }
    for (let k = 0; k < dimension; k++) made.data[i * dimension + k] = number(path, i, k, coordinates[k]);
  });
  return made;
}

function number(path: string, i: number, k: number, value: unknown): number {
  if (typeof value !== 'number') throw new DomainError(`${path}: row ${i}, column ${k} is ${describe(value)}; pass numbers`);
  return value;
}

function describe(value: unknown): string {
  return value === null ? 'null' : typeof value === 'string' ? `the text '${value}'` : typeof value;
}
