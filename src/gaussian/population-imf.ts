import { Matrix } from 'ml-matrix';
import { endpointKernels } from '../closed-forms/endpoint-step.ts';
import type { GaussianJoint } from '../closed-forms/gaussian-joint.ts';
import type { BridgeProblem } from '../couplings/bridge-problem.ts';

import { requireInteger, requireKnownOptions } from '../numerics/vectors.ts';
import type { TimeGrid } from '../references/time-grid.ts';
import { gaussianEnds } from './gaussian-bridge.ts';
import { chainCoupling, type GaussianChain } from './gaussian-chain.ts';

/** Bridge matching with infinite data. */
export interface PopulationImf {
  /** The chain after that many half-steps, at least one: what they start from is a coupling and no chain. */
  iterate(halfSteps: number): GaussianChain;
}

/**
 * Computes bridge matching (iterative Markovian fitting) on a grid with infinite data: every half-step's regression on reference bridges
 * solved exactly, so that what remains is the bias of the Euler steps.
 *
 * Half-step 1 learns the backward drift from the given coupling, independent by default, and runs it from the target; half-step 2 learns the
 * forward drift from the end points of that chain and runs it from the source; and so on. Every linear reference has it; over Brownian motion
 * fine grids approach `gaussianImf`.
 *
 * @param options `coupling`: the joint Gaussian law of the first end points, as `moments()` of a coupling returns it
 * @throws DomainError when a marginal is not Gaussian
 * @example
 * ```ts
 * import { bridgeProblem, brownian, gaussianMarginal, populationImf, timeGrid } from 'viaduct';
 * const unit = gaussianMarginal({ mean: [0], covariance: 1 });
 * const problem = bridgeProblem({ source: unit, target: unit, reference: brownian({ sigma: 1 }) });
 * const chain = populationImf(problem, timeGrid.uniform({ steps: 1000 })).iterate(1);
 * console.log(chain.crossCovariance.get(0, 0).toFixed(2)); // → 0.55 (gaussianImf: 0.54629)
 * ```
 * @see [shi2023]
 */
export function populationImf(problem: BridgeProblem, grid: TimeGrid, options: { readonly coupling?: GaussianJoint } = {}): PopulationImf {
  requireKnownOptions('populationImf', options, ['coupling']);
  const { source, target } = gaussianEnds('populationImf', problem);
  const { reference, dimension } = problem;
  // Refuses a grid of another horizon.
  reference.discretise(grid);
  const first: GaussianJoint = options.coupling ?? {
    sourceMean: source.mean,
    sourceCovariance: source.covariance,
    targetMean: target.mean,
    targetCovariance: target.covariance,
    crossCovariance: Matrix.zeros(dimension, dimension),
  };
  const iterates: GaussianChain[] = [];
  return Object.freeze({
    iterate(halfSteps: number) {
      requireInteger('populationImf.iterate: halfSteps', halfSteps, 1);
      while (iterates.length < halfSteps) {
        const direction = iterates.length % 2 === 0 ? 'backward' : 'forward';
        const joint: GaussianJoint = iterates.at(-1)?.moments() ?? first;
        const kernels = endpointKernels(reference, grid, joint, direction);
        iterates.push(chainCoupling('populationImf', problem, grid, kernels, direction, direction === 'forward' ? source : target));
      }
      return iterates[halfSteps - 1]!;
    },
  });
}
