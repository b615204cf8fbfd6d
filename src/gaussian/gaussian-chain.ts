import type { Matrix } from 'ml-matrix';
import { chainBridgeKernels } from '../closed-forms/chain-bridge.ts';
import { propagateBackward, propagateChain } from '../closed-forms/gaussian-chain.ts';
import { bridgePlan } from '../closed-forms/gaussian-plan.ts';
import { halfSquaredEuclidean } from '../costs/squared-euclidean.ts';
import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import type { Coupling } from '../couplings/coupling.ts';
import { DomainError } from '../errors.ts';
import type { GaussianKernel } from '../numerics/affine.ts';
import type { Moments } from '../numerics/moments.ts';
import { requireKnownOptions } from '../numerics/vectors.ts';
import type { Scheme } from '../references/reference.ts';
import type { TimeGrid } from '../references/time-grid.ts';
import { gaussianEnds } from './gaussian-bridge.ts';
import { jointCoupling } from './joint-coupling.ts';

/** A Gaussian Markov chain on the nodes of a grid, as a coupling of its two ends. */
export interface GaussianChain extends Coupling {
  readonly kind: 'gaussian-chain';
  readonly grid: TimeGrid;
  /** `'forward'`: kernel(k) draws X_{k+1} given X_k; `'backward'`: X_k given X_{k+1}. */
  readonly direction: 'forward' | 'backward';
  /** The transition between nodes k and k + 1, in the chain's direction. */
  kernel(k: number): GaussianKernel;
  /** The kernels of all transitions, in forward order. */
  readonly kernels: readonly GaussianKernel[];
  /** E X_k at the N + 1 nodes. */
  readonly means: readonly Float64Array[];
  /** Cov X_k. */
  readonly covariances: readonly Matrix[];
  /** Cov(X_0, X_N). */
  readonly crossCovariance: Matrix;
}

/**
 * Computes the exact Schrödinger bridge of the DISCRETISED reference: the ground truth of a diffusion bridge that is run on this grid.
 *
 * @param options `scheme`: how the reference is discretised, default `'euler'`
 * @throws DomainError when a marginal is not Gaussian or the grid has another horizon
 * @example
 * ```ts
 * import { bridgeProblem, brownian, gaussianChain, gaussianMarginal, timeGrid } from 'viaduct';
 * const unit = gaussianMarginal({ mean: [0], covariance: 1 });
 * const chain = gaussianChain(bridgeProblem({ source: unit, target: unit, reference: brownian({ sigma: 1 }) }), timeGrid.uniform({ steps: 5 }));
 * console.log(chain.crossCovariance.get(0, 0).toFixed(6)); // → 0.618034
 * ```
 */
export function gaussianChain(problem: BridgeProblem, grid: TimeGrid, options: { readonly scheme?: Scheme } = {}): GaussianChain {
  requireKnownOptions('gaussianChain', options, ['scheme']);
  const { source, target } = gaussianEnds('gaussianChain', problem);
  const chain = problem.reference.discretise(grid, options);
  const { joint } = bridgePlan(source, target, chain.transition(0, grid.steps, problem.dimension));
  return chainCoupling('gaussianChain', problem, grid, chainBridgeKernels(chain, joint), 'forward', source);
}

/** A chain from its kernels (in forward order) and the law it starts from. */
export function chainCoupling(
  path: string,
  problem: BridgeProblem,
  grid: TimeGrid,
  kernels: readonly GaussianKernel[],
  direction: 'forward' | 'backward',
  start: Moments,
): GaussianChain {
  const propagate = direction === 'forward' ? propagateChain : propagateBackward;
  const { means, covariances, crossCovariance } = propagate(kernels, start.mean, start.covariance);
  const joint = {
    sourceMean: means[0]!,
    sourceCovariance: covariances[0]!,
    targetMean: means.at(-1)!,
    targetCovariance: covariances.at(-1)!,
    crossCovariance,
  };
  const { source, target } = problem;
  return Object.freeze({
    ...jointCoupling({ kind: 'gaussian-chain', path, source, target, joint, mass: 1, cost: halfSquaredEuclidean() }),
    kind: 'gaussian-chain',
    grid,
    direction,
    kernels: Object.freeze([...kernels]),
    kernel(k: number) {
      const kernel = kernels[k];
      if (kernel === undefined) throw new DomainError(`${path}.kernel: no transition ${k}; pass 0 … ${kernels.length - 1}`);
      return kernel;
    },
    means,
    covariances,
    crossCovariance,
  });
}
