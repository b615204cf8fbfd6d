import type { Cost } from './cost.ts';
import { pointwiseCost } from './pointwise-cost.ts';
import { squaredDistance } from './squared-euclidean.ts';

/**
 * The cost |x − y|; OT_0 is then the 1-Wasserstein distance.
 *
 * @example
 * ```ts
 * import { euclidean, points } from 'viaduct';
 * console.log(euclidean().between(points([[0, 0]]), points([[3, 4]]))[0]); // → 5
 * ```
 */
export function euclidean(): Cost {
  return pointwiseCost('euclidean', 'euclidean()', (x, y) => Math.sqrt(squaredDistance(x, y)));
}
