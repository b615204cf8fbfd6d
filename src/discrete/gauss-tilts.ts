import { type BoxedCloud, boxCentre } from './boxed-cloud.ts';
import type { HeavyPairs } from './gauss-territories.ts';

/** A plan between the boxes of two clouds, each taken for its centre of mass. */
export interface BoxPlan {
  /** Where the mass of each box goes, as seen from its centre, box by box. */
  readonly tilts: { readonly x: Float64Array; readonly y: Float64Array };
  /** Pairs of boxes that matter, with the logarithms of their mass and of the lesser mass of the two boxes. */
  readonly pairs: HeavyPairs & { readonly scales: Float64Array };
  /** log Σ exp(F) of the boxes of x, which follows from G. */
  readonly rowLogs: Float64Array;
}

/** Mass and centre of mass of every box, and log Σ exp(potential). */
interface BoxMasses {
  readonly mass: Float64Array;
  readonly centres: Float64Array;
}

/** Sums up the weights (by point) of the boxes. */
export function boxMasses(cloud: BoxedCloud, weights: Float64Array): BoxMasses {
  const { dimension, boxes, starts, order, offsets } = cloud;
  const stride = starts[boxes]!;
  const mass = new Float64Array(boxes);
  const centres = new Float64Array(boxes * dimension);
  for (let b = 0; b < boxes; b++) {
    for (let p = starts[b]!; p < starts[b + 1]!; p++) {
      if (order[p]! < 0) continue;
      const w = weights[order[p]!]!;
      mass[b]! += w;
      for (let k = 0; k < dimension; k++) centres[b * dimension + k]! += w * offsets[k * stride + p]!;
    }
    for (let k = 0; k < dimension; k++) {
      const at = b * dimension + k;
      centres[at] = boxCentre(cloud, b, k) + centres[at]! / mass[b]!;
    }
  }
  return { mass, centres };
}

/**
 * Half a Sinkhorn iteration between boxes: from log Σ exp(G) of the boxes of y to where every box of either cloud sends its mass, and to the
 * pairs with more than `threshold` of the mass of one of their boxes.
 */
export function boxPlan(
  x: BoxedCloud,
  y: BoxedCloud,
  a: BoxMasses,
  b: BoxMasses,
  columnLogs: Float64Array,
  inverse: number,
  threshold: number,
): BoxPlan {
  const { dimension: d } = x;
  const rowLogs = new Float64Array(x.boxes);
  const row = new Float64Array(y.boxes);
  const [sumsX, sumsY] = [new Float64Array(x.boxes * d), new Float64Array(y.boxes * d)];
  const columnTops = new Float64Array(y.boxes).fill(Number.NEGATIVE_INFINITY);
  const columnSums = new Float64Array(y.boxes);
  const exponents = (A: number): void => {
    for (let B = 0; B < y.boxes; B++) {
      let square = 0;
      for (let k = 0; k < d; k++) square += (a.centres[A * d + k]! - b.centres[B * d + k]!) ** 2;
      row[B] = columnLogs[B]! - inverse * square;
    }
  };
  for (let A = 0; A < x.boxes; A++) {
    exponents(A);
    let top = Number.NEGATIVE_INFINITY;
    for (let B = 0; B < y.boxes; B++) top = Math.max(top, row[B]!);
    let sum = 0;
    for (let B = 0; B < y.boxes; B++) {
      const w = Math.exp(row[B]! - top);
      sum += w;
      for (let k = 0; k < d; k++) sumsX[A * d + k]! += w * b.centres[B * d + k]!;
    }
    for (let k = 0; k < d; k++) sumsX[A * d + k]! /= sum;
    rowLogs[A] = Math.log(a.mass[A]!) - top - Math.log(sum);
    for (let B = 0; B < y.boxes; B++) {
      const value = rowLogs[A]! + row[B]!;
      if (value <= columnTops[B]! - 60) continue;
      if (value > columnTops[B]!) {
        const shrink = Math.exp(columnTops[B]! - value);
        columnSums[B]! *= shrink;
        for (let k = 0; k < d; k++) sumsY[B * d + k]! *= shrink;
        columnTops[B] = value;
      }
      const w = Math.exp(value - columnTops[B]!);
      columnSums[B]! += w;
      for (let k = 0; k < d; k++) sumsY[B * d + k]! += w * a.centres[A * d + k]!;
    }
  }
  for (let B = 0; B < y.boxes; B++) for (let k = 0; k < d; k++) sumsY[B * d + k]! /= columnSums[B]!;
  const [near, far, logs, scales]: [number[], number[], number[], number[]] = [[], [], [], []];
  const cut = Math.log(threshold);
  for (let A = 0; A < x.boxes; A++) {
    exponents(A);
    const least = Math.log(a.mass[A]!);
    for (let B = 0; B < y.boxes; B++) {
      // Columns need not be right yet: what counts for B is its share of them.
      const column = columnTops[B]! + Math.log(columnSums[B]!);
      const scale = Math.min(least, column);
      if (rowLogs[A]! + row[B]! <= cut + scale) continue;
      near.push(A);
      far.push(B);
      logs.push(rowLogs[A]! + row[B]!);
      scales.push(scale);
    }
  }
  const seen = (cloud: BoxedCloud, sums: Float64Array): Float64Array =>
    sums.map((place, p) => place - boxCentre(cloud, Math.floor(p / d), p % d));
  const pairs = { x: Int32Array.from(near), y: Int32Array.from(far), logs: Float64Array.from(logs), scales: Float64Array.from(scales) };
  return { tilts: { x: seen(x, sumsX), y: seen(y, sumsY) }, pairs, rowLogs };
}
