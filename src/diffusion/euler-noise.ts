import type { Matrix } from 'ml-matrix';
import { DomainError } from '../errors.ts';
import type { Reference } from '../references/reference.ts';
import type { TimeGrid } from '../references/time-grid.ts';

/** V_k = γ_{k+1} g(t_k)g(t_k)ᵀ: the noise of the discretised reference. @throws DomainError when grid and reference end at different times */
export function eulerNoise(reference: Reference, grid: TimeGrid, dimension: number): Matrix[] {
  const each = (make: (k: number) => Matrix): Matrix[] => Array.from({ length: grid.steps }, (_, k) => make(k));
  if (reference.kind === 'simulated') {
    if (Math.abs(grid.horizon - reference.horizon) > 1e-9 * reference.horizon) {
      throw new DomainError(
        `simulatedReference: the grid ends at ${grid.horizon}, the reference at ${reference.horizon}; make the horizons equal`,
      );
    }
    return each((k) => reference.diffusionCovariance(grid.times[k]!, dimension).mul(grid.durations[k]!));
  }
  const chain = reference.discretise(grid);
  return each((k) => chain.kernel(k, dimension).covariance);
}

/** The variance a unit of time that a reference adds, to scale networks by. */
export function noiseRate(reference: Reference, grid: TimeGrid, dimension: number): Matrix {
  if (reference.kind !== 'simulated') return reference.transition(0, reference.horizon, dimension).covariance.mul(1 / reference.horizon);
  const [first, ...rest] = eulerNoise(reference, grid, dimension);
  return rest.reduce((sum, v) => sum.add(v), first!.clone()).mul(1 / reference.horizon);
}
