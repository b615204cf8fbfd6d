import type { CostBlock } from './transport-engine.ts';
import { padded } from './transport-layout.ts';
import { costRows } from './transport-typescript-costs.ts';
import { scaling } from './transport-typescript-kernel.ts';

/** exp(t), and 0 for what is 0 by rounding or, with infinite costs, not a number. */
const weight = (t: number): number => (t > -690 ? Math.exp(t) : 0);

/** One iteration without a stored kernel; see TransportEngine. `single` changes nothing here. */
export function logFused(
  costs: CostBlock,
  F: Float64Array,
  G: Float64Array,
  inverse: number,
  v: Float64Array | undefined,
  a: Float64Array,
  q: Float64Array,
  sum: Float64Array,
  mode: 'divide' | 'multiply',
): void {
  const width = G.length;
  const row = costRows(costs);
  const w = new Float64Array(width);
  sum.fill(0);
  for (let i = 0; i < F.length; i++) {
    const { data, at } = row(i);
    const f = F[i]!;
    let s = 0;
    for (let j = 0; j < width; j++) {
      const x = (w[j] = weight(f + G[j]! - inverse * data[at + j]!));
      s += v === undefined ? x : x * v[j]!;
    }
    const x = (q[i] = scaling(a[i]!, s, mode));
    for (let j = 0; j < width; j++) sum[j]! += x * w[j]!;
  }
}

/** out_i = −log Σ_j exp(G_j − inverse·C_ij). */
export function softMinRows(costs: CostBlock, G: Float64Array, inverse: number, out: Float64Array): void {
  const width = G.length;
  const row = costRows(costs);
  for (let i = 0; i < out.length; i++) {
    const { data, at } = row(i);
    let largest = Number.NEGATIVE_INFINITY;
    for (let j = 0; j < width; j++) {
      const t = G[j]! - inverse * data[at + j]!;
      if (t > largest) largest = t;
    }
    let s = 0;
    for (let j = 0; j < width; j++) s += weight(G[j]! - inverse * data[at + j]! - largest);
    out[i] = s > 0 ? -largest - Math.log(s) : Number.POSITIVE_INFINITY;
  }
}

/** out_j = −log Σ_i exp(F_i − inverse·C_ij), by a maximum for each column that grows with the rows. */
export function softMinColumns(costs: CostBlock, F: Float64Array, inverse: number, out: Float64Array): void {
  const width = out.length;
  const row = costRows(costs);
  const largest = new Float64Array(width).fill(Number.NEGATIVE_INFINITY);
  const sum = new Float64Array(width);
  for (let i = 0; i < F.length; i++) {
    const { data, at } = row(i);
    const f = F[i]!;
    for (let j = 0; j < width; j++) {
      const t = f - inverse * data[at + j]!;
      if (t > largest[j]!) {
        sum[j] = sum[j]! * weight(largest[j]! - t) + 1;
        largest[j] = t;
      } else sum[j]! += weight(t - largest[j]!);
    }
  }
  for (let j = 0; j < width; j++) out[j] = sum[j]! > 0 ? -largest[j]! - Math.log(sum[j]!) : Number.POSITIVE_INFINITY;
}

/** P = exp(F + G − inverse·C): sums of its rows and columns, and Σ P C. */
export function marginals(
  costs: CostBlock,
  F: Float64Array,
  G: Float64Array,
  inverse: number,
  rows: Float64Array,
  columns: Float64Array,
): number {
  columns.fill(0);
  let linear = 0;
  eachRow(costs, F, G, inverse, (i, p, data, at) => {
    let [mass, cost] = [0, 0];
    for (let j = 0; j < p.length; j++) {
      const x = p[j]!;
      mass += x;
      columns[j]! += x;
      if (x > 0) cost += x * data[at + j]!;
    }
    rows[i] = mass;
    linear += cost;
  });
  return linear;
}

/** out_r = P V_r. */
export function apply(
  costs: CostBlock,
  F: Float64Array,
  G: Float64Array,
  inverse: number,
  V: Float64Array,
  count: number,
  out: Float64Array,
): void {
  eachRow(costs, F, G, inverse, (i, p) => {
    for (let r = 0; r < count; r++) {
      let s = 0;
      for (let j = 0; j < p.length; j++) s += p[j]! * V[r * p.length + j]!;
      out[r * F.length + i] = s;
    }
  });
}

/** out_r = Pᵀ U_r. */
export function applyTranspose(
  costs: CostBlock,
  F: Float64Array,
  G: Float64Array,
  inverse: number,
  U: Float64Array,
  count: number,
  out: Float64Array,
): void {
  out.fill(0, 0, count * G.length);
  eachRow(costs, F, G, inverse, (i, p) => {
    for (let r = 0; r < count; r++) {
      const x = U[r * F.length + i]!;
      for (let j = 0; j < p.length; j++) out[r * p.length + j]! += p[j]! * x;
    }
  });
}

/** Sums over a plan moved onto its marginals; see TransportEngine. */
export function roundedSums(
  costs: CostBlock,
  F: Float64Array,
  G: Float64Array,
  inverse: number,
  { x, y, ea, eb }: { readonly x: Float64Array; readonly y: Float64Array; readonly ea: Float64Array; readonly eb: Float64Array },
  { a, b }: { readonly a: Float64Array; readonly b: Float64Array },
): { readonly linear: number; readonly logs: number; readonly mass: number; readonly cross: number; readonly forbidden: boolean } {
  let [linear, logs, mass, cross, forbidden] = [0, 0, 0, 0, false];
  eachRow(costs, F, G, inverse, (i, p, data, at) => {
    for (let j = 0; j < p.length; j++) {
      const c = data[at + j]!;
      const moved = ea[i]! * eb[j]!;
      if (c === Number.POSITIVE_INFINITY) {
        if (moved > 0) forbidden = true;
        continue;
      }
      const Q = x[i]! * p[j]! * y[j]! + moved;
      if (!(Q > 0)) continue;
      linear += Q * c;
      logs += Q * Math.log(Q);
      mass += Q;
      cross += Q * (a[i]! + b[j]!);
    }
  });
  return { linear, logs, mass, cross, forbidden };
}

/** Calls back with every row of P; the row is valid until the next call. */
function eachRow(
  costs: CostBlock,
  F: Float64Array,
  G: Float64Array,
  inverse: number,
  use: (i: number, p: Float64Array, data: Float64Array, at: number) => void,
): void {
  const p = new Float64Array(padded(costs.columns));
  const row = costRows(costs);
  for (let i = 0; i < F.length; i++) {
    const { data, at } = row(i);
    const f = F[i]!;
    for (let j = 0; j < p.length; j++) p[j] = weight(f + G[j]! - inverse * data[at + j]!);
    use(i, p, data, at);
  }
}
