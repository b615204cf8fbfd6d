import type { Matrix } from 'ml-matrix';
import type { ChainDrift } from '../drifts/drift-model.ts';
import { weightedMoments } from '../numerics/moments.ts';
import { allocatePoints, type Points } from '../numerics/points.ts';
import { eigenSymmetric, fromEigen } from '../numerics/spd.ts';
import { multiplyVector } from '../numerics/vectors.ts';
import { meanMatching } from './mean-matching.ts';
import { COPIES, type RegressionRows, type RegressionScheme, type SchemeContext } from './regression-target.ts';

/** Up to this dimension the conditional covariance is learned in full. */
const FULL_DIMENSION = 8;

/**
 * Moment matching: E[X | X'] is learned as by `simple`, and then its covariance E Cov(X | X') from the residuals of fresh paths, one matrix
 * for each transition. Up to dimension 8 it is full, above that diagonal in the eigenbasis of the marginal of X. Between Gaussians it is the
 * exact reversal; elsewhere a conditional covariance that depends on the point is replaced by its mean.
 *
 * @see [debortoli2021]
 */
export function momentMatching(context: SchemeContext): RegressionScheme {
  const { durations } = context.grid;
  return {
    ...meanMatching(context, 'simple'),
    learnNoise: (rows, drift) => Array.from(durations, (gamma, k) => residualCovariance(rows, drift, k, gamma)),
  };
}

/** Bytes of what {@link momentMatching} holds beside a cache: the covariances of so many half-steps, and the residuals of one transition. */
export function covarianceBytes(
  dimension: number,
  { steps, paths, halfSteps }: { steps: number; paths: number; halfSteps: number },
): number {
  const arrays = dimension <= FULL_DIMENSION ? 2 : 3;
  return 8 * (halfSteps * steps * dimension ** 2 + arrays * COPIES * paths * dimension);
}

/** The covariance of X − X' − γf(X') over the rows of transition k. */
function residualCovariance(rows: RegressionRows, drift: ChainDrift, k: number, gamma: number): Matrix {
  const { paths, dimension } = rows;
  const from = COPIES * k * paths * dimension;
  const size = COPIES * paths * dimension;
  const late = Float64Array.from(rows.inputs.subarray(from, from + size));
  const residuals = allocatePoints(COPIES * paths, dimension);
  drift.evaluate(k, late, residuals.data);
  for (let i = 0; i < size; i++) residuals.data[i] = gamma * (rows.targets[from + i]! - residuals.data[i]!);
  const full = weightedMoments(residuals).covariance;
  if (dimension <= FULL_DIMENSION) return full;
  const early: Points = allocatePoints(COPIES * paths, dimension);
  for (let i = 0; i < size; i++) early.data[i] = late[i]! + gamma * rows.targets[from + i]!;
  const basis = eigenSymmetric(weightedMoments(early).covariance);
  const along = basis.values.map((_, c) => {
    const v = Float64Array.from(basis.vectors.getColumn(c));
    return Math.max(
      0,
      multiplyVector(full, v).reduce((sum, x, i) => sum + x * v[i]!, 0),
    );
  });
  return fromEigen({ values: along, vectors: basis.vectors }, (x) => x);
}
