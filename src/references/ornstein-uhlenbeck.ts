import type { VectorLike } from '../numerics/points.ts';
import { requireKnownOptions, requirePositive, toVector } from '../numerics/vectors.ts';
import type { Reference } from './reference.ts';
import { scalarProcess } from './scalar-process.ts';

/**
 * The Ornstein–Uhlenbeck process dX = −rate·(X − mean) dt + σ dW on [0, T], stationary law N(mean, σ²/(2 rate)).
 *
 * @param options `rate` > 0 per unit time; `sigma` > 0; `mean`: a number for every coordinate (default 0) or d numbers, which fix the
 *   dimension; `horizon` T > 0, default 1
 * @example
 * ```ts
 * import { ornsteinUhlenbeck } from 'viaduct';
 * const process = ornsteinUhlenbeck({ rate: 1, sigma: Math.SQRT2, horizon: 1.5 });
 * console.log(process.effectiveEpsilon!.toFixed(2)); // → 4.26
 * ```
 */
export function ornsteinUhlenbeck(options: {
  readonly rate: number;
  readonly sigma: number;
  readonly mean?: number | VectorLike;
  readonly horizon?: number;
}): Reference {
  requireKnownOptions('ornsteinUhlenbeck', options, ['rate', 'sigma', 'mean', 'horizon']);
  const rate = requirePositive('ornsteinUhlenbeck: rate', options.rate, 'for 0 use brownian');
  const sigma = requirePositive('ornsteinUhlenbeck: sigma', options.sigma);
  const { mean = 0 } = options;
  return scalarProcess({
    kind: 'ornstein-uhlenbeck',
    path: 'ornsteinUhlenbeck',
    horizon: requirePositive('ornsteinUhlenbeck: horizon', options.horizon ?? 1),
    mean: typeof mean === 'number' ? toVector('ornsteinUhlenbeck: mean', [mean])[0]! : toVector('ornsteinUhlenbeck: mean', mean),
    rate: () => -rate,
    diffusion: () => sigma,
    contraction: (s, t) => Math.exp(-rate * (t - s)),
    variance: (s, t) => (sigma * sigma * -Math.expm1(-2 * rate * (t - s))) / (2 * rate),
  });
}
