import type { Moments } from '../numerics/moments.ts';
import { eigenSymmetric, squareRoot, trace } from '../numerics/spd.ts';

/**
 * Half the squared Bures–Wasserstein distance, BW² = ½|m₁ − m₂|² + ½tr S₁ + ½tr S₂ − tr (S₁^{1/2} S₂ S₁^{1/2})^{1/2}: the optimal
 * transport cost between Gaussians under ½|x − y|².
 */
export function buresWasserstein(first: Moments, second: Moments): number {
  const root = squareRoot(first.covariance);
  const overlap = eigenSymmetric(root.mmul(second.covariance).mmul(root)).values.reduce((sum, x) => sum + Math.sqrt(Math.max(x, 0)), 0);
  let squares = trace(first.covariance) + trace(second.covariance);
  first.mean.forEach((m, i) => {
    squares += (m - second.mean[i]!) * (m - second.mean[i]!);
  });
  return Math.max(0, 0.5 * squares - overlap);
}

/** BW²-UVP in percent, 100·BW²/(½ tr Cov of the truth): how much of the variance the first two moments leave unexplained. */
export function bwUvpOfMoments(estimate: Moments, truth: Moments): number {
  const scale = 0.5 * trace(truth.covariance);
  const distance = buresWasserstein(estimate, truth);
  return scale > 0 ? (100 * distance) / scale : distance > 0 ? Number.POSITIVE_INFINITY : 0;
}
