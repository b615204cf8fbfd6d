import { Matrix } from 'ml-matrix';
import type { GaussianKernel } from '../numerics/affine.ts';
import { pseudoInverse, squareRoot, symmetrise } from '../numerics/spd.ts';
import { combine, multiplyVector } from '../numerics/vectors.ts';

/** N((sourceMean, targetMean), [[sourceCovariance, cross], [crossᵀ, targetCovariance]]) on ℝᵈ × ℝᵈ. */
export interface GaussianJoint {
  readonly sourceMean: Float64Array;
  readonly sourceCovariance: Matrix;
  readonly targetMean: Float64Array;
  readonly targetCovariance: Matrix;
  /** Cov(x, y), rows = source. */
  readonly crossCovariance: Matrix;
  /** Cov(y | x) where a form free of cancellation is known; otherwise it is computed from the blocks. */
  readonly targetGivenSource?: Matrix;
}

/** The law of x1 given x2 when (x1, x2) is jointly Gaussian; a singular S22 is inverted on its range. */
export function conditionalGaussian(mean1: Float64Array, mean2: Float64Array, s11: Matrix, s12: Matrix, s22: Matrix): GaussianKernel {
  const matrix = s12.mmul(pseudoInverse(s22));
  return {
    matrix,
    offset: combine([1, mean1], [-1, multiplyVector(matrix, mean2)]),
    covariance: symmetrise(Matrix.sub(s11, matrix.mmul(s12.transpose()))),
  };
}

/** y given x. */
export function targetGivenSource(joint: GaussianJoint): GaussianKernel {
  const { sourceMean, targetMean, sourceCovariance, targetCovariance, crossCovariance } = joint;
  const kernel = conditionalGaussian(targetMean, sourceMean, targetCovariance, crossCovariance.transpose(), sourceCovariance);
  return joint.targetGivenSource === undefined ? kernel : { ...kernel, covariance: joint.targetGivenSource };
}

/** The joint law of (y, x). */
export function reverseJoint(joint: GaussianJoint): GaussianJoint {
  return {
    sourceMean: joint.targetMean,
    sourceCovariance: joint.targetCovariance,
    targetMean: joint.sourceMean,
    targetCovariance: joint.sourceCovariance,
    crossCovariance: joint.crossCovariance.transpose(),
  };
}

/** x from N(mean, covariance), y from the kernel: their joint law. */
export function jointFromKernel(mean: Float64Array, covariance: Matrix, kernel: GaussianKernel): GaussianJoint {
  const carried = kernel.matrix.mmul(covariance);
  return {
    sourceMean: mean,
    sourceCovariance: covariance,
    targetMean: combine([1, multiplyVector(kernel.matrix, mean)], [1, kernel.offset]),
    targetCovariance: symmetrise(carried.mmul(kernel.matrix.transpose()).add(kernel.covariance)),
    crossCovariance: carried.transpose(),
    targetGivenSource: kernel.covariance,
  };
}

/** A square root of the joint covariance that draws x first, then y given x: [[A^{1/2}, 0], [CᵀA⁻A^{1/2}, V^{1/2}]]. */
export function jointRoot(joint: GaussianJoint): { readonly source: Matrix; readonly kernel: GaussianKernel; readonly noise: Matrix } {
  const kernel = targetGivenSource(joint);
  return { source: squareRoot(joint.sourceCovariance), kernel, noise: squareRoot(kernel.covariance) };
}
