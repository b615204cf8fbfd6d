import { squaredEuclidean } from '../costs/squared-euclidean.ts';
import { transportProblem } from '../couplings/transport-problem.ts';
import { exactTransport } from '../discrete/exact-transport.ts';
import type { DiscreteMarginal } from '../marginals/discrete-marginal.ts';
import type { PointsLike } from '../numerics/points.ts';
import { squaredQuantileDistance } from '../numerics/quantile-distance.ts';
import { asMeasure, requireEqualDimensions } from './samples.ts';

/**
 * Computes the 2-Wasserstein distance between two samples exactly: the root of the least mean of |x − y|² (not of half of it). By sorting
 * on the line, by the network simplex method elsewhere.
 *
 * Both sides are points with equal weights, or discrete measures, which are normalised.
 * @throws ShapeError when dimensions differ
 * @example
 * ```ts
 * import { wasserstein2 } from 'viaduct';
 * console.log(wasserstein2([[0, 0], [1, 0]], [[3, 4], [4, 4]])); // → 5
 * ```
 * @see [peyre2019]
 */
export function wasserstein2(x: PointsLike | DiscreteMarginal, y: PointsLike | DiscreteMarginal): number {
  const [source, target] = [asMeasure('wasserstein2: x', x), asMeasure('wasserstein2: y', y)];
  requireEqualDimensions('wasserstein2', source.dimension, target.dimension);
  if (source.dimension === 1) {
    const onLine = ({ points, weights }: DiscreteMarginal) => ({ positions: points.data, weights });
    return Math.sqrt(squaredQuantileDistance(onLine(source), onLine(target)));
  }
  return Math.sqrt(Math.max(0, exactTransport(transportProblem({ source, target, cost: squaredEuclidean() })).value.linear));
}
