import type { CostBlock, Kernel } from './transport-engine.ts';
import { costRows } from './transport-typescript-costs.ts';

/** Logarithms below which K is 0: what K and the scalings multiply to stays a normal number. */
const [SMALLEST, SMALLEST32] = [-690, -60];

/** K_ij = exp(F0_i + G_j − inverse·C_ij) with F0 such that each row has the maximum 1. */
export function absorb(costs: CostBlock, G: Float64Array, inverse: number, K: Kernel, F0: Float64Array): void {
  const width = G.length;
  const smallest = K instanceof Float32Array ? SMALLEST32 : SMALLEST;
  const row = costRows(costs);
  for (let i = 0; i < F0.length; i++) {
    const { data, at } = row(i);
    let largest = Number.NEGATIVE_INFINITY;
    for (let j = 0; j < width; j++) {
      const t = G[j]! - inverse * data[at + j]!;
      if (t > largest) largest = t;
    }
    for (let j = 0; j < width; j++) {
      const t = G[j]! - inverse * data[at + j]! - largest;
      // False for NaN, which a row without finite pair gives.
      K[i * width + j] = t > smallest ? Math.exp(t) : 0;
    }
    F0[i] = -largest;
  }
}

/** s = K v; u = a/s or a·s; sum = Kᵀu; four rows at a time, so that they are read from memory once. */
export function fused(K: Kernel, v: Float64Array, a: Float64Array, u: Float64Array, sum: Float64Array, mode: 'divide' | 'multiply'): void {
  const width = v.length;
  sum.fill(0);
  for (let i = 0; i < a.length; i += 4) {
    const [k0, k1, k2, k3] = [i * width, (i + 1) * width, (i + 2) * width, (i + 3) * width] as const;
    let [s0, s1, s2, s3] = [0, 0, 0, 0];
    for (let j = 0; j < width; j++) {
      const x = v[j]!;
      s0 += K[k0 + j]! * x;
      s1 += K[k1 + j]! * x;
      s2 += K[k2 + j]! * x;
      s3 += K[k3 + j]! * x;
    }
    const u0 = (u[i] = scaling(a[i]!, s0, mode));
    const u1 = (u[i + 1] = scaling(a[i + 1]!, s1, mode));
    const u2 = (u[i + 2] = scaling(a[i + 2]!, s2, mode));
    const u3 = (u[i + 3] = scaling(a[i + 3]!, s3, mode));
    for (let j = 0; j < width; j++) {
      sum[j]! += u0 * K[k0 + j]! + u1 * K[k1 + j]! + (u2 * K[k2 + j]! + u3 * K[k3 + j]!);
    }
  }
}

/** a/s or a·s, and 0 where a is 0. */
export function scaling(a: number, s: number, mode: 'divide' | 'multiply'): number {
  if (a === 0) return 0;
  return mode === 'divide' ? a / s : a * s;
}

/** out = K v. */
export function multiply(K: Kernel, v: Float64Array, out: Float64Array): void {
  const width = v.length;
  for (let i = 0; i < out.length; i++) {
    let s = 0;
    for (let j = 0; j < width; j++) s += K[i * width + j]! * v[j]!;
    out[i] = s;
  }
}

/** out = Kᵀu. */
export function multiplyTranspose(K: Kernel, u: Float64Array, out: Float64Array): void {
  const width = out.length;
  out.fill(0);
  for (let i = 0; i < u.length; i++) {
    const x = u[i]!;
    for (let j = 0; j < width; j++) out[j]! += K[i * width + j]! * x;
  }
}

/** Lists the large entries row by row; see TransportEngine. */
export function largeEntries(
  K: Kernel,
  v: Float64Array,
  w: Float64Array,
  byRow: Float64Array,
  byColumn: Float64Array,
  visit: (row: number, count: number, columns: Int32Array, values: Float64Array) => boolean,
): void {
  const width = v.length;
  const columns = new Int32Array(width);
  const values = new Float64Array(width);
  for (let i = 0; i < byRow.length; i++) {
    let count = 0;
    for (let j = 0; j < width; j++) {
      const entry = K[i * width + j]!;
      if (!(entry * v[j]! > byRow[i]! || entry * w[j]! > byColumn[i]!)) continue;
      columns[count] = j;
      values[count++] = entry * v[j]!;
    }
    if (!visit(i, count, columns, values)) return;
  }
}
