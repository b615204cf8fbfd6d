import { DomainError } from '../errors.ts';
import { requireKnownOptions, requirePositive } from '../numerics/vectors.ts';
import type { Reference } from './reference.ts';
import { scalarProcess } from './scalar-process.ts';

/**
 * The variance-exploding process dX = g_t dW on [0, 1] with Var(X_t | X_0) = σ_t² − σ_min², σ_t = σ_min (σ_max/σ_min)^t.
 *
 * @param options `sigmaMin` > 0 and `sigmaMax` > `sigmaMin`
 * @example
 * ```ts
 * import { varianceExploding } from 'viaduct';
 * console.log(varianceExploding({ sigmaMin: 1, sigmaMax: 3 }).effectiveEpsilon!.toFixed(6)); // → 8.000000
 * ```
 * @see [song2021]
 */
export function varianceExploding(options: { readonly sigmaMin: number; readonly sigmaMax: number }): Reference {
  requireKnownOptions('varianceExploding', options, ['sigmaMin', 'sigmaMax']);
  const low = requirePositive('varianceExploding: sigmaMin', options.sigmaMin);
  const high = requirePositive('varianceExploding: sigmaMax', options.sigmaMax);
  if (!(high > low)) throw new DomainError(`varianceExploding: sigmaMax ${high} must be > sigmaMin ${low}; exchange them`);
  const growth = Math.log(high / low);
  const sigma = (t: number): number => low * Math.exp(growth * t);
  return scalarProcess({
    kind: 'variance-exploding',
    path: 'varianceExploding',
    horizon: 1,
    rate: () => 0,
    diffusion: (t) => sigma(t) * Math.sqrt(2 * growth),
    contraction: () => 1,
    variance: (s, t) => sigma(s) * sigma(s) * Math.expm1(2 * growth * (t - s)),
  });
}
