import type { BoxedCloud } from './boxed-cloud.ts';
import { allCentres, type Territories } from './gauss-territories.ts';
import type { GaussLevel } from './gauss-transform.ts';

/** What a bound needs to know of a level. */
export interface BoundedLevel extends Pick<GaussLevel, 'inverse' | 'degree'> {
  /** The boxes, each once, with one tilt each, and the pairs that are summed up, by x, then by y. */
  readonly x: BoxedCloud;
  readonly y: BoxedCloud;
  readonly tilts: GaussLevel['tilts'];
  readonly pairs: Pick<GaussLevel['pairs'], 'x' | 'y'>;
  readonly territories: Territories;
  /** Exponents linear in the position, place by place. */
  readonly linear: GaussLevel['linear'];
}

/** log F and log G of the problem. */
export interface LogPotentialsOf {
  readonly F: Float64Array;
  readonly G: Float64Array;
}

/** Bounds of pairs that are left out are sharpened when above this share of the mass of x. */
const NEGLIGIBLE = 1e-18;

/** log w and log ω of boxes or of copies. */
export interface SideLogs {
  readonly x: Float64Array;
  readonly y: Float64Array;
}

/**
 * A proven bound of Σ_ij |P_ij − P̃_ij| between the plan of potentials and what the transform sums up, rounding aside.
 *
 * For boxes A, B with centres x_A, y_B write w(A) = Σ_i e^{F_i + φ_i} and ω(B) = Σ_j e^{G_j + φ_j}, φ the phases of their points. With
 * positions s, t ∈ [−1, 1]^d in the boxes, P_ij = e^{F_i + φ_i} e^{G_j + φ_j} k e^{α·s + β·t + Σ γ s t}, where k = exp(−|x_A − y_B|²/ε),
 * α = 2h_A(y_B − x_A − θ_A)/ε, β = 2h_B(x_A − y_B − θ_B)/ε and γ = 2h_A h_B/ε by axis. Only the last factor is interpolated. Its
 * Chebyshev coefficients are products of 2I_k; a term whose degrees the transform keeps is exact, any other counts at most twice, since
 * interpolation at Chebyshev nodes turns it into ± another one or nothing. So a pair that is summed up adds at most
 *
 *     w(A) ω(B) k [ η(|α| + γ) e^{|β|₁} + η(|β| + γ) e^{|α|₁} ],   η(z) = 2^{d+1} min(e^{|z|₂²/4} Σ_{K ≥ q} (|z|₁/2)^K/K!, min_ρ ρ^−q e^{|z|₁(ρ + 1/ρ)/2}).
 *
 * Here A and B are the copies that the pair goes through. A pair that is left out adds at most w(A) ω(B) k exp(|α|₁ + |β|₁ + Σ γ), and at
 * most Σ_i e^{F_i − |x_i − y_B|²/ε} Σ_j e^{G_j − |x_A − y_j|²/ε} e^{Σ γ}/k, or the above where it comes along with others.
 */
export function transformBound(level: BoundedLevel, copyLogs: SideLogs, boxLogs: SideLogs, { F, G }: LogPotentialsOf): number {
  const { x, y, inverse, degree, tilts, pairs, territories: parts } = level;
  const d = x.dimension;
  const [xCentres, yCentres] = [allCentres(x), allCentres(y)];
  const rest = x.halves.reduce((sum, h, k) => sum + 2 * inverse * h * y.halves[k]!, 0);
  const remainder = remainderOf(degree, d);
  // Filled in by `measure`.
  let [exponent, zA, zB, wideA, wideB, squareA, squareB] = [0, 0, 0, 0, 0, 0, 0];
  const measure = (A: number, B: number, xTilts: Float64Array, a: number, yTilts: Float64Array, b: number): void => {
    [exponent, zA, zB, wideA, wideB, squareA, squareB] = [0, 0, 0, 0, 0, 0, 0];
    for (let k = 0; k < d; k++) {
      const [hA, hB] = [2 * inverse * x.halves[k]!, 2 * inverse * y.halves[k]!];
      const apart = yCentres[B * d + k]! - xCentres[A * d + k]!;
      exponent -= inverse * apart * apart;
      const toB = Math.abs(apart - xTilts[a * d + k]!);
      const toA = Math.abs(apart + yTilts[b * d + k]!);
      zA += hA * toB;
      zB += hB * toA;
      const [reachB, reachA] = [hA * (toB + y.halves[k]!), hB * (toA + x.halves[k]!)];
      wideA += reachB;
      wideB += reachA;
      squareA += reachB * reachB;
      squareB += reachA * reachA;
    }
  };
  const interpolated = (A: number, B: number, a: number, b: number): number => {
    measure(A, B, parts.x.tilts, a, parts.y.tilts, b);
    const logs = exponent + copyLogs.x[a]! + copyLogs.y[b]!;
    return Math.exp(logs + zB + remainder(wideA, squareA)) + Math.exp(logs + zA + remainder(wideB, squareB));
  };
  // By A, then by B, as pairs are listed.
  let [total, p] = [0, 0];
  for (let A = 0; A < x.boxes; A++) {
    for (let B = 0; B < y.boxes; B++) {
      if (pairs.x[p] === A && pairs.y[p] === B) {
        total += interpolated(A, B, parts.x.ofPair[p]!, parts.y.ofPair[p]!);
        p++;
        continue;
      }
      measure(A, B, tilts.x, A, tilts.y, B);
      let out = Math.exp(exponent + boxLogs.x[A]! + boxLogs.y[B]! + zA + zB + rest);
      if (out > NEGLIGIBLE) {
        const seen = logSeen(x, level.linear.x, F, A, yCentres, B, inverse) + logSeen(y, level.linear.y, G, B, xCentres, A, inverse);
        out = Math.min(out, Math.exp(seen - exponent + rest));
      }
      total += out;
      const a = parts.x.table[A * parts.x.count + parts.x.territory[B]!]!;
      const b = parts.y.table[B * parts.y.count + parts.y.territory[A]!]!;
      if (a >= 0 && b >= 0) total += interpolated(A, B, a, b);
    }
  }
  if (p < pairs.x.length) throw new RangeError('gauss bound: pairs of boxes are not in order; list them by x, then by y');
  return total;
}

/** log Σ_i e^{F_i − |x_i − c|²/ε} over the points of a box, c the centre of a box of the other cloud. */
function logSeen(
  { dimension: d, offsets, starts, order, boxes, layers, layerCentres }: BoxedCloud,
  linear: Float64Array,
  potential: Float64Array,
  box: number,
  centres: Float64Array,
  other: number,
  inverse: number,
): number {
  const stride = starts[boxes]!;
  let [top, sum] = [Number.NEGATIVE_INFINITY, 0];
  for (let p = starts[box]!; p < starts[box + 1]!; p++) {
    if (order[p]! < 0) continue;
    let exponent = potential[order[p]!]! + linear[p]!;
    for (let k = 0; k < d; k++) {
      const apart = layerCentres[k]![layers[box * d + k]!]! + offsets[k * stride + p]! - centres[other * d + k]!;
      exponent -= inverse * apart * apart;
    }
    if (exponent > top) {
      sum *= Math.exp(top - exponent);
      top = exponent;
    }
    sum += Math.exp(exponent - top);
  }
  return top + Math.log(sum);
}

/** log η as a function of |z|₁ and |z|₂². */
export function remainderOf(q: number, d: number): (sum: number, square: number) => number {
  let logFactorial = 0;
  for (let k = 2; k <= q; k++) logFactorial += Math.log(k);
  const front = (d + 1) * Math.LN2;
  return (sum, square) => {
    const s = sum / 2;
    // The series is below its first term times 1/(1 − s/(q + 1)).
    const series = s < 0.9 * q ? q * Math.log(s) - logFactorial - Math.log(1 - s / (q + 1)) + square / 4 : Number.POSITIVE_INFINITY;
    const rho = Math.max(1, q / s);
    return front + Math.min(series, s * (rho + 1 / rho) - q * Math.log(rho));
  };
}
