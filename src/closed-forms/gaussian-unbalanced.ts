import { inverse, Matrix } from 'ml-matrix';
import type { Moments } from '../numerics/moments.ts';
import { blockJoint, eigenSymmetric, fromEigen, inverseSpd, inverseSquareRoot, squareRoot, symmetrise, trace } from '../numerics/spd.ts';
import { combine, dot, multiplyVector } from '../numerics/vectors.ts';
import type { GaussianJoint } from './gaussian-joint.ts';
import { gaussianKl } from './gaussian-kl.ts';

/** A side of the unbalanced problem: mass·N(mean, covariance), with penalty r·KL, r = ∞ for an exact side. */
export interface PenalisedGaussian extends Moments {
  readonly mass: number;
  readonly penalty: number;
}

/** The plan mass·N(joint), and the named values of the problem. */
export interface UnbalancedPlan {
  readonly joint: GaussianJoint;
  readonly mass: number;
  readonly linear: number;
  readonly kl: number;
  readonly primal: number;
}

/**
 * min ∫½|x − y|² dπ + ε KL(π | α ⊗ β) + r₁ KL(π₁ | α) + r₂ KL(π₂ | β) between Gaussian measures, at least one r finite.
 *
 * With λ = r + ε, τ = r/λ, A' = λ₁(I − λ₁(A + λ₁I)⁻¹) (A itself on an exact side), W = A'B'/ε², δ = τ₂ − τ₁: the joint precision is
 * [[P, −I/ε], [−I/ε, Q]] with X = ½(I − δW) + (¼(I − δW)² + τ₂W)^{1/2}, P = A'⁻¹X, Q = (X + δW)B'⁻¹.
 *
 * @throws NotPositiveDefiniteError when a covariance is singular
 * @see [janati2020]
 */
export function unbalancedPlan(source: PenalisedGaussian, target: PenalisedGaussian, epsilon: number): UnbalancedPlan {
  const identity = Matrix.eye(source.mean.length);
  const [lambda1, lambda2] = [source.penalty + epsilon, target.penalty + epsilon];
  const [tau1, tau2] = [share(source.penalty, lambda1), share(target.penalty, lambda2)];
  const shrunkA = shrink(source.covariance, lambda1);
  const shrunkB = shrink(target.covariance, lambda2);
  // Functions of W = A'B'/ε² by the symmetric similarity h B' h / ε², h = A'^{1/2}: φ(W) = h φ(·) h⁻¹.
  const h = squareRoot(shrunkA);
  const hInverse = inverseSquareRoot(shrunkA, 'gaussianCoupling: source covariance');
  const eigen = eigenSymmetric(
    h
      .mmul(shrunkB)
      .mmul(h)
      .div(epsilon * epsilon),
  );
  const delta = tau2 - tau1;
  const x = (w: number): number => (1 - delta * w) / 2 + Math.sqrt((1 - delta * w) ** 2 / 4 + tau2 * w);
  const p = hInverse.mmul(fromEigen(eigen, x)).mmul(hInverse);
  const q = symmetrise(
    h
      .mmul(fromEigen(eigen, (w) => x(w) + delta * w))
      .mmul(hInverse)
      .mmul(inverseSpd(shrunkB, 'gaussianCoupling: target covariance')),
  );
  const covariance = inverseSpd(blockJoint(p, Matrix.mul(identity, -1 / epsilon), q), 'gaussianCoupling: joint precision');

  const d = identity.rows;
  const system = Matrix.add(identity, Matrix.mul(source.covariance, 1 / lambda1)).add(Matrix.mul(target.covariance, 1 / lambda2));
  const move = multiplyVector(inverse(system), combine([1, target.mean], [-1, source.mean]));
  const joint: GaussianJoint = {
    sourceMean: combine([1, source.mean], [1 / lambda1, multiplyVector(source.covariance, move)]),
    targetMean: combine([1, target.mean], [-1 / lambda2, multiplyVector(target.covariance, move)]),
    sourceCovariance: covariance.subMatrix(0, d - 1, 0, d - 1),
    targetCovariance: covariance.subMatrix(d, 2 * d - 1, d, 2 * d - 1),
    crossCovariance: covariance.subMatrix(0, d - 1, d, 2 * d - 1),
  };
  return { joint, ...massAndValue(joint, covariance, source, target, epsilon) };
}

/** r/(r + ε), 1 on an exact side. */
function share(penalty: number, lambda: number): number {
  return penalty === Number.POSITIVE_INFINITY ? 1 : penalty / lambda;
}

/** λ(I − λ(A + λI)⁻¹) = A(A + λI)⁻¹λ, A on an exact side. */
function shrink(a: Matrix, lambda: number): Matrix {
  if (lambda === Number.POSITIVE_INFINITY) return a;
  return fromEigen(eigenSymmetric(a), (x) => (x * lambda) / (x + lambda));
}

/** The best mass of a plan of this shape, and what the problem is worth there; every term is a closed KL between Gaussians. */
function massAndValue(
  joint: GaussianJoint,
  covariance: Matrix,
  source: PenalisedGaussian,
  target: PenalisedGaussian,
  epsilon: number,
): { mass: number; linear: number; kl: number; primal: number } {
  const shift = combine([1, joint.sourceMean], [-1, joint.targetMean]);
  const unitLinear =
    0.5 * (dot(shift, shift) + trace(joint.sourceCovariance) + trace(joint.targetCovariance)) - trace(joint.crossCovariance);
  const d = shift.length;
  const product = blockJoint(source.covariance, Matrix.zeros(d, d), target.covariance);
  const unitKl = gaussianKl(
    { mean: Float64Array.of(...joint.sourceMean, ...joint.targetMean), covariance },
    { mean: Float64Array.of(...source.mean, ...target.mean), covariance: product },
  );
  const sides = [
    { ...source, unit: sideKl(source, { mean: joint.sourceMean, covariance: joint.sourceCovariance }) },
    { ...target, unit: sideKl(target, { mean: joint.targetMean, covariance: joint.targetCovariance }) },
  ];
  const exact = sides.find(({ penalty }) => penalty === Number.POSITIVE_INFINITY);
  const soft = sides.filter(({ penalty }) => penalty !== Number.POSITIVE_INFINITY);
  const base = source.mass * target.mass;
  const unit = unitLinear + epsilon * unitKl + soft.reduce((sum, { penalty, unit: kl }) => sum + penalty * kl, 0);
  const weights = epsilon + soft.reduce((sum, { penalty }) => sum + penalty, 0);
  const logs = epsilon * Math.log(base) + soft.reduce((sum, { penalty, mass }) => sum + penalty * Math.log(mass), 0);
  const mass = exact?.mass ?? Math.exp((logs - unit) / weights);
  // KL(mπ̄ | m₀ν) = m·KL(π̄ | ν) + m log(m/m₀) − m + m₀
  const withMass = (kl: number, reference: number): number => mass * kl + mass * Math.log(mass / reference) - mass + reference;
  const linear = mass * unitLinear;
  const kl = withMass(unitKl, base);
  const penalties = soft.reduce((sum, side) => sum + side.penalty * withMass(side.unit, side.mass), 0);
  return { mass, linear, kl, primal: linear + epsilon * kl + penalties };
}

function sideKl(side: PenalisedGaussian, actual: Moments): number {
  return side.penalty === Number.POSITIVE_INFINITY ? 0 : gaussianKl(actual, side);
}
