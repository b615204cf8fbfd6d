import { inverse, Matrix } from 'ml-matrix';
import type { GaussianKernel } from '../numerics/affine.ts';
import { symmetrise } from '../numerics/spd.ts';
import { combine, multiplyVector } from '../numerics/vectors.ts';
import type { ReferenceChain } from '../references/reference.ts';
import { endCondition } from './end-condition.ts';
import type { GaussianJoint } from './gaussian-joint.ts';

/**
 * The transition kernels of the exact bridge of a discretised reference: with kernel k of the chain N(L x + o, V) and the factor
 * exp(−½xᵀMx + nᵀx) carried backward, the bridge steps with N((I + VM)⁻¹(Lx + o + Vn), V'), V' = (I + VM)⁻¹V. V' ≠ V is where the bias
 * of DSB's fixed variance comes from.
 */
export function chainBridgeKernels(chain: ReferenceChain, joint: GaussianJoint): GaussianKernel[] {
  const dimension = joint.sourceMean.length;
  const steps = chain.grid.steps;
  let { m, n } = endCondition(joint, chain.transition(0, steps, dimension));
  const kernels: GaussianKernel[] = [];
  for (let k = steps - 1; k >= 0; k--) {
    const { matrix, offset, covariance } = chain.kernel(k, dimension);
    // (V⁻¹ + M)⁻¹ = (I + VM)⁻¹V needs no inverse of V: a step of the reference may be without noise.
    const damped = inverse(Matrix.eye(dimension).add(covariance.mmul(m)));
    kernels.unshift({
      matrix: damped.mmul(matrix),
      offset: multiplyVector(damped, combine([1, offset], [1, multiplyVector(covariance, n)])),
      covariance: symmetrise(damped.mmul(covariance)),
    });
    const back = damped.mmul(matrix).transpose();
    n = multiplyVector(back, combine([1, n], [-1, multiplyVector(m, offset)]));
    m = symmetrise(back.mmul(m).mmul(matrix));
  }
  return kernels;
}
