import type { PointCosts, StoredCosts } from './transport-engine.ts';

/** Entries that a side is padded to a multiple of: whole vectors of every kind, and whole groups of four rows. */
const GROUP = 8;
/** Bytes that every array starts at a multiple of. */
export const ALIGNMENT = 64;

/** Far enough for a squared distance to every finite point to be +∞, near enough for a difference to be a number. */
const FAR = 1e200;

/** A side's length with padding. */
export function padded(length: number): number {
  return Math.ceil(length / GROUP) * GROUP;
}

/** Copies costs into a zeroed array of padded shape; +∞ in the padding. */
export function fillCosts(data: Float64Array, costs: Float64Array, rows: number, columns: number): StoredCosts {
  const width = padded(columns);
  if (width === columns) data.set(costs);
  else
    for (let i = 0; i < rows; i++) {
      data.set(costs.subarray(i * columns, (i + 1) * columns), i * width);
      data.fill(Number.POSITIVE_INFINITY, i * width + columns, (i + 1) * width);
    }
  data.fill(Number.POSITIVE_INFINITY, rows * width);
  return { kind: 'stored', rows, columns, data };
}

/** Copies points (rows × d into x as they are, columns × d into y coordinate by coordinate); far away in the padding. */
export function fillPoints(
  into: { readonly x: Float64Array; readonly y: Float64Array },
  x: Float64Array,
  y: Float64Array,
  dimension: number,
  scale: number,
): PointCosts {
  const rows = x.length / dimension;
  const columns = y.length / dimension;
  const width = padded(columns);
  into.x.set(x);
  into.x.fill(FAR, x.length);
  for (let k = 0; k < dimension; k++) {
    for (let j = 0; j < columns; j++) into.y[k * width + j] = y[j * dimension + k]!;
    // Not FAR: a row of padding and a column of padding must be apart as well.
    into.y.fill(Number.POSITIVE_INFINITY, k * width + columns, (k + 1) * width);
  }
  return { kind: 'points', rows, columns, dimension, scale, ...into };
}
