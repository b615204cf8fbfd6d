import { choleskyFactor } from '../numerics/cholesky.ts';
import { nonnegativeMinimum } from '../numerics/nonnegative-quadratic.ts';
import { solveLower, solveUpper } from '../numerics/triangular-systems.ts';
import type { DebiasedMap } from './barycenter-dual.ts';

/** Unknowns above which the dense systems cost more than the steps that they spare. */
const MOST_UNKNOWNS = 600;
/** Regularisation at first, and how it changes with a step that succeeds at once or fails. */
const FIRST = 1e-3;
const TIGHTER = 0.1;
const LOOSER = 8;
const TRIES = 4;
/** Error after a step over that before it at most. */
const PROGRESS = 0.7;
/** Longest step of a potential over ε. */
const LONGEST = 3;
/** Regularisation of what is singular to rounding, relative to the diagonal. */
const ROUNDING = 1e-13;
/** log of the share of the largest d that stands for 0. */
const EMPTY = -140;

/**
 * Newton's method for the saddle point of a debiased barycenter,
 *
 * min over d ≥ 0, max over z of Σ_k w_k ⟨a_k, z_k⟩ − ⟨d, m(z)⟩ + ½⟨d, Kd⟩,  m_s = Π_k (Σ_j a_kj e^{z_kj} K_k,sj)^{w_k},
 *
 * concave in z and, for a positive definite K, convex in d, which holds bar = d·m. Every step solves the quadratic saddle problem of the
 * second derivatives with its bounds d ≥ 0, so that bins which run empty do so at once, regularised by as much as steps need to succeed.
 *
 * @see [janati2020b] [kim2011]
 */
export class DebiasedNewton {
  readonly point: { readonly z: Float64Array; error: number };
  private readonly map: DebiasedMap;
  private readonly epsilon: number;
  private readonly kernel: Float64Array;
  private readonly image: Float64Array;
  private readonly weights: Float64Array;
  private regularisation = FIRST;

  /** Starts from (z, log d). */
  constructor(map: DebiasedMap, epsilon: number, z: Float64Array) {
    this.map = map;
    this.epsilon = epsilon;
    this.kernel = map.dense.costs.map((c) => Math.exp(-c / epsilon));
    this.image = new Float64Array(map.size);
    this.weights = new Float64Array(map.size);
    this.point = { z: z.slice(), error: Number.POSITIVE_INFINITY };
    this.point.error = this.evaluate(this.point.z);
  }

  /** Whether a problem is small enough. */
  static fits({ size }: DebiasedMap): boolean {
    return size <= MOST_UNKNOWNS;
  }

  /** One step; false where none makes progress. */
  step(): boolean {
    const { map, point, kernel } = this;
    const { size } = map.dual;
    const n = map.size - size;
    this.evaluate(point.z);
    const { M, S, rz, scale } = this.curvature();
    const logD = map.dual.logD.slice();
    const d = logD.map(Math.exp);
    const m = map.dual.logBar.map((l, s) => Math.exp(l - logD[s]!));
    const Kd = map.soft.slice(0, n).map((h) => Math.exp(-h));
    const top = d.reduce((most, v) => Math.max(most, v), 0);
    if (![...m, ...Kd].every(Number.isFinite)) return false;
    for (let tries = 0; tries < TRIES; tries++) {
      const mu = this.regularisation;
      const regular = M.slice();
      for (let j = 0; j < size; j++) regular[j * size + j]! += (mu + ROUNDING) * scale[j]!;
      const L = choleskyFactor(regular, size);
      // Y = L⁻¹ [(∂m/∂z)ᵀ, ∂φ/∂z], one row an entry of z.
      const Y = new Float64Array(size * (n + 1));
      for (let j = 0; j < size; j++) {
        for (let s = 0; s < n; s++) Y[j * (n + 1) + s] = m[s]! * S[s * size + j]!;
        Y[j * (n + 1) + n] = rz[j]!;
      }
      let next: Float64Array | undefined;
      if (L !== undefined) {
        solveLower(L, size, Y, n + 1);
        next = this.proposal(L, Y, kernel, { d, m, Kd, prox: Kd.map((v, s) => (mu * v) / (d[s]! + 1e-3 * top)) });
      }
      const error = next === undefined ? Number.NaN : this.evaluate(next);
      if (error < PROGRESS * point.error) {
        point.z.set(next!);
        point.error = error;
        if (tries === 0) this.regularisation *= TIGHTER;
        return true;
      }
      this.regularisation = Math.max(ROUNDING, LOOSER * this.regularisation);
    }
    return false;
  }

  private evaluate(z: Float64Array): number {
    return this.map.evaluate(z, this.image, this.weights);
  }

  /** −∂²φ/∂z², ∂ log m/∂z, ∂φ/∂z, and the diagonal that z is measured by. */
  private curvature(): { readonly M: Float64Array; readonly S: Float64Array; readonly rz: Float64Array; readonly scale: Float64Array } {
    const { size, branches, logBar } = this.map.dual;
    const n = logBar.length;
    const S = new Float64Array(n * size);
    const [rz, scale] = [new Float64Array(size), new Float64Array(size)];
    for (const { share, dense, workspace, at, G, H, c } of branches) {
      const { count, weights } = workspace.target;
      for (let s = 0; s < n; s++) {
        for (let j = 0; j < count; j++) {
          S[s * size + at + j] = share * Math.exp(G[j]! + H[s]! - dense.costs[s * count + j]! / this.epsilon);
        }
      }
      for (let j = 0; j < count; j++) {
        rz[at + j] = share * (weights[j]! - c[j]!);
        scale[at + j] = share * Math.max(weights[j]!, c[j]!);
      }
    }
    const M = new Float64Array(size * size);
    for (let s = 0; s < n; s++) {
      const row = S.subarray(s * size, (s + 1) * size);
      const bar = Math.exp(logBar[s]!);
      if (bar === 0) continue;
      for (let i = 0; i < size; i++) {
        const factor = bar * row[i]!;
        const out = M.subarray(i * size, i * size + i + 1);
        for (let j = 0; j <= i; j++) out[j]! += factor * row[j]!;
      }
    }
    for (const { share, workspace, at, c } of branches) {
      const { count } = workspace.target;
      for (let i = 0; i < count; i++) {
        for (let j = 0; j <= i; j++) M[(at + i) * size + at + j]! *= 1 - 1 / share;
        M[(at + i) * size + at + i]! += share * c[i]!;
      }
    }
    return { M, S, rz, scale };
  }

  /** (z, log d) after the step of the quadratic saddle problem, whose part in z has been eliminated. */
  private proposal(
    L: Float64Array,
    Y: Float64Array,
    kernel: Float64Array,
    { d, m, Kd, prox }: { readonly d: Float64Array; readonly m: Float64Array; readonly Kd: Float64Array; readonly prox: Float64Array },
  ): Float64Array | undefined {
    const n = d.length;
    const size = Y.length / (n + 1);
    const H = kernel.slice();
    const slope = new Float64Array(n);
    for (let s = 0; s < n; s++) slope[s] = Kd[s]! - m[s]!;
    for (let j = 0; j < size; j++) {
      const y = Y.subarray(j * (n + 1), (j + 1) * (n + 1));
      for (let s = 0; s < n; s++) {
        const out = H.subarray(s * n, (s + 1) * n);
        for (let r = 0; r < n; r++) out[r]! += y[s]! * y[r]!;
        slope[s]! -= y[s]! * y[n]!;
      }
    }
    let trace = 0;
    for (let s = 0; s < n; s++) trace += H[s * n + s]! += prox[s]!;
    for (let s = 0; s < n; s++) H[s * n + s]! += (ROUNDING * trace) / n;
    const q = slope.map((v) => -v);
    for (let s = 0; s < n; s++) for (let r = 0; r < n; r++) q[s]! += H[s * n + r]! * d[r]!;
    const top = d.reduce((most, v) => Math.max(most, v), 0);
    const found = nonnegativeMinimum(
      H,
      q,
      Uint8Array.from(d, (v) => (v > 1e-12 * top ? 1 : 0)),
    );
    if (found === undefined) return undefined;
    const dz = new Float64Array(size);
    for (let j = 0; j < size; j++) {
      let value = Y[j * (n + 1) + n]!;
      for (let s = 0; s < n; s++) value -= Y[j * (n + 1) + s]! * (found[s]! - d[s]!);
      dz[j] = value;
    }
    solveUpper(L, size, dz);
    const t = Math.min(1, LONGEST / dz.reduce((most, v) => Math.max(most, Math.abs(v)), 0));
    const next = this.point.z.slice();
    for (let j = 0; j < size; j++) next[j]! += t * dz[j]!;
    const least = Math.log(found.reduce((most, v) => Math.max(most, v), 0)) + EMPTY;
    for (let s = 0; s < n; s++) next[size + s] = Math.max(least, Math.log(d[s]! + t * (found[s]! - d[s]!)));
    return next;
  }
}
