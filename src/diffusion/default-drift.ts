import { jointFromKernel } from '../closed-forms/gaussian-joint.ts';
import { bridgePlan } from '../closed-forms/gaussian-plan.ts';
import { linearBridge, reversedDrift } from '../closed-forms/linear-bridge.ts';
import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import type { DriftModelSpec } from '../drifts/drift-model.ts';
import { mlp } from '../drifts/mlp.ts';
import { sum } from '../drifts/sum.ts';
import { NotPositiveDefiniteError } from '../errors.ts';
import { momentsOf } from '../marginals/marginal-moments.ts';
import { type Affine, applyAffine } from '../numerics/affine.ts';
import type { Moments } from '../numerics/moments.ts';
import { toPoints } from '../numerics/points.ts';
import { inverseSpd } from '../numerics/spd.ts';
import type { DriftField } from '../references/drift-field.ts';

/**
 * The Gaussian process that a default drift starts from: the bridge between the moments of both marginals, or the reference itself from those
 * of the source, whose reversal is what a score model learns.
 */
export type GaussianBase = (typeof GAUSSIAN_BASES)[number];

export const GAUSSIAN_BASES = ['gaussian bridge of the moments', 'reference from the moments'] as const;

/**
 * What is trained unless a drift is given: a network on top of a Gaussian process with the moments of the marginals, so that only what is
 * not Gaussian has to be learned. A network alone where the moments are singular, or the reference has no transition density.
 */
export function defaultDrift(problem: BridgeProblem, base: GaussianBase, network: DriftModelSpec = mlp()): DriftModelSpec {
  const field = gaussianField(problem, base);
  return field === undefined ? network : sum(field, network);
}

/** The drifts of that process, both affine; absent where it has none. */
export function gaussianField(problem: BridgeProblem, base: GaussianBase): (DriftField & { readonly kind: GaussianBase }) | undefined {
  const { source, target, reference, dimension } = problem;
  if (reference.kind === 'simulated') return undefined;
  const [a, b] = [momentsOf(source), momentsOf(target)];
  if (!regular(a) || !regular(b)) return undefined;
  const transition = reference.transition(0, reference.horizon, dimension);
  const joint =
    base === 'gaussian bridge of the moments' ? bridgePlan(a, b, transition).joint : jointFromKernel(a.mean, a.covariance, transition);
  const process = linearBridge(reference, joint);
  const affineDrift = (t: number, direction: 'forward' | 'backward'): Affine =>
    direction === 'forward' ? process.drift(t) : reversedDrift('default drift', reference, process, t);
  return {
    kind: base,
    affineDrift,
    drift: (t, x) => applyAffine(affineDrift(t, 'forward'), toPoints('drift', x)),
    backwardDrift: (t, x) => applyAffine(affineDrift(t, 'backward'), toPoints('backwardDrift', x)),
  };
}

function regular({ covariance }: Moments): boolean {
  try {
    inverseSpd(covariance, 'default drift: covariance');
    return true;
  } catch (error) {
    if (error instanceof NotPositiveDefiniteError) return false;
    throw error;
  }
}
