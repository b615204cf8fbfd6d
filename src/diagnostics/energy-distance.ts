import { meanOverPairs } from '../numerics/pairwise.ts';
import type { PointsLike } from '../numerics/points.ts';
import { twoSamples } from './samples.ts';

/**
 * Computes the energy distance between two samples, 2 E|x − y| − E|x − x'| − E|y − y'| over all pairs of the samples: ≥ 0, and 0 exactly
 * when they are equal. It has no bandwidth; no root is taken.
 *
 * @throws ShapeError when dimensions differ
 * @example
 * ```ts
 * import { energyDistance } from 'viaduct';
 * console.log(energyDistance([[0]], [[3]])); // → 6
 * ```
 * @see [szekely2013]
 */
export function energyDistance(x: PointsLike, y: PointsLike): number {
  const [a, b] = twoSamples('energyDistance', x, y);
  return Math.max(0, 2 * meanOverPairs(a, b, Math.sqrt) - meanOverPairs(a, a, Math.sqrt) - meanOverPairs(b, b, Math.sqrt));
}
