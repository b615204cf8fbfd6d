import { Matrix } from 'ml-matrix';
import { applyAffine } from './affine.ts';
import { crossMoment, type Moments, weightedMean, weightedMoments } from './moments.ts';
import { allocatePoints, type Points } from './points.ts';
import type { RandomSource } from './random.ts';
import { eigenSymmetric, fromEigen, pseudoInverse, squareRoot } from './spd.ts';
import { combine, multiplyVector } from './vectors.ts';

/** Draws a dimension that matching needs: with fewer, what it removes would be a good part of the randomness. */
const DRAWS_PER_DIMENSION = 20;

/**
 * Moves draws affinely so that their sample mean and covariance are those of the law they come from:
 * x ↦ m + S^{1/2} Ŝ^{-1/2}(x − x̄). Changes every draw by O(n^{-1/2}) and biases nonlinear statistics by O(1/n). Draws too few, or
 * without spread in some direction, stay as they are.
 */
export function matchMoments(x: Points, { mean, covariance }: Moments): Points {
  if (x.count < DRAWS_PER_DIMENSION * x.dimension) return x;
  const actual = weightedMoments(x);
  const whitener = inverseRoot(actual.covariance);
  if (whitener === undefined) return x;
  const map = squareRoot(covariance).mmul(whitener);
  return applyAffine({ matrix: map, offset: combine([1, mean], [-1, multiplyVector(map, actual.mean)]) }, x);
}

/**
 * Standard normal draws, one row a row of x, with sample mean 0, sample covariance I and no sample correlation with x: what an affine step
 * then does to sample moments is exactly what it does to the moments of the law.
 */
export function matchedNormals(x: Points, random: RandomSource, dimension: number = x.dimension): Points {
  const z = allocatePoints(x.count, dimension);
  random.fillNormal(z.data);
  if (x.count < DRAWS_PER_DIMENSION * (x.dimension + dimension)) return z;
  const meanX = weightedMean(x);
  const { mean, covariance } = weightedMoments(z);
  const cross = crossMoment(z, mean, x, meanX);
  const gain = cross.mmul(pseudoInverse(crossMoment(x, meanX, x, meanX)));
  const whitener = inverseRoot(Matrix.sub(covariance, gain.mmul(cross.transpose())));
  if (whitener === undefined) return z;
  const pull = whitener.mmul(gain).mul(-1);
  const offset = combine([-1, multiplyVector(whitener, mean)], [-1, multiplyVector(pull, meanX)]);
  const out = applyAffine({ matrix: whitener, offset }, z);
  const correction = applyAffine({ matrix: pull, offset: new Float64Array(dimension) }, x);
  for (let i = 0; i < out.data.length; i++) out.data[i]! += correction.data[i]!;
  return out;
}

/** S^{-1/2}, undefined when S is singular to working precision. */
function inverseRoot(s: Matrix): Matrix | undefined {
  const eigen = eigenSymmetric(s);
  const largest = Math.max(...eigen.values, 0);
  return Math.min(...eigen.values) > 1e-10 * largest ? fromEigen(eigen, (v) => 1 / Math.sqrt(v)) : undefined;
}
