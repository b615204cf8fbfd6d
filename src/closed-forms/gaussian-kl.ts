import { Matrix } from 'ml-matrix';
import type { GaussianKernel } from '../numerics/affine.ts';
import type { Moments } from '../numerics/moments.ts';
import { inverseSpd, logDeterminant, trace } from '../numerics/spd.ts';
import { combine, dot, multiplyVector } from '../numerics/vectors.ts';

/** KL(N(first) | N(second)) in nats. @throws NotPositiveDefiniteError when a covariance is singular */
export function gaussianKl(first: Moments, second: Moments): number {
  const precision = inverseSpd(second.covariance, 'gaussianKl: second covariance');
  const shift = combine([1, second.mean], [-1, first.mean]);
  return (
    0.5 *
    (trace(precision.mmul(first.covariance)) -
      shift.length +
      dot(shift, multiplyVector(precision, shift)) +
      logDeterminant(second.covariance, 'gaussianKl: second covariance') -
      logDeterminant(first.covariance, 'gaussianKl: first covariance'))
  );
}

/** E KL(first(x) | second(x)) of two kernels over x ~ N(start). */
export function expectedKernelKl(start: Moments, first: GaussianKernel, second: GaussianKernel): number {
  const matrix = Matrix.sub(first.matrix, second.matrix);
  const meanShift = combine([1, multiplyVector(matrix, start.mean)], [1, first.offset], [-1, second.offset]);
  const precision = inverseSpd(second.covariance, 'pathKl: noise of the reference');
  const spread = trace(precision.mmul(matrix).mmul(start.covariance).mmul(matrix.transpose()));
  const atMean = gaussianKl(
    { mean: meanShift, covariance: first.covariance },
    { mean: meanShift.map(() => 0), covariance: second.covariance },
  );
  return atMean + 0.5 * spread;
}
