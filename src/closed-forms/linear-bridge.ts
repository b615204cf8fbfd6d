import { inverse, Matrix } from 'ml-matrix';
import type { Affine } from '../numerics/affine.ts';
import { inverseSpd, symmetrise } from '../numerics/spd.ts';
import { combine, multiplyVector } from '../numerics/vectors.ts';
import type { Reference, ReferenceBridge } from '../references/reference.ts';
import { endCondition } from './end-condition.ts';
import type { GaussianJoint } from './gaussian-joint.ts';

/** The law of a Gaussian Markov process on [0, T]. */
export interface GaussianProcess {
  readonly joint: GaussianJoint;
  mean(t: number): Float64Array;
  covariance(t: number): Matrix;
  /** Cov(X_s, X_t), s ≤ t, rows = s. */
  crossCovariance(s: number, t: number): Matrix;
  /** Forward drift x ↦ matrix·x + offset. */
  drift(t: number): Affine;
}

/**
 * The reference bridge glued to a Gaussian law of the end points: the Schrödinger bridge, or an iterate of IPF.
 *
 * X_t = R₀X_0 + R₁X_T + offset + noise with the coefficients of the reference bridge; the drift in h-transform form,
 * f_ref + ggᵀΨᵀ(I + MK_t)⁻¹(n − M(Ψx + z)), has no time derivatives and is finite at t = T.
 *
 * @see [bunne2023]
 */
export function linearBridge(reference: Reference, joint: GaussianJoint): GaussianProcess {
  const dimension = joint.sourceMean.length;
  const { horizon } = reference;
  const { sourceMean: a, targetMean: b, sourceCovariance: A, targetCovariance: B, crossCovariance: C } = joint;
  const inner = (t: number): ReferenceBridge => reference.bridge(0, t, horizon, dimension);
  const withEnd = (t: number): Matrix => {
    const { fromStart, fromEnd } = inner(t);
    return fromStart.mmul(C).add(fromEnd.mmul(B));
  };
  const covariance = (t: number): Matrix => {
    const { fromStart, fromEnd, covariance: noise } = inner(t);
    const mixed = fromStart.mmul(C).mmul(fromEnd.transpose());
    return symmetrise(
      fromStart
        .mmul(A)
        .mmul(fromStart.transpose())
        .add(fromEnd.mmul(B).mmul(fromEnd.transpose()))
        .add(mixed)
        .add(mixed.transpose())
        .add(noise),
    );
  };
  let end: ReturnType<typeof endCondition> | undefined;
  return {
    joint,
    covariance,
    mean(t) {
      const { fromStart, fromEnd, offset } = inner(t);
      return combine([1, multiplyVector(fromStart, a)], [1, multiplyVector(fromEnd, b)], [1, offset]);
    },
    crossCovariance(s, t) {
      const { fromStart, fromEnd } = reference.bridge(s, t, horizon, dimension);
      return covariance(s).mmul(fromStart.transpose()).add(withEnd(s).mmul(fromEnd.transpose()));
    },
    drift(t) {
      end ??= endCondition(joint, reference.transition(0, horizon, dimension));
      const rest = reference.transition(t, horizon, dimension);
      const own = reference.driftCoefficients(t, dimension);
      const damped = inverse(Matrix.eye(dimension).add(end.m.mmul(rest.covariance)));
      const pull = reference.diffusionCovariance(t, dimension).mmul(rest.matrix.transpose()).mmul(damped);
      return {
        matrix: Matrix.sub(own.matrix, pull.mmul(end.m).mmul(rest.matrix)),
        offset: combine([1, own.offset], [1, multiplyVector(pull, combine([1, end.n], [-1, multiplyVector(end.m, rest.offset)]))]),
      };
    },
  };
}

/** The score of the process at time t, x ↦ −S⁻¹(x − m). @throws NotPositiveDefiniteError that starts with `path` when S is singular */
export function processScore(path: string, process: GaussianProcess, t: number): Affine {
  const precision = inverseSpd(process.covariance(t), `${path}: covariance at time ${t}`);
  return { matrix: precision.clone().mul(-1), offset: multiplyVector(precision, process.mean(t)) };
}

/** The drift of the time-reversed process at forward time t, −f + ggᵀ∇log p_t. */
export function reversedDrift(path: string, reference: Reference, process: GaussianProcess, t: number): Affine {
  const noise = reference.diffusionCovariance(t, process.joint.sourceMean.length);
  const forward = process.drift(t);
  const score = processScore(path, process, t);
  return {
    matrix: noise.mmul(score.matrix).sub(forward.matrix),
    offset: combine([1, multiplyVector(noise, score.offset)], [-1, forward.offset]),
  };
}
