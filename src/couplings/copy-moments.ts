import type { CouplingMoments } from './coupling.ts';

/** Moments that the caller may change without changing the coupling. */
export function copyMoments(moments: CouplingMoments): CouplingMoments {
  return Object.freeze({
    sourceMean: Float64Array.from(moments.sourceMean),
    targetMean: Float64Array.from(moments.targetMean),
    sourceCovariance: moments.sourceCovariance.clone(),
    targetCovariance: moments.targetCovariance.clone(),
    crossCovariance: moments.crossCovariance.clone(),
  });
}
