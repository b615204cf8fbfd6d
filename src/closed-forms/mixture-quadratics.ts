import { Matrix } from 'ml-matrix';
import { allocatePoints, type Points } from '../numerics/points.ts';

/** The function z ↦ log Σ_k exp(constant_k + linear_k·z + ½ zᵀ curvature_k z). */
export interface LogSumOfQuadratics {
  readonly dimension: number;
  /** K numbers. */
  readonly constants: Float64Array;
  /** K × d. */
  readonly linears: Float64Array;
  /** K × d where every curvature is diagonal, otherwise K × d × d, symmetric. */
  readonly curvatures: Float64Array;
}

/** Values of the function and the share of every term in it. */
export interface TermShares {
  /** log of the sum, one number a row. */
  readonly values: Float64Array;
  /** n × K, rows sum to one. */
  readonly shares: Float64Array;
}

/** Values and shares at every row of z, in the log domain throughout. */
export function termShares(q: LogSumOfQuadratics, z: Points): TermShares {
  const terms = q.constants.length;
  const shares = new Float64Array(z.count * terms);
  if (isDiagonalSum(q)) diagonalExponents(q, z, shares);
  else fullExponents(q, z, shares);
  const values = new Float64Array(z.count);
  for (let i = 0, at = 0; i < z.count; i++, at += terms) {
    let top = Number.NEGATIVE_INFINITY;
    for (let k = at; k < at + terms; k++) if (shares[k]! > top) top = shares[k]!;
    let sum = 0;
    for (let k = at; k < at + terms; k++) {
      const e = Math.exp(shares[k]! - top);
      shares[k] = e;
      sum += e;
    }
    for (let k = at; k < at + terms; k++) shares[k] = shares[k]! / sum;
    values[i] = top + Math.log(sum);
  }
  return { values, shares };
}

/** The gradient Σ_k share_k (linear_k + curvature_k z) at every row. */
export function gradientOf(q: LogSumOfQuadratics, z: Points, { shares }: TermShares = termShares(q, z)): Points {
  const d = z.dimension;
  const terms = q.constants.length;
  const out = allocatePoints(z.count, d);
  const diagonal = isDiagonalSum(q);
  for (let i = 0; i < z.count; i++) {
    const [from, to] = [i * d, (i + 1) * d];
    for (let k = 0; k < terms; k++) {
      const w = shares[i * terms + k]!;
      if (w < NEGLIGIBLE) continue;
      for (let r = 0; r < d; r++) {
        let slope = q.linears[k * d + r]!;
        if (diagonal) slope += q.curvatures[k * d + r]! * z.data[from + r]!;
        else for (let p = from, c = (k * d + r) * d; p < to; p++, c++) slope += q.curvatures[c]! * z.data[p]!;
        out.data[from + r]! += w * slope;
      }
    }
  }
  return out;
}

/** The Hessian Σ_k share_k (curvature_k + g_k g_kᵀ) − ḡḡᵀ at one point, g_k = linear_k + curvature_k z. */
export function hessianAt(q: LogSumOfQuadratics, z: Float64Array): Matrix {
  const d = z.length;
  const { shares } = termShares(q, { data: z, count: 1, dimension: d });
  const diagonal = isDiagonalSum(q);
  const out = Matrix.zeros(d, d);
  const mean = new Float64Array(d);
  shares.forEach((w, k) => {
    if (w < NEGLIGIBLE) return;
    const entry = (r: number, c: number): number =>
      diagonal ? (r === c ? q.curvatures[k * d + r]! : 0) : q.curvatures[(k * d + r) * d + c]!;
    const slope = Float64Array.from({ length: d }, (_, r) => {
      let sum = q.linears[k * d + r]!;
      for (let c = 0; c < d; c++) sum += entry(r, c) * z[c]!;
      return sum;
    });
    for (let r = 0; r < d; r++) {
      mean[r]! += w * slope[r]!;
      for (let c = 0; c < d; c++) out.set(r, c, out.get(r, c) + w * (entry(r, c) + slope[r]! * slope[c]!));
    }
  });
  for (let r = 0; r < d; r++) for (let c = 0; c < d; c++) out.set(r, c, out.get(r, c) - mean[r]! * mean[c]!);
  return out;
}

/** Weighted mass, mean and second moment Σ w_i s_ik z_i z_iᵀ of every term, the last two divided by the mass. */
export interface TermMoments {
  /** Σ_i w_i s_ik. */
  readonly masses: Float64Array;
  /** K × d. */
  readonly means: Float64Array;
  /** Raw second moments, K × d or K × d × d. */
  readonly seconds: Float64Array;
}

/** Moments of the rows of z under each term's share. */
export function termMoments(z: Points, weights: Float64Array, shares: Float64Array, diagonal: boolean): TermMoments {
  const d = z.dimension;
  const terms = shares.length / z.count;
  const size = diagonal ? d : d * d;
  const masses = new Float64Array(terms);
  const means = new Float64Array(terms * d);
  const seconds = new Float64Array(terms * size);
  for (let i = 0; i < z.count; i++) {
    const at = i * d;
    for (let k = 0; k < terms; k++) {
      const w = weights[i]! * shares[i * terms + k]!;
      if (w < NEGLIGIBLE * weights[i]!) continue;
      masses[k]! += w;
      for (let r = 0; r < d; r++) {
        const x = w * z.data[at + r]!;
        means[k * d + r]! += x;
        if (diagonal) seconds[k * d + r]! += x * z.data[at + r]!;
        else for (let c = 0, o = k * size + r * d; c <= r; c++, o++) seconds[o]! += x * z.data[at + c]!;
      }
    }
  }
  for (let k = 0; k < terms; k++) {
    const mass = masses[k]! || 1;
    for (let r = 0; r < d; r++) means[k * d + r]! /= mass;
    for (let o = k * size; o < (k + 1) * size; o++) seconds[o]! /= mass;
    if (diagonal) continue;
    for (let r = 0; r < d; r++) for (let c = 0; c < r; c++) seconds[k * size + c * d + r] = seconds[k * size + r * d + c]!;
  }
  return { masses, means, seconds };
}

/** Shares below it change no double. */
const NEGLIGIBLE = 1e-18;

function isDiagonalSum(q: LogSumOfQuadratics): boolean {
  return q.curvatures.length === q.linears.length;
}

function diagonalExponents({ constants, linears, curvatures }: LogSumOfQuadratics, z: Points, out: Float64Array): void {
  const d = z.dimension;
  const terms = constants.length;
  for (let i = 0; i < z.count; i++) {
    for (let k = 0, c = 0; k < terms; k++) {
      let sum = constants[k]!;
      for (let p = i * d, end = p + d; p < end; p++, c++) {
        const x = z.data[p]!;
        sum += x * (linears[c]! + 0.5 * curvatures[c]! * x);
      }
      out[i * terms + k] = sum;
    }
  }
}

function fullExponents({ constants, linears, curvatures }: LogSumOfQuadratics, z: Points, out: Float64Array): void {
  const d = z.dimension;
  const terms = constants.length;
  for (let i = 0; i < z.count; i++) {
    const at = i * d;
    for (let k = 0; k < terms; k++) {
      let sum = constants[k]!;
      for (let r = 0; r < d; r++) {
        const c = (k * d + r) * d;
        let slope = linears[k * d + r]! + 0.5 * curvatures[c + r]! * z.data[at + r]!;
        for (let j = 0; j < r; j++) slope += curvatures[c + j]! * z.data[at + j]!;
        sum += slope * z.data[at + r]!;
      }
      out[i * terms + k] = sum;
    }
  }
}
