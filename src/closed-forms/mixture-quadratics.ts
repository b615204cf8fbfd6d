import { Matrix } from 'ml-matrix';
import { allocatePoints, type Points } from '../numerics/points.ts';
import { PANEL_DIMENSION, panelExponents, panelMoments } from './quadratic-panels.ts';

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
  exponents(q, z, shares);
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
  if (!diagonal && d >= PANEL_DIMENSION) return momentsByPanels(z, weights, shares, terms);
  const monomials = new Float64Array(monomialCount(d, diagonal));
  const width = monomials.length;
  const masses = new Float64Array(terms);
  const sums = new Float64Array(terms * width);
  for (let i = 0; i < z.count; i++) {
    fillMonomials(z.data, i * d, d, diagonal, monomials);
    for (let k = 0; k < terms; k++) {
      const share = shares[i * terms + k]!;
      if (share < NEGLIGIBLE) continue;
      const w = weights[i]! * share;
      masses[k]! += w;
      for (let m = 0, o = k * width; m < width; m++, o++) sums[o] = sums[o]! + w * monomials[m]!;
    }
  }
  const size = diagonal ? d : d * d;
  const means = new Float64Array(terms * d);
  const seconds = new Float64Array(terms * size);
  for (let k = 0; k < terms; k++) {
    const mass = masses[k]! || 1;
    let o = k * width;
    for (let r = 0; r < d; r++, o++) means[k * d + r] = sums[o]! / mass;
    for (let r = 0; r < d; r++) {
      if (diagonal) seconds[k * d + r] = sums[o++]! / mass;
      else for (let c = 0; c <= r; c++, o++) seconds[k * size + r * d + c] = seconds[k * size + c * d + r] = sums[o]! / mass;
    }
  }
  return { masses, means, seconds };
}

function momentsByPanels(z: Points, weights: Float64Array, shares: Float64Array, terms: number): TermMoments {
  const d = z.dimension;
  const masses = new Float64Array(terms);
  const means = new Float64Array(terms * d);
  const seconds = new Float64Array(terms * d * d);
  for (let k = 0; k < terms; k++) {
    const made = panelMoments(z, (i) => (shares[i * terms + k]! < NEGLIGIBLE ? 0 : weights[i]! * shares[i * terms + k]!));
    const scale = 1 / (made.mass || 1);
    masses[k] = made.mass;
    means.set(
      made.sum.map((x) => x * scale),
      k * d,
    );
    seconds.set(
      made.seconds.map((x) => x * scale),
      k * d * d,
    );
  }
  return { masses, means, seconds };
}

/** Shares below it change no double. */
const NEGLIGIBLE = 1e-18;

/** Rows for which opening the kernels pays. */
const PANEL_ROWS = 16;

function isDiagonalSum(q: LogSumOfQuadratics): boolean {
  return q.curvatures.length === q.linears.length;
}

/** z_r, then z_r² or the lower triangle of z zᵀ by rows: a quadratic is one product with them. */
function fillMonomials(data: Float64Array, at: number, d: number, diagonal: boolean, out: Float64Array): void {
  let o = d;
  for (let r = 0; r < d; r++) {
    const x = data[at + r]!;
    out[r] = x;
    if (diagonal) out[o++] = x * x;
    else for (let c = 0; c <= r; c++) out[o++] = x * data[at + c]!;
  }
}

function monomialCount(d: number, diagonal: boolean): number {
  return d + (diagonal ? d : (d * (d + 1)) / 2);
}

function exponents(q: LogSumOfQuadratics, z: Points, out: Float64Array): void {
  const d = z.dimension;
  const terms = q.constants.length;
  const diagonal = isDiagonalSum(q);
  if (!diagonal && d >= PANEL_DIMENSION && z.count >= PANEL_ROWS) {
    panelExponents(q, z, out);
    return;
  }
  const monomials = new Float64Array(monomialCount(d, diagonal));
  const width = monomials.length;
  const coefficients = coefficientsOf(q, d, diagonal, width);
  for (let i = 0; i < z.count; i++) {
    fillMonomials(z.data, i * d, d, diagonal, monomials);
    for (let k = 0, o = 0; k < terms; k++) {
      // Two sums, so that additions need not wait for each other.
      let even = q.constants[k]!;
      let odd = 0;
      let m = 0;
      for (; m + 1 < width; m += 2, o += 2) {
        even += coefficients[o]! * monomials[m]!;
        odd += coefficients[o + 1]! * monomials[m + 1]!;
      }
      if (m < width) even += coefficients[o++]! * monomials[m]!;
      out[i * terms + k] = even + odd;
    }
  }
}

/** Factors of the monomials, term after term: off-diagonal curvature counts twice a half. */
function coefficientsOf({ linears, curvatures }: LogSumOfQuadratics, d: number, diagonal: boolean, width: number): Float64Array {
  const terms = linears.length / d;
  const out = new Float64Array(terms * width);
  for (let k = 0, o = 0; k < terms; k++) {
    out.set(linears.subarray(k * d, (k + 1) * d), o);
    o += d;
    for (let r = 0; r < d; r++) {
      if (diagonal) out[o++] = 0.5 * curvatures[k * d + r]!;
      else for (let c = 0; c <= r; c++) out[o++] = (c === r ? 0.5 : 1) * curvatures[(k * d + r) * d + c]!;
    }
  }
  return out;
}
