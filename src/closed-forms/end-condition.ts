import { Matrix } from 'ml-matrix';
import type { GaussianKernel } from '../numerics/affine.ts';
import { inverseSpd } from '../numerics/spd.ts';
import { combine, multiplyVector } from '../numerics/vectors.ts';
import { type GaussianJoint, targetGivenSource } from './gaussian-joint.ts';

/** The terminal factor exp(−½xᵀMx + nᵀx) of an h-transform. */
export interface QuadraticPotential {
  readonly m: Matrix;
  readonly n: Float64Array;
}

/**
 * The factor by which a joint law in the class of the reference differs from it at the end: with Q = Cov(X_T | X_0)⁻¹,
 * M = Q − K⁻¹ and n = Qb − K⁻¹(Φa + m). Valid for every joint whose precision has off-diagonal block −ΦᵀK⁻¹: the bridge and every IPF
 * iterate.
 *
 * @throws NotPositiveDefiniteError when X_T is determined by X_0 (a singular target)
 */
export function endCondition(joint: GaussianJoint, reference: GaussianKernel): QuadraticPotential {
  const precision = inverseSpd(targetGivenSource(joint).covariance, 'gaussianBridge: covariance of the target given the source');
  const noise = inverseSpd(reference.covariance, 'gaussianBridge: noise of the reference');
  const carried = combine([1, multiplyVector(reference.matrix, joint.sourceMean)], [1, reference.offset]);
  return {
    m: Matrix.sub(precision, noise),
    n: combine([1, multiplyVector(precision, joint.targetMean)], [-1, multiplyVector(noise, carried)]),
  };
}
