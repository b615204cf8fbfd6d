import { Matrix } from 'ml-matrix';
import type { GaussianKernel } from '../numerics/affine.ts';
import type { Moments } from '../numerics/moments.ts';
import { inverseSpd, symmetrise } from '../numerics/spd.ts';
import { combine, multiplyVector } from '../numerics/vectors.ts';

/** What a DSB network regresses; see `diffusion/`. */
export type RegressionTarget = 'mean' | 'drift' | 'simple' | 'moment' | 'endpoint';

/**
 * The kernel that perfect regression learns for the reversal of one transition. X ~ N(before), X' | X ~ kernel = N(LX + o, V),
 * X' ~ N(after); G = S Lᵀ S'⁻¹ is the gain of X given X'.
 *
 * - `mean`, `drift`: E[X' + F(X) − F(X') | X'] with F(x) = Lx + o, covariance V: matrix I + LG − L, offset L(m − Gm')
 * - `simple`: E[X | X'], covariance V
 * - `moment`: E[X | X'] and Cov(X | X') = S − GS'Gᵀ, the exact reversal
 *
 * @see [debortoli2021] Proposition 3
 */
export function reverseKernel(
  kernel: GaussianKernel,
  before: Moments,
  after: Moments,
  target: Exclude<RegressionTarget, 'endpoint'>,
): GaussianKernel {
  const { matrix: forward, covariance } = kernel;
  const gain = before.covariance.mmul(forward.transpose()).mmul(inverseSpd(after.covariance, 'populationDsb: covariance of a node'));
  const rest = combine([1, before.mean], [-1, multiplyVector(gain, after.mean)]);
  if (target === 'mean' || target === 'drift') {
    const identity = Matrix.eye(gain.rows);
    return { matrix: identity.add(forward.mmul(gain)).sub(forward), offset: multiplyVector(forward, rest), covariance };
  }
  if (target === 'simple') return { matrix: gain, offset: rest, covariance };
  const spread = Matrix.sub(before.covariance, gain.mmul(after.covariance).mmul(gain.transpose()));
  return { matrix: gain, offset: rest, covariance: symmetrise(spread) };
}
