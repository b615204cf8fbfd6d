import { Matrix } from 'ml-matrix';
import type { Moments } from '../numerics/moments.ts';
import { pseudoInverse, symmetrise } from '../numerics/spd.ts';
import { combine, multiplyVector } from '../numerics/vectors.ts';
import type { GaussianJoint } from './gaussian-joint.ts';
import { reverseJoint } from './gaussian-joint.ts';

/**
 * One half-step of iterative proportional fitting on a Gaussian joint: the target becomes N(b, B), x given y stays.
 * With G = H₀₁H₁₁⁻¹ and S = H₀₀ − GH₁₀: mean₀ + G(b − mean₁), S + GBGᵀ, GB.
 */
export function fitTarget(joint: GaussianJoint, target: Moments): GaussianJoint {
  const gain = joint.crossCovariance.mmul(pseudoInverse(joint.targetCovariance));
  const rest = Matrix.sub(joint.sourceCovariance, gain.mmul(joint.crossCovariance.transpose()));
  const carried = gain.mmul(target.covariance);
  return {
    sourceMean: combine([1, joint.sourceMean], [1, multiplyVector(gain, combine([1, target.mean], [-1, joint.targetMean]))]),
    sourceCovariance: symmetrise(carried.mmul(gain.transpose()).add(rest)),
    targetMean: target.mean,
    targetCovariance: target.covariance,
    crossCovariance: carried,
  };
}

/** The same with source and target exchanged; y given x stays, so its covariance is kept. */
export function fitSource(joint: GaussianJoint, source: Moments): GaussianJoint {
  return reverseJoint(fitTarget(reverseJoint(joint), source));
}

/** ρ², the sharp rate at which IPF contracts means in one full iteration, from the canonical correlations (descending). */
export function ipfRate(correlations: Float64Array): number {
  const rho = correlations[0] ?? 0;
  return rho * rho;
}
