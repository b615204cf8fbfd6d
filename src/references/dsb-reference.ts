import { DomainError } from '../errors.ts';
import type { VectorLike } from '../numerics/points.ts';
import { requireKnownOptions } from '../numerics/vectors.ts';
import { brownian } from './brownian.ts';
import { ornsteinUhlenbeck } from './ornstein-uhlenbeck.ts';
import type { Reference } from './reference.ts';
import { type TimeGrid, timeGrid } from './time-grid.ts';

/**
 * The reference chain of the DSB paper, x' = x − rate·γ (x − mean) + √(2γ) z, as a process with σ = √2 and the grid on which its Euler
 * scheme is that chain. T = Σγ.
 *
 * @param options `rate` ≥ 0 (0 is Brownian motion), default 0; `mean`: a number or d numbers, default 0
 * @param gammas N step lengths > 0
 * @example
 * ```ts
 * import { dsbReference } from 'viaduct';
 * const { reference, grid } = dsbReference({ rate: 1 }, new Float64Array(20).fill(0.075));
 * console.log(reference.discretise(grid).effectiveEpsilon!.toFixed(2)); // → 4.72
 * ```
 * @see [debortoli2021]
 */
export function dsbReference(
  options: { readonly rate?: number; readonly mean?: number | VectorLike },
  gammas: VectorLike,
): { readonly reference: Reference; readonly grid: TimeGrid } {
  requireKnownOptions('dsbReference', options, ['rate', 'mean']);
  const { rate = 0, mean = 0 } = options;
  if (!(rate >= 0)) throw new DomainError(`dsbReference: rate must be ≥ 0, got ${rate}; 0 is Brownian motion`);
  if (rate === 0 && options.mean !== undefined) {
    throw new DomainError('dsbReference: mean has no effect with rate 0; give a rate or leave mean out');
  }
  const grid = timeGrid.fromSteps(gammas);
  const { horizon } = grid;
  const reference = rate === 0 ? brownian({ sigma: Math.SQRT2, horizon }) : ornsteinUhlenbeck({ rate, sigma: Math.SQRT2, mean, horizon });
  return Object.freeze({ reference, grid });
}
