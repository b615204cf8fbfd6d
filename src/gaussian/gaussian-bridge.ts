import { type GaussianJoint, targetGivenSource } from '../closed-forms/gaussian-joint.ts';
import { expectedKernelKl, gaussianKl } from '../closed-forms/gaussian-kl.ts';
import { bridgePlan } from '../closed-forms/gaussian-plan.ts';
import { linearBridge } from '../closed-forms/linear-bridge.ts';
import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import { requireProblem } from '../couplings/require-problem.ts';
import { momentsOf } from '../marginals/marginal-moments.ts';
import type { Moments } from '../numerics/moments.ts';
import { inverseSpd } from '../numerics/spd.ts';
import { requireGaussian } from './gaussian-coupling.ts';
import { type GaussianBridge, processBridge } from './process-bridge.ts';

/**
 * Computes the Schrödinger bridge between two Gaussians over any linear reference in closed form.
 *
 * @throws DomainError when a marginal is not Gaussian; NotPositiveDefiniteError when the target is singular
 * @example
 * ```ts
 * import { bridgeProblem, brownian, gaussianBridge, gaussianMarginal } from 'viaduct';
 * const problem = bridgeProblem({
 *   source: gaussianMarginal({ mean: [-0.1], covariance: 1 }),
 *   target: gaussianMarginal({ mean: [0.1], covariance: 1 }),
 *   reference: brownian({ sigma: 1 }),
 * });
 * console.log(gaussianBridge(problem).marginalAt(0.5).covariance().get(0, 0).toFixed(6)); // → 1.059017
 * ```
 * @see [bunne2023]
 */
export function gaussianBridge(problem: BridgeProblem): GaussianBridge {
  const { source, target, transition } = gaussianEnds('gaussianBridge', problem);
  const { joint } = bridgePlan(source, target, transition);
  return bridgeOfJoint('gaussianBridge', problem, joint);
}

/** The reference bridge glued to a joint law of its class. */
export function bridgeOfJoint(path: string, problem: BridgeProblem, joint: GaussianJoint): GaussianBridge {
  const process = linearBridge(problem.reference, joint);
  return processBridge(path, problem, process, () => {
    const { source, transition } = gaussianEnds(path, problem);
    return (
      startKl(joint, source) +
      expectedKernelKl({ mean: joint.sourceMean, covariance: joint.sourceCovariance }, targetGivenSource(joint), transition)
    );
  });
}

/** KL of the actual start against the prescribed one; 0 when they are the same, singular or not. */
function startKl(joint: GaussianJoint, source: Moments): number {
  const same = joint.sourceMean === source.mean || joint.sourceMean.every((m, i) => m === source.mean[i]);
  const equal = same && joint.sourceCovariance.to1DArray().every((x, i) => x === source.covariance.to1DArray()[i]);
  return equal ? 0 : gaussianKl({ mean: joint.sourceMean, covariance: joint.sourceCovariance }, source);
}

/** The Gaussian moments of both marginals and the reference over the whole horizon. */
export function gaussianEnds(
  path: string,
  problem: BridgeProblem,
): { source: Moments; target: Moments; transition: ReturnType<BridgeProblem['reference']['transition']> } {
  requireProblem(path, problem, 'bridge');
  const { reference, dimension } = problem;
  const source = momentsOf(requireGaussian(path, 'source', problem.source));
  const target = momentsOf(requireGaussian(path, 'target', problem.target));
  inverseSpd(target.covariance, `${path}: target covariance`);
  return { source, target, transition: reference.transition(0, reference.horizon, dimension) };
}
