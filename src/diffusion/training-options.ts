import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import { requireProblem } from '../couplings/require-problem.ts';
import type { DriftModelSpec } from '../drifts/drift-model.ts';
import { type LearningRate, requireLearningRate } from '../drifts/learning-rate.ts';
import { linear } from '../drifts/linear.ts';
import { mlp } from '../drifts/mlp.ts';
import { DomainError } from '../errors.ts';
import { requireInteger, requireKnownOptions } from '../numerics/vectors.ts';
import { requireTimeGrid, type TimeGrid, timeGrid } from '../references/time-grid.ts';
import type { Draws } from './chain.ts';
import { type Checkpoint, requireCheckpoint } from './checkpoint.ts';
import { defaultDrift, type GaussianBase } from './default-drift.ts';

/** What `onProgress` of a training run is told. */
export interface TrainingProgress {
  /** 1, 2, …: odd ones learn the backward drift. */
  readonly halfStep: number;
  readonly halfSteps: number;
  readonly direction: 'forward' | 'backward';
  /** What is trained now: the drift, or after it, with `covariance: 'network'`, the log-variances. */
  readonly learning: 'drift' | 'covariance';
  /** Training steps done in this half-step, those of both trainings where it has two. */
  readonly step: number;
  /** Training steps of a half-step: `innerSteps`, with `covariance: 'network'` twice as many. */
  readonly steps: number;
  /**
   * Mean loss since the last report, NaN where there is none. Of the drift the weighted mean of |model − target|²; of log-variances the mean
   * of ½(s + q·e^(−s)) over rows and coordinates, near ½ while they say no more than the constant estimate.
   */
  readonly loss: number;
  readonly seconds: number;
  /** Estimated from the pace so far; 0 before there is one. */
  readonly secondsLeft: number;
  /**
   * Bytes of the cache of regression rows, by far the largest thing that training holds: there is one at a time. With target `moment` also
   * those of the covariances, of what they are learned from and of their networks. The same before training starts and later; the networks of
   * the drifts come on top, and while rows are made a few arrays of `cache.paths` points.
   */
  readonly memoryBytes: number;
  /** What is known to be doubtful: before training the predicted number of iterations, or a cache that is large. */
  readonly warnings: readonly string[];
}

/** How simulated paths are kept for training. */
export interface CacheOptions {
  /** Paths simulated for each cache. */
  readonly paths: number;
  /** Training steps after which a fresh cache is simulated. @defaultValue one pass over the cache */
  readonly refreshEvery?: number;
  /**
   * What a cache that is passed over more than once keeps of its paths. `'endpoints'`: their ends, between which the reference draws again
   * for every pass; for target `endpoint`, `bridgeMatching`, `sinkhornFlowMatching` and `scoreModel`. `'paths'`: every point, the same in
   * all passes; the other targets are made of the steps of the chain itself and have no choice.
   * @defaultValue `'endpoints'` where there is a choice
   */
  readonly keep?: 'paths' | 'endpoints';
  /**
   * `'matched'`: start and noise have exact sample means and covariances, which removes most of the sampling error; `'independent'`: plain
   * draws. @defaultValue `'independent'` with `linear()`, whose errors over seeds are then those of independent paths, else `'matched'`
   */
  readonly draws?: Draws;
}

/** Options that every trained scheme shares. */
export interface TrainingOptions {
  /** Where the chain lives. @defaultValue 20 equal steps over the reference's horizon */
  readonly grid?: TimeGrid;
  /**
   * The model of a drift, one for each direction. @defaultValue `driftModels.mlp()` on top of the Gaussian bridge between the moments of the
   * marginals (`driftModels.sum`); alone where those are singular, or the reference is simulated. Pass `driftModels.mlp()` for a network
   * that is told nothing
   */
  readonly drift?: DriftModelSpec;
  /** Rows in a training step. @defaultValue 1024 */
  readonly batchSize?: number;
  /** Training steps in a half-step. @defaultValue 800 */
  readonly innerSteps?: number;
  /** Learning rate at the start of a half-step, falling to a hundredth of it along a cosine; or a schedule. @defaultValue 3e-3 */
  readonly learningRate?: LearningRate;
  /** Whether the model of a half-step goes on from the previous one of its direction or starts `'fresh'`. @defaultValue `'previous'` */
  readonly initial?: 'previous' | 'fresh';
  /** Paths in a cache, or more about it. @defaultValue 5000 paths */
  readonly cache?: number | CacheOptions;
  /** Same seed, same bits. @defaultValue 0 */
  readonly seed?: number;
  /**
   * Saves the run after every half-step and every few minutes inside one, and goes on from what is there: the answer has the bits of a run
   * that was never interrupted. More iterations than before continue a finished run. @defaultValue none
   */
  readonly checkpoint?: Checkpoint;
  /** Stops the run with status `aborted` and the half-steps done so far. */
  readonly signal?: AbortSignal;
  /** Called before training (step 0, no loss yet), then at most every 16 ms while a half-step trains. */
  readonly onProgress?: (progress: TrainingProgress) => void;
}

/** {@link TrainingOptions} with nothing left open. */
export interface ResolvedTraining {
  readonly grid: TimeGrid;
  readonly drift: DriftModelSpec;
  readonly batchSize: number;
  readonly innerSteps: number;
  readonly learningRate: LearningRate;
  readonly initial: 'previous' | 'fresh';
  readonly paths: number;
  readonly refreshEvery: number | undefined;
  readonly keep: 'paths' | 'endpoints';
  readonly draws: Draws;
  readonly seed: number;
  readonly checkpoint: Checkpoint | undefined;
  readonly signal: AbortSignal | undefined;
  /** Who is told of progress. */
  readonly onProgress: ((progress: TrainingProgress) => void) | undefined;
}

const SHARED = [
  'grid',
  'drift',
  'batchSize',
  'innerSteps',
  'learningRate',
  'initial',
  'cache',
  'seed',
  'checkpoint',
  'signal',
  'onProgress',
] as const;

/** What a scheme adds to the shared options. */
export interface SchemeTraits {
  /** What its caches can do with: ends, between which the reference draws, or nothing less than paths. */
  readonly keep: 'paths' | 'endpoints';
  /** What the default drift starts from; a network alone when absent. */
  readonly base?: GaussianBase | undefined;
  /** How a message names the scheme: `target 'mean'`, say. @defaultValue its path */
  readonly called?: string;
  /** The scheme's own options, which the caller checks. */
  readonly own: readonly string[];
}

/** Fills in defaults and refuses what cannot be done, in the name of the scheme `path`. */
export function resolveTraining(
  path: string,
  problem: BridgeProblem,
  options: TrainingOptions,
  { keep, base, called = path, own }: SchemeTraits,
): ResolvedTraining {
  requireProblem(path, problem, 'bridge');
  requireKnownOptions(path, options, [...own, ...SHARED]);
  if (keep === 'endpoints' && problem.reference.kind === 'simulated') {
    throw new DomainError(
      `${path}: ${called === path ? 'it' : called} needs bridges of the reference, and simulatedReference has none; use diffusionBridge with target 'mean' or 'drift'`,
    );
  }
  const {
    drift = base === undefined ? mlp() : defaultDrift(problem, base),
    initial = 'previous',
    grid = timeGrid.uniform({ steps: 20, horizon: problem.reference.horizon }),
  } = options;
  if (typeof drift?.make !== 'function') throw new DomainError(`${path}: drift is not a model; pass driftModels.${linear.name}(), say`);
  const cache = typeof options.cache === 'object' ? options.cache : { paths: options.cache ?? 5000 };
  requireKnownOptions(`${path}: cache`, cache, ['paths', 'refreshEvery', 'keep', 'draws']);
  const kept = cache.keep ?? keep;
  if (kept !== 'paths' && kept !== 'endpoints') {
    throw new DomainError(`${path}: cache.keep is '${String(kept)}'; use 'paths' or 'endpoints'`);
  }
  if (kept === 'endpoints' && keep === 'paths') {
    throw new DomainError(
      `${path}: ${called} regresses steps of the chain, which cache.keep 'endpoints' has not; use 'paths' or leave it out`,
    );
  }
  const draws = cache.draws ?? (drift.kind === 'linear' ? 'independent' : 'matched');
  if (draws !== 'independent' && draws !== 'matched') {
    throw new DomainError(`${path}: cache.draws is '${String(draws)}'; use 'independent' or 'matched'`);
  }
  if (initial !== 'previous' && initial !== 'fresh') {
    throw new DomainError(`${path}: initial is '${String(initial)}'; use 'previous' or 'fresh'`);
  }
  if (options.onProgress !== undefined && typeof options.onProgress !== 'function') {
    throw new DomainError(`${path}: onProgress is no function but ${String(options.onProgress)}; pass ({ step, loss }) => …`);
  }
  if (options.signal !== undefined && typeof options.signal?.aborted !== 'boolean') {
    throw new DomainError(`${path}: signal is no AbortSignal but ${String(options.signal)}; pass the signal of an AbortController`);
  }
  const seed = options.seed ?? 0;
  if (!Number.isSafeInteger(seed)) throw new DomainError(`${path}: seed must be a whole number, got ${seed}; pass 1, say`);
  return {
    grid: requireTimeGrid(path, grid, problem.reference.horizon),
    drift,
    batchSize: requireInteger(`${path}: batchSize`, options.batchSize ?? 1024, 1),
    innerSteps: requireInteger(`${path}: innerSteps`, options.innerSteps ?? 800, 1),
    learningRate: requireLearningRate(`${path}: learningRate`, options.learningRate ?? 3e-3),
    initial,
    paths: requireInteger(`${path}: cache.paths`, cache.paths, 1),
    refreshEvery: cache.refreshEvery === undefined ? undefined : requireInteger(`${path}: cache.refreshEvery`, cache.refreshEvery, 1),
    keep: kept,
    draws,
    seed,
    checkpoint: requireCheckpoint(`${path}: checkpoint`, options.checkpoint),
    signal: options.signal,
    onProgress: options.onProgress,
  };
}
