import type { GaussianJoint } from '../closed-forms/gaussian-joint.ts';
import { gaussianPlan, gaussianPlanValue } from '../closed-forms/gaussian-plan.ts';
import { type UnbalancedPlan, unbalancedPlan } from '../closed-forms/gaussian-unbalanced.ts';
import type { Coupling } from '../couplings/coupling.ts';
import { type EntropicProblem, penaltyOf } from '../couplings/entropic-problem.ts';
import { requireProblem } from '../couplings/require-problem.ts';
import { DomainError, ShapeError } from '../errors.ts';
import type { GaussianMarginal } from '../marginals/gaussian-marginal.ts';
import type { Marginal } from '../marginals/marginal.ts';
import { momentsOf } from '../marginals/marginal-moments.ts';
import { pseudoInverseSquareRoot, singularValues } from '../numerics/spd.ts';
import { jointCoupling } from './joint-coupling.ts';

/** The entropic plan between Gaussian measures: mass · N(joint). */
export interface GaussianCoupling extends Coupling {
  readonly kind: 'gaussian-coupling';
  /** Of the problem's cost: `linear` ⟨π, c⟩, `kl` KL(π | source ⊗ target), `primal` the objective minimised, penalties included. */
  readonly value: { readonly linear: number; readonly kl: number; readonly primal: number };
  /** Canonical correlations of the plan, descending: ρ = the first, and IPF contracts by ρ². */
  readonly canonicalCorrelations: Float64Array;
  /** Those of the problem, a rescaled mass for instance. */
  readonly warnings: readonly string[];
}

/**
 * Computes the entropic plan between two Gaussian measures in closed form: balanced, or with KL penalties on either side or both.
 *
 * Cost |x − y|² with ε and r is solved as ½|x − y|² with ε/2 and r/2, values times 2. Singular covariances are allowed when both sides
 * are exact.
 *
 * @throws DomainError when a marginal is not Gaussian or the cost not squared Euclidean; NotPositiveDefiniteError when a penalised problem
 *   has a singular covariance
 * @example
 * ```ts
 * import { entropicProblem, gaussianCoupling, gaussianMarginal, halfSquaredEuclidean } from 'viaduct';
 * const unit = gaussianMarginal({ mean: [0], covariance: 1 });
 * const plan = gaussianCoupling(entropicProblem({ source: unit, target: unit, cost: halfSquaredEuclidean(), epsilon: 1 }));
 * console.log(plan.canonicalCorrelations[0]!.toFixed(6)); // → 0.618034
 * ```
 * @see [janati2020] [mallasto2021]
 */
export function gaussianCoupling(problem: EntropicProblem): GaussianCoupling {
  requireProblem('gaussianCoupling', problem, 'entropic');
  const { cost, epsilon } = problem;
  const source = requireGaussian('gaussianCoupling', 'source', problem.source);
  const target = requireGaussian('gaussianCoupling', 'target', problem.target);
  if (cost.squaredScale === undefined) {
    throw new DomainError(`gaussianCoupling: no closed form for ${cost.name}; use a squared Euclidean cost, or sinkhorn on samples`);
  }
  if (source.dimension !== target.dimension) {
    throw new ShapeError(`gaussianCoupling: source has dimension ${source.dimension}, target ${target.dimension}; make them equal`);
  }
  const factor = 2 * cost.squaredScale;
  const penalties = (['source', 'target'] as const).map((side) => penaltyOf('gaussianCoupling', side, problem) / factor);
  const solved: GaussianSolution = penalties.every((r) => r === Number.POSITIVE_INFINITY)
    ? balancedPlan(source, target, epsilon / factor)
    : unbalancedPlan(
        { ...momentsOf(source), mass: source.mass, penalty: penalties[0]! },
        { ...momentsOf(target), mass: target.mass, penalty: penalties[1]! },
        epsilon / factor,
      );
  const { joint, mass, linear, kl, primal } = solved;
  return Object.freeze({
    ...jointCoupling({ kind: 'gaussian-coupling', path: 'gaussianCoupling', source, target, joint, mass, cost }),
    kind: 'gaussian-coupling',
    value: Object.freeze({ linear: factor * linear, kl, primal: factor * primal }),
    canonicalCorrelations: solved.correlations ?? canonicalCorrelations(joint),
    warnings: problem.warnings,
  });
}

/** A solved problem; `correlations` where the solver has them without inverses. */
type GaussianSolution = UnbalancedPlan & { readonly correlations?: Float64Array };

/** Both sides exact: equal masses, the plan is mass·N(joint). KL(π | a⊗b) = m·KL of the normalised plan + m log(1/m) − m + m². */
function balancedPlan(source: GaussianMarginal, target: GaussianMarginal, epsilon: number): GaussianSolution {
  const a = momentsOf(source);
  const b = momentsOf(target);
  const plan = gaussianPlan(a.covariance, b.covariance, epsilon);
  const unit = gaussianPlanValue(a.mean, a.covariance, b.mean, b.covariance, plan);
  const { mass } = source;
  const linear = mass * unit.linear;
  const kl = mass * unit.kl - mass * Math.log(mass) - mass + mass * mass;
  return {
    joint: {
      sourceMean: a.mean,
      sourceCovariance: a.covariance,
      targetMean: b.mean,
      targetCovariance: b.covariance,
      crossCovariance: plan.cross,
      targetGivenSource: plan.targetGivenSource,
    },
    mass,
    linear,
    kl,
    primal: linear + epsilon * kl,
    correlations: plan.correlations,
  };
}

/** Singular values of A^{-1/2} C B^{-1/2}, descending; inverses on the range of a singular side, whose other correlations are 0. */
export function canonicalCorrelations(joint: GaussianJoint): Float64Array {
  const left = pseudoInverseSquareRoot(joint.sourceCovariance);
  const right = pseudoInverseSquareRoot(joint.targetCovariance);
  return singularValues(left.mmul(joint.crossCovariance).mmul(right)).values;
}

/** Refuses a marginal that is not Gaussian. */
export function requireGaussian(path: string, side: string, marginal: Marginal): GaussianMarginal {
  if (marginal.kind === 'gaussian') return marginal as GaussianMarginal;
  throw new DomainError(
    `${path}: ${side} is a ${marginal.kind} marginal; pass gaussianMarginal({ mean: m.mean(), covariance: m.covariance() }), or use sinkhorn`,
  );
}
