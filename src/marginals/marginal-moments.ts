import type { Moments } from '../numerics/moments.ts';
import type { Marginal } from './marginal.ts';

/** Mean and covariance of a marginal, each computed once. */
export function momentsOf(marginal: Marginal): Moments {
  return { mean: marginal.mean(), covariance: marginal.covariance() };
}
