import { inverse, Matrix } from 'ml-matrix';
import type { GaussianKernel } from '../numerics/affine.ts';
import { inverseSpd, symmetrise } from '../numerics/spd.ts';
import { combine, multiplyVector } from '../numerics/vectors.ts';
import type { ReferenceChain } from '../references/reference.ts';
import { endCondition } from './end-condition.ts';
import type { GaussianJoint } from './gaussian-joint.ts';

/**
 * The transition kernels of the exact bridge of a discretised reference: with kernel k of the chain N(L x + o, V) and the factor
 * exp(−½xᵀMx + nᵀx) carried backward, the bridge steps with N(V'(V⁻¹(Lx + o) + n), V'), V' = (V⁻¹ + M)⁻¹. V' ≠ V is where the bias of
 * DSB's fixed variance comes from.
 */
export function chainBridgeKernels(chain: ReferenceChain, joint: GaussianJoint): GaussianKernel[] {
  const dimension = joint.sourceMean.length;
  const steps = chain.grid.steps;
  let { m, n } = endCondition(joint, chain.transition(0, steps, dimension));
  const kernels: GaussianKernel[] = [];
  for (let k = steps - 1; k >= 0; k--) {
    const { matrix, offset, covariance } = chain.kernel(k, dimension);
    const precision = inverseSpd(covariance, 'gaussianChain: noise of the reference');
    // (V⁻¹ + M)⁻¹ is positive definite although M alone may not be.
    const noise = inverseSpd(Matrix.add(precision, m), 'gaussianChain: noise of the bridge');
    kernels.unshift({
      matrix: noise.mmul(precision).mmul(matrix),
      offset: multiplyVector(noise, combine([1, multiplyVector(precision, offset)], [1, n])),
      covariance: noise,
    });
    const damped = inverse(Matrix.eye(dimension).add(m.mmul(covariance)));
    const back = matrix.transpose().mmul(damped);
    n = multiplyVector(back, combine([1, n], [-1, multiplyVector(m, offset)]));
    m = symmetrise(back.mmul(m).mmul(matrix));
  }
  return kernels;
}
