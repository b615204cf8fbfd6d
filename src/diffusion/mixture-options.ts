import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import { requireProblem } from '../couplings/require-problem.ts';
import { DomainError } from '../errors.ts';
import type { IterationOptions, Progress } from '../numerics/iterate.ts';
import { requireInteger, requireKnownOptions, requirePositive } from '../numerics/vectors.ts';

/** What `onProgress` of `mixtureBridge` is told: the error, and the loss E log c(x) − E log v(y) in nats. */
export interface MixtureProgress extends Progress {
  readonly loss: number;
}

/** Options of `mixtureBridge`. */
export interface MixtureOptions extends Omit<IterationOptions, 'onProgress'> {
  /** K: Gaussians in the potential. @defaultValue 10 */
  readonly components?: number;
  /** Shape of their covariances; diagonal means in the coordinates of the end divided by the noise of the reference. @defaultValue `'diagonal'` */
  readonly covariance?: 'diagonal' | 'full';
  /** `'em'`: monotone steps on a fixed sample; `'adam'`: stochastic gradients. @defaultValue `'em'` */
  readonly method?: 'em' | 'adam';
  /**
   * Draws of a marginal that is not made of points; one made of points is used whole, with its weights. The error of conditional laws falls
   * like 1/samples and grows as the noise shrinks: with ε a tenth of the variance, 10⁵ are not too many. @defaultValue 10 000
   */
  readonly samples?: number;
  /** Stop when a step promises to lower the loss by at most so many nats; `adam` runs to `maxIterations`. @defaultValue 1e-6 */
  readonly tolerance?: number;
  /** Steps of EM, or of Adam. @defaultValue 500 (`em`), 5000 (`adam`) */
  readonly maxIterations?: number;
  /** Rows in a step of Adam. @defaultValue 256 */
  readonly batchSize?: number;
  /** Learning rate of Adam at the start; falls to a hundredth of it along a cosine. @defaultValue 1e-2 */
  readonly learningRate?: number;
  /**
   * Keeps components from collapsing onto single points: ½·ridge·σ²/K·Σ_k tr V_k⁻¹ is added to the loss, σ² the mean variance of the target.
   * One component cannot collapse and has none. @defaultValue 1e-6
   */
  readonly ridge?: number;
  /** Same seed, same bits. @defaultValue 0 */
  readonly seed?: number;
  /** Called after every step of EM and every 25 steps of Adam. */
  readonly onProgress?: (progress: MixtureProgress) => void;
}

/** Options with nothing left open. */
export interface ResolvedMixtureOptions {
  readonly components: number;
  readonly covariance: 'diagonal' | 'full';
  readonly method: 'em' | 'adam';
  readonly samples: number;
  readonly tolerance: number;
  readonly maxIterations: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly ridge: number;
  readonly seed: number;
}

const PATH = 'mixtureBridge';
const KNOWN: readonly (keyof MixtureOptions)[] = [
  'components',
  'covariance',
  'method',
  'samples',
  'tolerance',
  'maxIterations',
  'batchSize',
  'learningRate',
  'ridge',
  'seed',
  'timeLimit',
  'signal',
  'onProgress',
  'onFailure',
];

/** Fills in defaults and refuses what cannot be done, by name. */
export function resolveMixtureOptions(problem: BridgeProblem, options: MixtureOptions): ResolvedMixtureOptions {
  requireProblem(PATH, problem, 'bridge');
  requireKnownOptions(PATH, options, KNOWN);
  const { covariance = 'diagonal', method = 'em', ridge = 1e-6, seed = 0, tolerance = 1e-6 } = options;
  if (covariance !== 'diagonal' && covariance !== 'full') {
    throw new DomainError(`${PATH}: unknown covariance '${String(covariance)}'; use 'diagonal' or 'full'`);
  }
  if (method !== 'em' && method !== 'adam') throw new DomainError(`${PATH}: unknown method '${String(method)}'; use 'em' or 'adam'`);
  if (!Number.isSafeInteger(seed)) throw new DomainError(`${PATH}: seed must be a whole number, got ${seed}; pass 1, say`);
  if (!(ridge >= 0 && Number.isFinite(ridge))) throw new DomainError(`${PATH}: ridge must be ≥ 0, got ${ridge}; pass 1e-6, say`);
  if (!(tolerance >= 0)) throw new DomainError(`${PATH}: tolerance must be ≥ 0 nats, got ${tolerance}; pass 1e-6, say`);
  const components = requireInteger(`${PATH}: components`, options.components ?? 10, 1);
  return Object.freeze({
    components,
    covariance,
    method,
    samples: requireInteger(`${PATH}: samples`, options.samples ?? 10_000, 2),
    tolerance,
    maxIterations: requireInteger(`${PATH}: maxIterations`, options.maxIterations ?? (method === 'em' ? 500 : 5000), 0),
    batchSize: requireInteger(`${PATH}: batchSize`, options.batchSize ?? 256, 1),
    learningRate: requirePositive(`${PATH}: learningRate`, options.learningRate ?? 1e-2),
    ridge: components === 1 ? 0 : ridge,
    seed,
  });
}
