import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import type { DiffusionBridge } from './diffusion-run.ts';
import { type DiffusionOptions, resolveOptions } from './options.ts';
import { rateWarnings } from './rate-warning.ts';
import { regressionScheme } from './regression-scheme.ts';
import { alternating, trainBridge } from './training-run.ts';

/**
 * Trains a Diffusion Schrödinger Bridge: iterative proportional fitting in which every half-step learns the reversal of the current chain
 * by regression on simulated paths, or on bridges of the reference between their ends (target `endpoint`, the default).
 *
 * Half-step 1 learns the backward drift of the discretised reference (score-based generative modelling), half-step 2 the forward drift of
 * the backward chain, and so on. A network is labelled by the transition it parameterises and starts from the previous iteration's.
 *
 * A half-step learns means, x + γf_k(x), and keeps the variance γggᵀ of the reference; with target `moment` it learns the conditional covariance
 * V_k as well, its mean for each transition or, with `covariance: 'network'`, V_k(x) = U_k diag(λ_k·exp s_k(x)) U_kᵀ at every point.
 *
 * @returns the run; `status` says `max-iterations` when all half-steps were done, since no residual of a learned bridge is known exactly
 * @throws DomainError on an unknown or unsuitable option
 * @example
 * ```ts
 * import { bridgeProblem, brownian, diffusionBridge, driftModels, gaussianMarginal, timeGrid } from 'viaduct';
 * const problem = bridgeProblem({
 *   source: gaussianMarginal({ mean: [0], covariance: 1 }),
 *   target: gaussianMarginal({ mean: [1], covariance: 1 }),
 *   reference: brownian({ sigma: 1 }),
 * });
 * const run = await diffusionBridge(problem, {
 *   iterations: 2, grid: timeGrid.uniform({ steps: 10 }), drift: driftModels.linear(), innerSteps: 100, cache: 4000, seed: 1,
 * });
 * console.log(run.halfSteps.length); // → 4
 * const moment = await diffusionBridge(problem, {
 *   iterations: 1, grid: timeGrid.uniform({ steps: 2 }), drift: driftModels.linear(), target: 'moment', covariance: 'network', innerSteps: 10,
 * });
 * console.log(moment.transition(0, [[0], [1]], 'backward').covariances!.length); // → 2
 * ```
 * @see [debortoli2021]
 * @see [nix1994] for a variance at every point
 */
export async function diffusionBridge(problem: BridgeProblem, options: DiffusionOptions = {}): Promise<DiffusionBridge> {
  const path = 'diffusionBridge';
  const resolved = resolveOptions(problem, options);
  const scheme = regressionScheme(problem, resolved);
  return trainBridge({
    path,
    problem,
    options: resolved,
    plan: alternating(2 * resolved.iterations, () => scheme),
    warnings: rateWarnings(path, problem, resolved.iterations),
  });
}
