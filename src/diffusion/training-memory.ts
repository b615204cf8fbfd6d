import { COPIES } from './regression-target.ts';
import type { TrainingRun } from './training-run.ts';

/** A cache above this is worth a warning. */
const LARGE_CACHE = 2 ** 31;

/**
 * Bytes of a cache: for every transition, path and copy an input and a target in single precision, and the order in which rows are served.
 * One network for both directions has twice the transitions and the direction as a coordinate.
 */
export function cacheBytes({ problem, options, oneNetwork = false }: Pick<TrainingRun, 'problem' | 'options' | 'oneNetwork'>): number {
  const { grid, paths } = options;
  const [transitions, width] = oneNetwork ? [2 * grid.steps, problem.dimension + 1] : [grid.steps, problem.dimension];
  return transitions * paths * (COPIES * 2 * width + 1) * 4;
}

/** Says so before training when a cache is large. */
export function memoryWarnings(path: string, bytes: number): string[] {
  if (bytes <= LARGE_CACHE) return [];
  return [`${path}: a cache takes ${(bytes / 2 ** 30).toPrecision(3)} GiB; lower cache.paths or take fewer steps`];
}
