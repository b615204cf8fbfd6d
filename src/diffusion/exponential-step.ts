import { inverse, Matrix } from 'ml-matrix';
import { applyAffine, flatten, type GaussianKernel } from '../numerics/affine.ts';
import { addGaussian } from '../numerics/gaussian-draws.ts';
import { allocatePoints, type Points } from '../numerics/points.ts';
import type { RandomSource } from '../numerics/random.ts';
import { squareRoot } from '../numerics/spd.ts';
import { multiplyVector } from '../numerics/vectors.ts';
import type { Reference } from '../references/reference.ts';
import type { Chain } from './chain.ts';

/**
 * A step of the exponential integrator from time s to time t, on either side of s: the linear part of the reference is followed exactly, only
 * what the drift adds to it, u = f − f_ref forward and b + f_ref backward, is held over the step:
 *
 * X_t = Φx + m + (∫Φ)·u(x) + noise, X_t | X_s = x ~ N(Φx + m, K) under the reference; backward Φ⁻¹(x − m) + (∫Φ⁻¹)·u(x) with covariance
 * Φ⁻¹KΦ⁻ᵀ. The integral over the step is taken by Simpson's rule. Over Brownian motion it is Euler's step.
 */
export function exponentialStep(
  reference: Reference,
  chain: Chain,
  k: number,
  x: Points,
  { from: s, to: t, noise }: { readonly from: number; readonly to: number; readonly noise: RandomSource | undefined },
): Points {
  const { dimension } = x;
  const [early, late] = [Math.min(s, t), Math.max(s, t)];
  const forward = t > s;
  const flow = (at: number): GaussianKernel => linearFlow(reference, forward ? at : early, forward ? late : at, forward, dimension);
  const whole = flow(s);
  const spread = Matrix.add(whole.matrix, flow((s + t) / 2).matrix.mul(4))
    .add(Matrix.eye(dimension))
    .mul((late - early) / 6);
  const added = allocatePoints(x.count, dimension);
  chain.drift.evaluate(k, x.data, added.data);
  const own = reference.drift(s, x);
  const sign = forward ? -1 : 1;
  for (let i = 0; i < added.data.length; i++) added.data[i]! += sign * own.data[i]!;
  const next = applyAffine(whole, x);
  const moved = applyAffine({ matrix: spread, offset: new Float64Array(dimension) }, added);
  for (let i = 0; i < next.data.length; i++) next.data[i]! += moved.data[i]!;
  if (noise !== undefined) addGaussian(next, flatten(squareRoot(whole.covariance)), noise);
  return next;
}

/** The linear flow of the reference over [early, late], or of its reversal without a score. */
function linearFlow(reference: Reference, early: number, late: number, forward: boolean, dimension: number): GaussianKernel {
  const kernel = reference.transition(early, late, dimension);
  if (forward) return kernel;
  const back = inverse(kernel.matrix);
  return {
    matrix: back,
    offset: multiplyVector(back, kernel.offset).map((value) => -value),
    covariance: back.mmul(kernel.covariance).mmul(back.transpose()),
  };
}
