import { type GaussianJoint, jointFromKernel } from '../closed-forms/gaussian-joint.ts';
import { bridgePlan } from '../closed-forms/gaussian-plan.ts';
import { fitSource, fitTarget, ipfRate } from '../closed-forms/ipf-step.ts';
import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import { requireInteger } from '../numerics/vectors.ts';
import { bridgeOfJoint, gaussianEnds } from './gaussian-bridge.ts';
import type { GaussianBridge } from './process-bridge.ts';

/** Iterative proportional fitting between Gaussians: every iterate, exactly. */
export interface GaussianIpf {
  /**
   * The iterate after `halfSteps` half-steps: 0 is the reference started at the source, odd ones have the prescribed target, even ones
   * the prescribed source.
   */
  iterate(halfSteps: number): GaussianBridge;
  /** ρ²: in one full iteration means contract by ρ², covariances by ρ⁴. */
  readonly rate: number;
}

/**
 * Computes the iterates of iterative proportional fitting (Sinkhorn in path space) for a Gaussian Schrödinger bridge.
 *
 * @throws DomainError when a marginal is not Gaussian; NotPositiveDefiniteError when the target is singular
 * @example
 * ```ts
 * import { bridgeProblem, brownian, gaussianIpf, gaussianMarginal } from 'viaduct';
 * const problem = bridgeProblem({
 *   source: gaussianMarginal({ mean: [-0.1], covariance: 1 }),
 *   target: gaussianMarginal({ mean: [0.1], covariance: 1 }),
 *   reference: brownian({ sigma: 1 }),
 * });
 * console.log(gaussianIpf(problem).iterate(5).moments().crossCovariance.get(0, 0).toFixed(6)); // → 0.615385
 * ```
 * @see [debortoli2021]
 */
export function gaussianIpf(problem: BridgeProblem): GaussianIpf {
  const { source, target, transition } = gaussianEnds('gaussianIpf', problem);
  const joints: GaussianJoint[] = [jointFromKernel(source.mean, source.covariance, transition)];
  return Object.freeze({
    rate: ipfRate(bridgePlan(source, target, transition).plan.correlations),
    iterate(halfSteps: number) {
      requireInteger('gaussianIpf.iterate: halfSteps', halfSteps, 0);
      while (joints.length <= halfSteps) {
        const last = joints.at(-1)!;
        joints.push(joints.length % 2 === 1 ? fitTarget(last, target) : fitSource(last, source));
      }
      return bridgeOfJoint('gaussianIpf.iterate', problem, joints[halfSteps]!);
    },
  });
}
