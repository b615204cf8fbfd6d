import { DomainError } from '../errors.ts';
import type { VectorLike } from '../numerics/points.ts';
import { requireInteger, requireKnownOptions, requirePositive, toVector } from '../numerics/vectors.ts';

/** Nodes 0 = t_0 < … < t_N = T and the steps between them. */
export interface TimeGrid {
  /** N + 1 nodes. */
  readonly times: Float64Array;
  /** γ_{k+1} = t_{k+1} − t_k, N of them, all > 0. */
  readonly durations: Float64Array;
  readonly steps: number;
  readonly horizon: number;
  /** The grid read backward: durations in reverse order. */
  reverse(): TimeGrid;
}

/** Makes time grids. */
export const timeGrid: {
  /** N equal steps over [0, horizon]. @defaultValue horizon 1 */
  uniform(options: { readonly steps: number; readonly horizon?: number }): TimeGrid;
  /** The grid with these step lengths. @throws DomainError when one is not > 0 */
  fromSteps(durations: VectorLike): TimeGrid;
} = {
  uniform(options) {
    requireKnownOptions('timeGrid.uniform', options, ['steps', 'horizon']);
    const { steps, horizon = 1 } = options;
    requireInteger('timeGrid.uniform: steps', steps, 1);
    requirePositive('timeGrid.uniform: horizon', horizon);
    return build(new Float64Array(steps).fill(horizon / steps), horizon);
  },
  fromSteps(durations) {
    return build(toVector('timeGrid.fromSteps: durations', durations));
  },
};

/** The grid itself, when it is one and ends where the reference does. @throws DomainError that starts with `path` */
export function requireTimeGrid(path: string, grid: TimeGrid, horizon: number): TimeGrid {
  const { times, durations, steps } = grid ?? {};
  if (!(steps >= 1 && times?.length === steps + 1 && durations?.length === steps)) {
    throw new DomainError(`${path}: grid is no time grid; pass timeGrid.uniform({ steps: 20, horizon: ${horizon} }), say`);
  }
  if (!(Math.abs(grid.horizon - horizon) <= 1e-9 * horizon)) {
    throw new DomainError(`${path}: the grid ends at ${grid.horizon}, the reference at ${horizon}; make the horizons equal`);
  }
  return grid;
}

function build(durations: Float64Array, knownHorizon?: number): TimeGrid {
  const steps = durations.length;
  const times = new Float64Array(steps + 1);
  durations.forEach((gamma, k) => {
    if (!(gamma > 0)) throw new DomainError(`timeGrid.fromSteps: step ${k} is ${gamma}; every step must be > 0`);
    times[k + 1] = knownHorizon === undefined ? times[k]! + gamma : knownHorizon * ((k + 1) / steps);
  });
  const horizon = times[steps]!;
  return Object.freeze({
    times,
    durations,
    steps,
    horizon,
    reverse: () => build(Float64Array.from(durations).reverse(), knownHorizon),
  });
}
