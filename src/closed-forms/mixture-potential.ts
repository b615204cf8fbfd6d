import { Matrix } from 'ml-matrix';
import { combine, dot } from '../numerics/vectors.ts';
import type { LogSumOfQuadratics } from './mixture-quadratics.ts';
import { applySpread, blendSpreads, carriedSpread, invertSpread, logDetSpread, type Spread, spreadEntries } from './mixture-spread.ts';

/** α·N(mean, covariance), with the precision that belongs to it. */
export interface PotentialComponent {
  /** log α. */
  readonly logWeight: number;
  /** r. */
  readonly mean: Float64Array;
  /** V. */
  readonly covariance: Spread;
  /** V⁻¹. */
  readonly precision: Spread;
}

/**
 * The adjusted Schrödinger potential v(y) = Σ_k α_k N(y; r_k, V_k) in coordinates in which the plan is π(y | x) ∝ exp(x·y) v(y): given x, y is
 * a mixture with weights α_k exp(½ xᵀV_k x + r_k·x), means r_k + V_k x and covariances V_k.
 *
 * @see [korotin2024]
 */
export interface MixturePotential {
  readonly dimension: number;
  readonly components: readonly PotentialComponent[];
}

const PATH = 'mixtureBridge: covariance of a component';

/** A component from mean and covariance. */
export function potentialComponent(logWeight: number, mean: Float64Array, covariance: Spread): PotentialComponent {
  return { logWeight, mean, covariance, precision: invertSpread(covariance, PATH) };
}

/** The component whose precision and V⁻¹r are those of two components blended: the segment between them in natural parameters. */
export function blendComponents(from: PotentialComponent, to: PotentialComponent, w: number): PotentialComponent {
  if (w === 1) return to;
  const precision = blendSpreads(from.precision, to.precision, w);
  const covariance = invertSpread(precision, PATH);
  const slope = combine([1 - w, applySpread(from.precision, from.mean)], [w, applySpread(to.precision, to.mean)]);
  return { logWeight: from.logWeight, mean: applySpread(covariance, slope), covariance, precision };
}

/** log v(y). */
export function endQuadratics(potential: MixturePotential): LogSumOfQuadratics {
  const constant = ({ logWeight, mean, covariance, precision }: PotentialComponent): number =>
    logWeight - 0.5 * (mean.length * Math.log(2 * Math.PI) + logDetSpread(covariance, PATH) + dot(mean, applySpread(precision, mean)));
  return gather(potential, (c) => ({
    constant: constant(c),
    linear: applySpread(c.precision, c.mean),
    curvature: negative(c.precision),
  }));
}

/** log c(x) = log ∫ exp(x·y) v(y) dy: the log-normaliser of π(y | x), whose terms are the conditional weights. */
export function startQuadratics(potential: MixturePotential): LogSumOfQuadratics {
  return gather(potential, ({ logWeight, mean, covariance }) => ({ constant: logWeight, linear: mean, curvature: covariance }));
}

/**
 * log φ_t(p) = log ∫ N(y; p, I − S) e^{|y|²/2} v(y) dy up to ½d log 2π: the potential carried back from the end over the part of the horizon
 * whose noise is I − S of the whole, 0 ≤ S ≤ I (S = 0 at the start, where it is log c(p) − ½|p|², S = I at the end).
 *
 * With W = V − I and B = (I + WS)⁻¹W the exponents are −½ log det(I + WS) − ½ rᵀS(r − BSr) + (r − BSr)·p + ½ pᵀBp: finite at both ends.
 */
export function carriedQuadratics(potential: MixturePotential, s: number | Matrix): LogSumOfQuadratics {
  const scale = (v: Float64Array): Float64Array => (typeof s === 'number' ? v.map((x) => s * x) : applySpread(s, v));
  return gather(potential, ({ logWeight, mean, covariance }) => {
    const { curvature, logDet } = carriedSpread(covariance, s);
    const linear = combine([1, mean], [-1, applySpread(curvature, scale(mean))]);
    return { constant: logWeight - 0.5 * (logDet + dot(scale(mean), linear)), linear, curvature };
  });
}

function gather(
  { dimension, components }: MixturePotential,
  term: (component: PotentialComponent) => { constant: number; linear: Float64Array; curvature: Spread },
): LogSumOfQuadratics {
  const terms = components.map(term);
  return {
    dimension,
    constants: Float64Array.from(terms, ({ constant }) => constant),
    linears: concatenate(terms.map(({ linear }) => linear)),
    curvatures: concatenate(terms.map(({ curvature }) => spreadEntries(curvature))),
  };
}

function concatenate(parts: readonly Float64Array[]): Float64Array {
  const out = new Float64Array(parts.length * parts[0]!.length);
  parts.forEach((part, k) => {
    out.set(part, k * part.length);
  });
  return out;
}

function negative(s: Spread): Spread {
  return s instanceof Float64Array ? s.map((x) => -x) : Matrix.mul(s, -1);
}
