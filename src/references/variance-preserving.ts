import { DomainError } from '../errors.ts';
import { requireKnownOptions, requirePositive } from '../numerics/vectors.ts';
import type { Reference } from './reference.ts';
import { scalarProcess } from './scalar-process.ts';

/** β_t = betaMin + t (betaMax − betaMin) on [0, 1]. */
export interface BetaRange {
  readonly betaMin: number;
  readonly betaMax: number;
}

/**
 * The variance-preserving process dX = −½β_t X dt + √β_t dW on [0, 1]; N(0, I) is stationary.
 *
 * @param options `betaMin` > 0, `betaMax` ≥ `betaMin`, per unit time
 * @example
 * ```ts
 * import { variancePreserving } from 'viaduct';
 * const { covariance } = variancePreserving({ betaMin: 0.1, betaMax: 8 }).transition(0, 1);
 * console.log(covariance.get(0, 0).toFixed(4)); // → 0.9826
 * ```
 * @see [song2021]
 */
export function variancePreserving(options: BetaRange): Reference {
  const { beta, area } = betaSchedule('variancePreserving', options);
  return scalarProcess({
    kind: 'variance-preserving',
    path: 'variancePreserving',
    horizon: 1,
    rate: (t) => -beta(t) / 2,
    diffusion: (t) => Math.sqrt(beta(t)),
    contraction: (s, t) => Math.exp(-area(s, t) / 2),
    variance: (s, t) => -Math.expm1(-area(s, t)),
  });
}

/**
 * The sub-VP process dX = −½β_t X dt + g_t dW, g_t² = β_t (1 − e^{−2∫_0^t β}), on [0, 1]: Var(X_t | X_0) = (1 − e^{−∫_0^t β})².
 *
 * @param options `betaMin` > 0, `betaMax` ≥ `betaMin`, per unit time
 * @example
 * ```ts
 * import { subVariancePreserving } from 'viaduct';
 * const { covariance } = subVariancePreserving({ betaMin: 0.1, betaMax: 8 }).transition(0, 1);
 * console.log(covariance.get(0, 0).toFixed(4)); // → 0.9655
 * ```
 * @see [song2021]
 */
export function subVariancePreserving(options: BetaRange): Reference {
  const { beta, area } = betaSchedule('subVariancePreserving', options);
  return scalarProcess({
    kind: 'sub-variance-preserving',
    path: 'subVariancePreserving',
    horizon: 1,
    rate: (t) => -beta(t) / 2,
    diffusion: (t) => Math.sqrt(beta(t) * -Math.expm1(-2 * area(0, t))),
    contraction: (s, t) => Math.exp(-area(s, t) / 2),
    variance(s, t) {
      // κ_t − r²κ_s with κ = p², factored so that nothing cancels when s is close to t.
      const r = Math.exp(-area(s, t) / 2);
      const p = -Math.expm1(-area(0, s));
      return -Math.expm1(-area(s, t) / 2) * (1 + r - r * p) * (-Math.expm1(-area(0, t)) + r * p);
    },
  });
}

function betaSchedule(path: string, options: BetaRange): { beta: (t: number) => number; area: (s: number, t: number) => number } {
  requireKnownOptions(path, options, ['betaMin', 'betaMax']);
  const low = requirePositive(`${path}: betaMin`, options.betaMin);
  const high = requirePositive(`${path}: betaMax`, options.betaMax);
  if (high < low) throw new DomainError(`${path}: betaMax ${high} is below betaMin ${low}; exchange them`);
  return { beta: (t) => low + t * (high - low), area: (s, t) => (t - s) * (low + ((t + s) / 2) * (high - low)) };
}
