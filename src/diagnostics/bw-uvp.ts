import { bwUvpOfMoments } from '../closed-forms/bures-wasserstein.ts';
import { ShapeError } from '../errors.ts';
import type { Marginal } from '../marginals/marginal.ts';
import type { Moments } from '../numerics/moments.ts';

/**
 * Computes BW²-UVP, the variance that the first two moments leave unexplained, in percent: 100·BW²/(½ tr Cov truth) with
 * BW² = ½|m₁ − m₂|² + ½tr S₁ + ½tr S₂ − tr(S₁^{1/2}S₂S₁^{1/2})^{1/2}. 0 is perfect; a point at the true mean has 100.
 *
 * Both sides are measures, or their `{ mean, covariance }`
 * @throws ShapeError when dimensions differ
 * @example
 * ```ts
 * import { bwUvp, gaussianMarginal } from 'viaduct';
 * const truth = gaussianMarginal({ mean: [0], covariance: 1 });
 * console.log(bwUvp(gaussianMarginal({ mean: [0.1], covariance: 1 }), truth).toFixed(6)); // → 1.000000
 * ```
 * @see [gushchin2023]
 */
export function bwUvp(estimate: Marginal | Moments, truth: Marginal | Moments): number {
  const [a, b] = [momentsFrom(estimate), momentsFrom(truth)];
  if (a.mean.length !== b.mean.length) {
    throw new ShapeError(`bwUvp: estimate has dimension ${a.mean.length}, truth ${b.mean.length}; make them equal`);
  }
  return bwUvpOfMoments(a, b);
}

function momentsFrom(measure: Marginal | Moments): Moments {
  return 'kind' in measure ? { mean: measure.mean(), covariance: measure.covariance() } : measure;
}
