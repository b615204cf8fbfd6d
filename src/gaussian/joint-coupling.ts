import { bwUvpOfMoments } from '../closed-forms/bures-wasserstein.ts';
import { type GaussianJoint, jointRoot, reverseJoint, targetGivenSource } from '../closed-forms/gaussian-joint.ts';
import type { Cost } from '../costs/cost.ts';
import { copyMoments } from '../couplings/copy-moments.ts';
import type { Coupling } from '../couplings/coupling.ts';
import { DomainError } from '../errors.ts';
import type { Marginal } from '../marginals/marginal.ts';
import { applyAffine, flatten } from '../numerics/affine.ts';
import { addGaussian, drawGaussian } from '../numerics/gaussian-draws.ts';
import { type Points, type PointsLike, requireDimension, toPoints } from '../numerics/points.ts';
import type { RandomSource } from '../numerics/random.ts';
import { trace } from '../numerics/spd.ts';
import { combine, dot } from '../numerics/vectors.ts';

/** A coupling mass·N(joint) and the problem it answers. */
export interface JointCouplingOptions {
  readonly kind: string;
  /** The public path that messages name. */
  readonly path: string;
  readonly source: Marginal;
  readonly target: Marginal;
  readonly joint: GaussianJoint;
  readonly mass: number;
  /** The cost of `transportCost()` when called without one. */
  readonly cost: Cost;
}

/** The one implementation of {@link Coupling} for Gaussian joint laws: plans, bridges, iterates and chains all use it. */
export function jointCoupling(options: JointCouplingOptions): Coupling {
  const { kind, path, source, target, joint, mass, cost } = options;
  const dimension = joint.sourceMean.length;
  let root: { source: Float64Array; noise: Float64Array } | undefined;
  const roots = (): { source: Float64Array; noise: Float64Array } => {
    const made = root ?? mapRoots(jointRoot(joint));
    root = made;
    return made;
  };
  const given = (x: PointsLike, name: string): Points => {
    const at = toPoints(`${path}.${name}`, x);
    requireDimension(`${path}.${name}`, at, dimension);
    return at;
  };
  const conditionalMean = (x: PointsLike): Points => applyAffine(targetGivenSource(joint), given(x, 'conditionalMean'));
  const sampleConditional = (x: PointsLike, random: RandomSource): Points => {
    const y = applyAffine(targetGivenSource(joint), given(x, 'sampleConditional'));
    addGaussian(y, roots().noise, random);
    return y;
  };
  return {
    kind,
    source,
    target,
    mass,
    conditionalMean,
    sampleConditional,
    sample(count, random) {
      const x = drawGaussian(joint.sourceMean, roots().source, count, random);
      return { x, y: sampleConditional(x, random) };
    },
    moments: () => copyMoments(joint),
    marginalError: () => ({
      metric: 'bw2-uvp',
      source: sideError({ mean: joint.sourceMean, covariance: joint.sourceCovariance }, source),
      target: sideError({ mean: joint.targetMean, covariance: joint.targetCovariance }, target),
    }),
    transportCost(wanted = cost) {
      if (wanted.squaredScale === undefined) {
        throw new DomainError(
          `${path}.transportCost: ${wanted.name} has no closed form here; use a squared cost, or average it over sample()`,
        );
      }
      return mass * wanted.squaredScale * meanSquare(joint);
    },
    reverse: () => Object.freeze(jointCoupling({ ...options, source: target, target: source, joint: reverseJoint(joint) })),
  };
}

/** E|x − y|². */
function meanSquare(joint: GaussianJoint): number {
  const shift = combine([1, joint.sourceMean], [-1, joint.targetMean]);
  return dot(shift, shift) + trace(joint.sourceCovariance) + trace(joint.targetCovariance) - 2 * trace(joint.crossCovariance);
}

function mapRoots(made: ReturnType<typeof jointRoot>): { source: Float64Array; noise: Float64Array } {
  return { source: flatten(made.source), noise: flatten(made.noise) };
}

function sideError(actual: { mean: Float64Array; covariance: ReturnType<Marginal['covariance']> }, prescribed: Marginal): number {
  return bwUvpOfMoments(actual, { mean: prescribed.mean(), covariance: prescribed.covariance() });
}
