import type { GaussSide, PlacedCloud } from './gauss-transform.ts';

/** Weights e^{potential}·v of the points of a side, as the transform wants them; v = 1 when absent. */
export function sendWeights({ cloud, phase, weights, sent }: GaussSide, potential: Float64Array, v?: Float64Array): void {
  const { order, starts, boxes } = cloud;
  for (let b = 0; b < boxes; b++) {
    let top = Number.NEGATIVE_INFINITY;
    for (let p = starts[b]!; p < starts[b + 1]!; p++) {
      if (order[p]! < 0) continue;
      const exponent = potential[order[p]!]! + phase[p]!;
      weights[p] = exponent;
      if (exponent > top) top = exponent;
    }
    sent[b] = top;
    for (let p = starts[b]!; p < starts[b + 1]!; p++) {
      const i = order[p]!;
      if (i >= 0) weights[p] = Math.exp(weights[p]! - top) * (v === undefined ? 1 : v[i]!);
    }
  }
}

/** out_i = e^{potential_i} times the sum received at point i, over all its places. */
export function receiveSums({ cloud, phase, values, received }: GaussSide, potential: Float64Array, out: Float64Array): void {
  const { order, starts, boxes, count } = cloud;
  out.fill(0, 0, count);
  for (let b = 0; b < boxes; b++) {
    for (let p = starts[b]!; p < starts[b + 1]!; p++) {
      const i = order[p]!;
      if (i >= 0) out[i]! += Math.exp(potential[i]! + phase[p]! + received[b]!) * values[p]!;
    }
  }
}

/** out_i = log of the sum received at point i; NaN where interpolation left nothing positive. */
export function receiveLogs({ cloud, phase, values, received }: GaussSide, out: Float64Array): void {
  const { order, starts, boxes, count } = cloud;
  const tops = new Float64Array(count).fill(Number.NEGATIVE_INFINITY);
  const each = (visit: (i: number, exponent: number, value: number) => void): void => {
    for (let b = 0; b < boxes; b++) {
      for (let p = starts[b]!; p < starts[b + 1]!; p++) if (order[p]! >= 0) visit(order[p]!, phase[p]! + received[b]!, values[p]!);
    }
  };
  each((i, exponent) => {
    if (exponent > tops[i]!) tops[i] = exponent;
  });
  const sums = new Float64Array(count);
  each((i, exponent, value) => {
    sums[i]! += Math.exp(exponent - tops[i]!) * value;
  });
  for (let i = 0; i < count; i++) out[i] = tops[i]! + Math.log(sums[i]!);
}

/** log Σ exp(exponent(point, place, box)) of every box. */
export function boxLogs({ boxes, starts, order }: PlacedCloud, exponent: (i: number, p: number, b: number) => number): Float64Array {
  const out = new Float64Array(boxes);
  for (let b = 0; b < boxes; b++) {
    let top = Number.NEGATIVE_INFINITY;
    for (let p = starts[b]!; p < starts[b + 1]!; p++) if (order[p]! >= 0) top = Math.max(top, exponent(order[p]!, p, b));
    let sum = 0;
    for (let p = starts[b]!; p < starts[b + 1]!; p++) if (order[p]! >= 0) sum += Math.exp(exponent(order[p]!, p, b) - top);
    out[b] = top + Math.log(sum);
  }
  return out;
}
