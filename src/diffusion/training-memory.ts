import { logVarianceBytes } from './log-variance.ts';
import { covarianceBytes } from './moment-matching.ts';
import { COPIES } from './regression-target.ts';
import type { TrainingRun } from './training-run.ts';

/** Above this a training is worth a warning. */
const LARGE = 2 ** 31;

/** What decides the memory of a run. */
type Sizes = Pick<TrainingRun, 'problem' | 'options' | 'plan' | 'oneNetwork'>;

/**
 * Bytes that a training holds, beside the networks of its drifts and a few arrays of points while rows are made: a cache, and where the
 * conditional covariance is learned the matrices of all half-steps with the residuals of a transition, and one network of log-variances for each
 * half-step and one in training. Caches share one room, so that the second training of a half-step adds none.
 */
export function trainingBytes(run: Sizes): number {
  const { problem, options, plan } = run;
  const { grid, paths, target, covariance } = options;
  const halfSteps = plan.length;
  const moments = target === 'moment' ? covarianceBytes(problem.dimension, { steps: grid.steps, paths, halfSteps }) : 0;
  const networks = covariance === 'network' ? (halfSteps + 1) * logVarianceBytes(problem, options) : 0;
  return cacheBytes(run) + moments + networks;
}

/**
 * Bytes of a cache: for every transition, path and copy an input and a target in single precision, and the order in which rows are served.
 * One network for both directions has twice the transitions and the direction as a coordinate.
 */
function cacheBytes({ problem, options, oneNetwork = false }: Sizes): number {
  const { grid, paths } = options;
  const [transitions, width] = oneNetwork ? [2 * grid.steps, problem.dimension + 1] : [grid.steps, problem.dimension];
  return transitions * paths * (COPIES * 2 * width + 1) * 4;
}

/** Says so before training when it takes much memory. */
export function memoryWarnings(path: string, bytes: number): string[] {
  if (bytes <= LARGE) return [];
  return [`${path}: training takes ${(bytes / 2 ** 30).toPrecision(3)} GiB; lower cache.paths or take fewer steps`];
}
