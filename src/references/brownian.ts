import { requireKnownOptions, requirePositive } from '../numerics/vectors.ts';
import type { Reference } from './reference.ts';
import { scalarProcess } from './scalar-process.ts';

/**
 * Brownian motion dX = σ dW on [0, T]. Its static problem has cost ½|x − y|² and regularisation eps* = σ²T.
 *
 * @param options `sigma` > 0; `horizon` T > 0, default 1
 * @example
 * ```ts
 * import { brownian } from 'viaduct';
 * console.log(brownian({ sigma: 2 }).effectiveEpsilon); // → 4
 * ```
 */
export function brownian(options: { readonly sigma: number; readonly horizon?: number }): Reference {
  requireKnownOptions('brownian', options, ['sigma', 'horizon']);
  const sigma = requirePositive('brownian: sigma', options.sigma);
  return scalarProcess({
    kind: 'brownian',
    path: 'brownian',
    horizon: requirePositive('brownian: horizon', options.horizon ?? 1),
    rate: () => 0,
    diffusion: () => sigma,
    contraction: () => 1,
    variance: (s, t) => sigma * sigma * (t - s),
  });
}
