import { DomainError } from '../errors.ts';
import { type Points, requireDimension, toPoints } from '../numerics/points.ts';
import type { RandomSource } from '../numerics/random.ts';
import { requireInteger, requireKnownOptions } from '../numerics/vectors.ts';
import type { TimeGrid } from '../references/time-grid.ts';
import type { SimulateOptions } from './bridge.ts';

/** Checked options of `simulate`: `from` when given, otherwise `count` draws from the bridge's own start. */
export interface Simulation {
  readonly grid: TimeGrid;
  readonly random: RandomSource;
  readonly direction: 'forward' | 'backward';
  readonly from: Points | undefined;
  readonly count: number;
}

/** Refuses what no bridge can simulate. */
export function checkSimulation(path: string, options: SimulateOptions, dimension: number): Simulation {
  requireKnownOptions(path, options, ['count', 'from', 'grid', 'random', 'direction']);
  const { grid, random, direction = 'forward' } = options;
  if (direction !== 'forward' && direction !== 'backward') {
    throw new DomainError(`${path}: unknown direction '${String(direction)}'; use 'forward' or 'backward'`);
  }
  if (!(grid?.steps >= 1 && grid.times?.length === grid.steps + 1))
    throw new DomainError(`${path}: grid is missing; pass timeGrid.uniform({ steps: 20 }), say`);
  requireRandom(path, random);
  if ((options.count === undefined) === (options.from === undefined)) {
    throw new DomainError(`${path}: pass exactly one of count and from`);
  }
  const from = options.from === undefined ? undefined : toPoints(`${path}: from`, options.from);
  if (from !== undefined) requireDimension(`${path}: from`, from, dimension);
  return { grid, random, direction, from, count: from?.count ?? requireInteger(`${path}: count`, options.count!, 1) };
}

/** Refuses a number of draws that is none, and draws without a source of randomness. */
export function requireDraws(path: string, count: number, random: RandomSource): void {
  requireInteger(`${path}: count`, count, 1);
  requireRandom(path, random);
}

/** Refuses draws without a source of randomness. */
export function requireRandom(path: string, random: RandomSource | undefined): void {
  if (typeof random?.normal !== 'function') throw new DomainError(`${path}: random is missing; pass randomSource(seed)`);
}
