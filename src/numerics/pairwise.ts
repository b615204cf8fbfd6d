import type { Points } from './points.ts';

/** Mean of φ(|x_i − y_j|²) over all pairs. */
export function meanOverPairs(x: Points, y: Points, phi: (squaredDistance: number) => number): number {
  let sum = 0;
  for (let i = 0; i < x.count; i++) for (let j = 0; j < y.count; j++) sum += phi(squaredBetween(x, i, y, j));
  return sum / (x.count * y.count);
}

/** Mean of φ(|x_i − x_j|²) over the pairs i ≠ j. */
export function meanOverDistinct(x: Points, phi: (squaredDistance: number) => number): number {
  let sum = 0;
  for (let i = 0; i < x.count; i++) for (let j = 0; j < i; j++) sum += phi(squaredBetween(x, i, x, j));
  return (2 * sum) / (x.count * (x.count - 1));
}

/** |x_i − x_j|², i > j, of the rows listed. */
export function squaredDistances(x: Points, rows: Int32Array): Float64Array {
  const n = rows.length;
  const out = new Float64Array((n * (n - 1)) / 2);
  for (let i = 0, p = 0; i < n; i++) for (let j = 0; j < i; j++) out[p++] = squaredBetween(x, rows[i]!, x, rows[j]!);
  return out;
}

function squaredBetween(x: Points, i: number, y: Points, j: number): number {
  const d = x.dimension;
  let sum = 0;
  for (let k = 0; k < d; k++) {
    const difference = x.data[i * d + k]! - y.data[j * d + k]!;
    sum += difference * difference;
  }
  return sum;
}
