import { halfSquaredEuclidean } from '../costs/squared-euclidean.ts';
import { DomainError } from '../errors.ts';
import { discreteMarginal, isDiscrete } from '../marginals/discrete-marginal.ts';
import { type GaussianMarginal, gaussianMarginal } from '../marginals/gaussian-marginal.ts';
import type { Marginal } from '../marginals/marginal.ts';
import { type MixtureMarginal, mixtureMarginal } from '../marginals/mixture-marginal.ts';
import { type Affine, applyAffine } from '../numerics/affine.ts';
import { inverseSquareRoot } from '../numerics/spd.ts';
import { multiplyVector } from '../numerics/vectors.ts';
import type { BridgeProblem } from './bridge-problem.ts';
import { type EntropicProblem, entropicProblem } from './entropic-problem.ts';

/**
 * The end-point problem of a bridge: the static problem that has the same plan.
 *
 * Scalar references: cost ½|x − y|² and ε = effectiveEpsilon. Matrix-valued ones: cost ½|x' − y'|² and ε = 1 between the whitened
 * marginals x' = K^{-1/2}(Φx + m), y' = K^{-1/2}y. The plan is that of the bridge, not the values, potentials or iterates.
 *
 * @throws DomainError when a matrix-valued reference meets marginals that cannot be whitened (not Gaussian, mixture or discrete)
 * @example
 * ```ts
 * import { bridgeProblem, brownian, gaussianMarginal, staticProblem } from 'viaduct';
 * const unit = gaussianMarginal({ mean: [0], covariance: 1 });
 * console.log(staticProblem(bridgeProblem({ source: unit, target: unit, reference: brownian({ sigma: 2 }) })).epsilon); // → 4
 * ```
 */
export function staticProblem(problem: BridgeProblem): EntropicProblem {
  const { source, target, reference, dimension } = problem;
  const cost = halfSquaredEuclidean();
  if (reference.effectiveEpsilon !== undefined) return entropicProblem({ source, target, cost, epsilon: reference.effectiveEpsilon });
  const { matrix, offset, covariance } = reference.transition(0, reference.horizon, dimension);
  const whitener = inverseSquareRoot(covariance, 'staticProblem: noise of the reference');
  return entropicProblem({
    source: mapped(source, { matrix: whitener.mmul(matrix), offset: multiplyVector(whitener, offset) }),
    target: mapped(target, { matrix: whitener, offset: new Float64Array(dimension) }),
    cost,
    epsilon: 1,
  });
}

/** The law of matrix·x + offset. */
function mapped(marginal: Marginal, map: Affine): Marginal {
  if (isDiscrete(marginal)) return discreteMarginal({ points: applyAffine(map, marginal.points), weights: marginal.weights });
  if (marginal.kind === 'gaussian') return mappedGaussian(marginal as GaussianMarginal, map);
  if (marginal.kind === 'mixture') {
    const { weights, components } = marginal as MixtureMarginal;
    return mixtureMarginal({ weights, components: components.map((component) => mappedGaussian(component, map)) });
  }
  throw new DomainError(
    `staticProblem: a ${marginal.kind} marginal cannot be whitened for a matrix-valued reference; pass dataMarginal(marginal.sample(n, random))`,
  );
}

function mappedGaussian(marginal: GaussianMarginal, { matrix, offset }: Affine): GaussianMarginal {
  return gaussianMarginal({
    mean: multiplyVector(matrix, marginal.mean()).map((m, k) => m + offset[k]!),
    covariance: matrix.mmul(marginal.covariance()).mmul(matrix.transpose()),
    mass: marginal.mass,
  });
}
