import type { Cost } from './cost.ts';
import { pointwiseCost } from './pointwise-cost.ts';
import { squaredDistance } from './squared-euclidean.ts';

/**
 * The cost |x − y|; OT_0 is then the 1-Wasserstein distance. Its derivative (x − y)/|x − y| is taken to be 0, a subgradient, at x = y.
 *
 * @example
 * ```ts
 * import { euclidean, points } from 'viaduct';
 * console.log(euclidean().between(points([[0, 0]]), points([[3, 4]]))[0]); // → 5
 * ```
 */
export function euclidean(): Cost {
  return pointwiseCost('euclidean', 'euclidean()', (x, y) => Math.sqrt(squaredDistance(x, y)), { gradient });
}

const gradient: Cost['gradient'] = (x, y, dx, dy) => {
  const distance = Math.sqrt(squaredDistance(x, y));
  for (let k = 0; k < x.length; k++) {
    const s = distance > 0 ? (x[k]! - y[k]!) / distance : 0;
    dx[k] = s;
    dy[k] = -s;
  }
};
