import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import { requireProblem } from '../couplings/require-problem.ts';
import type { DriftModelSpec } from '../drifts/drift-model.ts';
import { linear } from '../drifts/linear.ts';
import { mlp } from '../drifts/mlp.ts';
import { DomainError } from '../errors.ts';
import { requireInteger, requireKnownOptions, requirePositive } from '../numerics/vectors.ts';
import { type TimeGrid, timeGrid } from '../references/time-grid.ts';
import type { Draws } from './chain.ts';
import type { TrainingTarget } from './regression-target.ts';

/** What `onProgress` of a training run is told. */
export interface TrainingProgress {
  /** 1, 2, …: odd ones learn the backward drift. */
  readonly halfStep: number;
  readonly halfSteps: number;
  readonly direction: 'forward' | 'backward';
  readonly step: number;
  readonly steps: number;
  /** Mean loss since the last report. */
  readonly loss: number;
  readonly seconds: number;
  /** Estimated from the pace so far. */
  readonly secondsLeft: number;
}

/** How simulated paths are kept for training. */
export interface CacheOptions {
  /** Paths simulated for each cache. */
  readonly paths: number;
  /** Training steps after which a fresh cache is simulated. @defaultValue one pass over the cache */
  readonly refreshEvery?: number;
  /** `'endpoints'` keeps end points and redraws interiors; only, and always, for target `endpoint`. */
  readonly keep?: 'paths' | 'endpoints';
  /**
   * `'matched'`: start and noise have exact sample means and covariances, which removes most of the sampling error; `'independent'`: plain
   * draws. @defaultValue `'independent'` with `linear()`, whose errors over seeds are then those of independent paths, else `'matched'`
   */
  readonly draws?: Draws;
}

/** Options of `diffusionBridge`. */
export interface DiffusionOptions {
  /** Outer iterations of IPF, two half-steps each. @defaultValue 5 */
  readonly iterations?: number;
  /** Where the chain lives. @defaultValue 20 equal steps over the reference's horizon */
  readonly grid?: TimeGrid;
  /** What is regressed. @defaultValue `'mean'` */
  readonly target?: TrainingTarget;
  /** The model of a drift, one for each direction. @defaultValue `driftModels.mlp()` */
  readonly drift?: DriftModelSpec;
  /** Rows in a training step. @defaultValue 1024 */
  readonly batchSize?: number;
  /** Training steps in a half-step. @defaultValue 800 */
  readonly innerSteps?: number;
  /** Learning rate at the start of a half-step; falls to a hundredth of it along a cosine. @defaultValue 3e-3 */
  readonly learningRate?: number;
  /** Paths in a cache, or more about it. @defaultValue 5000 paths */
  readonly cache?: number | CacheOptions;
  /** Same seed, same bits. @defaultValue 0 */
  readonly seed?: number;
  /** Stops the run with status `aborted` and the half-steps done so far. */
  readonly signal?: AbortSignal;
  /** Called at most every 16 ms while a half-step trains. */
  readonly onProgress?: (progress: TrainingProgress) => void;
}

/** Options with nothing left open. */
export interface ResolvedOptions {
  readonly iterations: number;
  readonly grid: TimeGrid;
  readonly target: TrainingTarget;
  readonly drift: DriftModelSpec;
  readonly batchSize: number;
  readonly innerSteps: number;
  readonly learningRate: number;
  readonly paths: number;
  readonly refreshEvery: number | undefined;
  readonly draws: Draws;
  readonly seed: number;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((progress: TrainingProgress) => void) | undefined;
}

const KNOWN = [
  'iterations',
  'grid',
  'target',
  'drift',
  'batchSize',
  'innerSteps',
  'learningRate',
  'cache',
  'seed',
  'signal',
  'onProgress',
] as const;
const TARGETS: readonly string[] = ['mean', 'drift', 'simple', 'endpoint'];
const LATER: readonly string[] = ['checkpoint'];
const PATH = 'diffusionBridge';

/** Fills in defaults and refuses what cannot be done, by name. */
export function resolveOptions(problem: BridgeProblem, options: DiffusionOptions): ResolvedOptions {
  requireProblem(PATH, problem, 'bridge');
  for (const key of LATER) if (key in options) throw new DomainError(`${PATH}: option '${key}' is not implemented yet; leave it out`);
  requireKnownOptions(PATH, options, KNOWN);
  const { target = 'mean', drift = mlp(), grid = timeGrid.uniform({ steps: 20, horizon: problem.reference.horizon }) } = options;
  if (target === ('moment' as unknown)) throw new DomainError(`${PATH}: target 'moment' is not implemented yet; use ${TARGETS.join(', ')}`);
  if (!TARGETS.includes(target)) throw new DomainError(`${PATH}: unknown target '${target}'; use ${TARGETS.join(', ')}`);
  if (typeof drift?.make !== 'function') throw new DomainError(`${PATH}: drift is not a model; pass driftModels.${linear.name}(), say`);
  const cache = typeof options.cache === 'object' ? options.cache : { paths: options.cache ?? 5000 };
  requireKnownOptions(`${PATH}: cache`, cache, ['paths', 'refreshEvery', 'keep', 'draws']);
  const keep = target === 'endpoint' ? 'endpoints' : 'paths';
  if (cache.keep !== undefined && cache.keep !== keep) {
    throw new DomainError(`${PATH}: cache.keep '${cache.keep}' does not fit target '${target}', which keeps ${keep}; leave it out`);
  }
  const draws = cache.draws ?? (drift.kind === 'linear' ? 'independent' : 'matched');
  if (draws !== 'independent' && draws !== 'matched') {
    throw new DomainError(`${PATH}: cache.draws is '${String(draws)}'; use 'independent' or 'matched'`);
  }
  const seed = options.seed ?? 0;
  if (!Number.isSafeInteger(seed)) throw new DomainError(`${PATH}: seed must be a whole number, got ${seed}; pass 1, say`);
  return {
    iterations: requireInteger(`${PATH}: iterations`, options.iterations ?? 5, 1),
    grid,
    target,
    drift,
    batchSize: requireInteger(`${PATH}: batchSize`, options.batchSize ?? 1024, 1),
    innerSteps: requireInteger(`${PATH}: innerSteps`, options.innerSteps ?? 800, 1),
    learningRate: requirePositive(`${PATH}: learningRate`, options.learningRate ?? 3e-3),
    paths: requireInteger(`${PATH}: cache.paths`, cache.paths, 1),
    refreshEvery: cache.refreshEvery === undefined ? undefined : requireInteger(`${PATH}: cache.refreshEvery`, cache.refreshEvery, 1),
    draws,
    seed,
    signal: options.signal,
    onProgress: options.onProgress,
  };
}
