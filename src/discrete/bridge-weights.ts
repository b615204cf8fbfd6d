import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import { allocatePoints, type Points, row } from '../numerics/points.ts';
import type { DiscreteCoupling } from './discrete-coupling.ts';

/**
 * The exact bridge of two samples is the reference weighted at both ends: P_ij = a_i e^{u_i} · b_j e^{h_j} · p(y_j | x_i) with
 * h_j = (g_j − ½|y_j|²)/ε* + |y_j − ζ|²/2κ and u_i = (f_i − ½|x_i|²)/ε* + (τ²|x_i|² + 2τ x_i·ζ)/2κ, X_T | X_0 ~ N(τX_0 + ζ, κI).
 */
export interface BridgeWeights {
  /** log(a_i e^{u_i}). */
  readonly source: Float64Array;
  /** log(b_j e^{h_j}). */
  readonly target: Float64Array;
}

/** Reads the weights off the potentials of the end-point problem of a scalar reference. */
export function bridgeWeights({ reference, dimension }: BridgeProblem, { source, target, potentials }: DiscreteCoupling): BridgeWeights {
  const whole = reference.transition(0, reference.horizon, dimension);
  const tau = whole.matrix.get(0, 0);
  const kappa = whole.covariance.get(0, 0);
  const zeta = whole.offset;
  const epsilon = kappa / tau;
  return {
    source: Float64Array.from(potentials.f, (f, i) => {
      const x = row(source.points, i);
      const square = inner(x, x);
      return Math.log(source.weights[i]!) + (f - square / 2) / epsilon + (tau * tau * square + 2 * tau * inner(x, zeta)) / (2 * kappa);
    }),
    target: Float64Array.from(potentials.g, (g, j) => {
      const y = row(target.points, j);
      const shifted = y.map((value, k) => value - zeta[k]!);
      return Math.log(target.weights[j]!) + (g - inner(y, y) / 2) / epsilon + inner(shifted, shifted) / (2 * kappa);
    }),
  };
}

/** A Gaussian law of the end given the middle, up to its mean: |slope·x + offset − end|²/2variance, for either end. */
export interface EndLikelihood {
  readonly logWeights: Float64Array;
  readonly ends: Points;
  /** The squared distance that counts, between middle x and end z. */
  readonly distance: (x: Float64Array, z: Float64Array) => number;
  readonly variance: number;
}

/** E[end | x_i] and log Σ of the unnormalised weights, row by row. */
export function expectedEnds({ logWeights, ends, distance, variance }: EndLikelihood, x: Points): { mean: Points; logSum: Float64Array } {
  const mean = allocatePoints(x.count, x.dimension);
  const logSum = new Float64Array(x.count);
  const exponents = new Float64Array(ends.count);
  const rows = Array.from({ length: ends.count }, (_, j) => row(ends, j));
  for (let i = 0; i < x.count; i++) {
    const at = row(x, i);
    let top = Number.NEGATIVE_INFINITY;
    for (let j = 0; j < ends.count; j++) {
      const t = logWeights[j]! - distance(at, rows[j]!) / (2 * variance);
      exponents[j] = t;
      if (t > top) top = t;
    }
    const into = row(mean, i);
    let sum = 0;
    for (let j = 0; j < ends.count; j++) {
      const w = Math.exp(exponents[j]! - top);
      if (w === 0) continue;
      sum += w;
      for (let k = 0; k < into.length; k++) into[k]! += w * rows[j]![k]!;
    }
    for (let k = 0; k < into.length; k++) into[k]! /= sum;
    logSum[i] = top + Math.log(sum);
  }
  return { mean, logSum };
}

function inner(x: Float64Array, y: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < x.length; k++) sum += x[k]! * y[k]!;
  return sum;
}
