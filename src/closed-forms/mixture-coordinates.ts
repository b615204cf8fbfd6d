import { inverse, Matrix } from 'ml-matrix';
import type { Affine, GaussianKernel } from '../numerics/affine.ts';
import { inverseSquareRoot, logDeterminant, symmetrise } from '../numerics/spd.ts';
import { multiplyVector } from '../numerics/vectors.ts';
import type { Reference } from '../references/reference.ts';

/**
 * Coordinates in which a linear reference with X_T | X_0 = x ~ N(Φx + m, K) gives the plan π(y | x) ∝ exp(x'·y') v(y'): the end in units of
 * its noise, y' = K^{-1/2}y, the start carried there, x' = K^{-1/2}(Φx + m). Diagonal stays diagonal for scalar references.
 */
export interface EndCoordinates {
  readonly dimension: number;
  /** y' of y. */
  readonly end: Affine;
  /** y of y'. */
  readonly fromEnd: Matrix;
  /** log |det K^{-1/2}|: the density of y is that of y' times its exponential. */
  readonly logScale: number;
  /** x' of x. */
  readonly start: Affine;
  /** p' = K^{-1/2}E[X_T | X_t = x] as a map of x, the part S of the noise before t (a number for scalar references), and ggᵀΨᵀK^{-1/2}. */
  at(t: number): { readonly carry: Affine; readonly passed: number | Matrix; readonly pull: Matrix };
}

/** The coordinates of a reference in dimension d. */
export function endCoordinates(reference: Reference, dimension: number): EndCoordinates {
  const { horizon } = reference;
  const whole = reference.transition(0, horizon, dimension);
  const scalar = reference.effectiveEpsilon !== undefined;
  const whitener = scalar
    ? Matrix.eye(dimension, dimension, 1 / Math.sqrt(whole.covariance.get(0, 0)))
    : inverseSquareRoot(whole.covariance, 'reference: noise over the horizon');
  const fromEnd = scalar ? Matrix.eye(dimension, dimension, Math.sqrt(whole.covariance.get(0, 0))) : inverse(whitener);
  const carry = ({ matrix, offset }: GaussianKernel): Affine => ({
    matrix: whitener.mmul(matrix),
    offset: multiplyVector(whitener, offset),
  });
  return {
    dimension,
    end: { matrix: whitener, offset: new Float64Array(dimension) },
    fromEnd,
    logScale: logAbsDeterminant(whitener, scalar),
    start: carry(whole),
    at(t) {
      const rest = reference.transition(t, horizon, dimension);
      const past = reference.transition(0, t, dimension);
      // Noise before t as it arrives at the end: Ψ P Ψᵀ, free of the cancellation in K − K_t.
      const arrived = rest.matrix.mmul(past.covariance).mmul(rest.matrix.transpose());
      return {
        carry: carry(rest),
        passed: scalar ? arrived.get(0, 0) / whole.covariance.get(0, 0) : symmetrise(whitener.mmul(arrived).mmul(whitener)),
        pull: reference.diffusionCovariance(t, dimension).mmul(rest.matrix.transpose()).mmul(whitener),
      };
    },
  };
}

function logAbsDeterminant(whitener: Matrix, scalar: boolean): number {
  return scalar ? whitener.rows * Math.log(whitener.get(0, 0)) : logDeterminant(whitener, 'reference: noise over the horizon');
}
