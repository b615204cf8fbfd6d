import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import { DomainError } from '../errors.ts';
import { requireInteger } from '../numerics/vectors.ts';
import type { TrainingTarget } from './regression-target.ts';
import { type ResolvedTraining, resolveTraining, type TrainingOptions } from './training-options.ts';

/** Options of `diffusionBridge`. */
export interface DiffusionOptions extends TrainingOptions {
  /** Outer iterations of IPF, two half-steps each. @defaultValue 5 */
  readonly iterations?: number;
  /**
   * What is regressed. `'endpoint'` needs the bridges of the reference, and is the most accurate for the same training.
   * @defaultValue `'endpoint'`; `'mean'` for a `simulatedReference`, which has no bridges
   */
  readonly target?: TrainingTarget;
  /**
   * With target `'moment'`, what is learned of the conditional covariance: its mean for each transition, or `'network'`, a second small
   * network of the logarithm of its eigenvalues at every point, trained by the Gaussian log-likelihood as a residual on that mean. It takes
   * another `innerSteps` steps in every half-step.
   * @defaultValue `'constant'`
   */
  readonly covariance?: 'constant' | 'network';
}

/** Options of a trained run with nothing left open; other schemes than `diffusionBridge` have the target that they regress. */
export interface ResolvedOptions extends ResolvedTraining {
  readonly iterations: number;
  readonly target: TrainingTarget;
  /** Present where the conditional covariance is learned at every point. */
  readonly covariance?: 'network';
}

const TARGETS: readonly string[] = ['mean', 'drift', 'simple', 'moment', 'endpoint'];
const PATH = 'diffusionBridge';

/** Fills in defaults and refuses what cannot be done, by name. */
export function resolveOptions(problem: BridgeProblem, options: DiffusionOptions): ResolvedOptions {
  const { target = problem?.reference?.kind === 'simulated' ? 'mean' : 'endpoint' } = options ?? {};
  const training = resolveTraining(PATH, problem, options, {
    keep: target === 'endpoint' ? 'endpoints' : 'paths',
    base: 'gaussian bridge of the moments',
    called: `target '${target}'`,
    own: ['iterations', 'target', 'covariance'],
  });
  if (!TARGETS.includes(target)) throw new DomainError(`${PATH}: unknown target '${target}'; use ${TARGETS.join(', ')}`);
  const { covariance = 'constant' } = options;
  if (covariance !== 'constant' && covariance !== 'network') {
    throw new DomainError(`${PATH}: covariance is '${String(covariance)}'; use 'constant' or 'network'`);
  }
  if (covariance === 'network' && target !== 'moment') {
    throw new DomainError(
      `${PATH}: target '${target}' keeps the covariance of the reference; use covariance 'network' with target 'moment'`,
    );
  }
  const iterations = requireInteger(`${PATH}: iterations`, options.iterations ?? 5, 1);
  return { ...training, iterations, target, ...(covariance === 'network' ? { covariance } : {}) };
}
