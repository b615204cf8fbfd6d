import { inverse, type Matrix } from 'ml-matrix';
import type { GaussianKernel } from '../numerics/affine.ts';
import { inverseSquareRoot, scaleColumns, singularValues, squareRoot, symmetrise, trace } from '../numerics/spd.ts';
import type { GaussianJoint } from './gaussian-joint.ts';

/** The entropic plan between centred Gaussians under ½|x − y|². */
export interface GaussianPlan {
  /** Cov(x, y). */
  readonly cross: Matrix;
  /** Canonical correlations s_i of the plan, descending. */
  readonly correlations: Float64Array;
  /** 1 − s_i², free of cancellation. */
  readonly residuals: Float64Array;
  /** Singular values σ_i of A^{1/2}B^{1/2}. */
  readonly singular: Float64Array;
  /** Cov(y | x) = B^{1/2} V diag(1 − s²) Vᵀ B^{1/2}. */
  readonly targetGivenSource: Matrix;
}

/**
 * The plan between N(0, A) and N(0, B) for cost ½|x − y|² and regularisation ε: with A^{1/2}B^{1/2} = U diag(σ) Vᵀ,
 * s = 2σ/(ε + √(ε² + 4σ²)) and C = A^{1/2} U diag(s) Vᵀ B^{1/2}. Singular A or B are allowed.
 *
 * @see [janati2020] [mallasto2021]
 */
export function gaussianPlan(a: Matrix, b: Matrix, epsilon: number): GaussianPlan {
  const rootA = squareRoot(a);
  const rootB = squareRoot(b);
  const { u, values, v } = singularValues(rootA.mmul(rootB));
  const denominators = values.map((sigma) => epsilon + Math.sqrt(epsilon * epsilon + 4 * sigma * sigma));
  const correlations = values.map((sigma, i) => (2 * sigma) / denominators[i]!);
  const residuals = denominators.map((d) => (2 * epsilon) / d);
  const turned = rootB.mmul(v);
  return {
    cross: scaleColumns(rootA.mmul(u), correlations).mmul(turned.transpose()),
    correlations,
    residuals,
    singular: values,
    targetGivenSource: symmetrise(scaleColumns(turned, residuals).mmul(turned.transpose())),
  };
}

/** The two parts of the optimal value for cost ½|x − y|²: ⟨π, c⟩ and KL(π | μ ⊗ ν), per unit of mass. */
export function gaussianPlanValue(
  meanA: Float64Array,
  a: Matrix,
  meanB: Float64Array,
  b: Matrix,
  plan: GaussianPlan,
): { readonly linear: number; readonly kl: number } {
  let squares = trace(a) + trace(b);
  meanA.forEach((m, i) => {
    squares += (m - meanB[i]!) * (m - meanB[i]!);
  });
  let overlap = 0;
  let kl = 0;
  plan.singular.forEach((sigma, i) => {
    overlap += sigma * plan.correlations[i]!;
    kl -= 0.5 * Math.log(plan.residuals[i]!);
  });
  return { linear: 0.5 * squares - overlap, kl };
}

/**
 * The joint law of the end points of the bridge between N(a, A) and N(b, B) over a reference with X_T | X_0 = x ~ N(Φx + m, K): the plan
 * of section "matrix-valued reference", whitened by K^{-1/2} so that ε = 1. C = AΦᵀK⁻¹·Cov(y | x), so that Φ may be singular (an Euler step that forgets its start).
 */
export function bridgePlan(
  source: { readonly mean: Float64Array; readonly covariance: Matrix },
  target: { readonly mean: Float64Array; readonly covariance: Matrix },
  transition: GaussianKernel,
): { readonly joint: GaussianJoint; readonly plan: GaussianPlan } {
  const whitener = inverseSquareRoot(transition.covariance, 'reference: noise over the horizon');
  const carry = whitener.mmul(transition.matrix);
  const plan = gaussianPlan(
    symmetrise(carry.mmul(source.covariance).mmul(carry.transpose())),
    symmetrise(whitener.mmul(target.covariance).mmul(whitener)),
    1,
  );
  const back = inverse(whitener);
  return {
    plan,
    joint: {
      sourceMean: source.mean,
      sourceCovariance: source.covariance,
      targetMean: target.mean,
      targetCovariance: target.covariance,
      crossCovariance: source.covariance.mmul(carry.transpose()).mmul(plan.targetGivenSource).mmul(back),
      targetGivenSource: symmetrise(back.mmul(plan.targetGivenSource).mmul(back)),
    },
  };
}
