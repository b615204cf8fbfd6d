import type { Matrix } from 'ml-matrix';
import type { GaussianKernel } from '../numerics/affine.ts';
import { jointFromKernel } from './gaussian-joint.ts';

/** The Gaussian law of a chain at every node, and of its two ends together. */
export interface ChainLaw {
  /** N + 1 means. */
  readonly means: readonly Float64Array[];
  readonly covariances: readonly Matrix[];
  /** Cov(X_start, X_end), rows = start. */
  readonly crossCovariance: Matrix;
}

/** Carries N(mean, covariance) through the kernels, in the order given. */
export function propagateChain(kernels: readonly GaussianKernel[], mean: Float64Array, covariance: Matrix): ChainLaw {
  const means = [mean];
  const covariances = [covariance];
  let cross = covariance;
  for (const kernel of kernels) {
    const { targetMean, targetCovariance } = jointFromKernel(means.at(-1)!, covariances.at(-1)!, kernel);
    means.push(targetMean);
    covariances.push(targetCovariance);
    cross = cross.mmul(kernel.matrix.transpose());
  }
  return { means, covariances, crossCovariance: cross };
}

/** The same for a chain that runs from the last node to the first: kernels and results are indexed in FORWARD order, cross = Cov(X_0, X_N). */
export function propagateBackward(kernels: readonly GaussianKernel[], mean: Float64Array, covariance: Matrix): ChainLaw {
  const law = propagateChain([...kernels].reverse(), mean, covariance);
  return {
    means: [...law.means].reverse(),
    covariances: [...law.covariances].reverse(),
    crossCovariance: law.crossCovariance.transpose(),
  };
}
