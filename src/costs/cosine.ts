import type { Cost } from './cost.ts';
import { pointwiseCost } from './pointwise-cost.ts';

/**
 * The cost 1 − x·y/(|x||y|). A point at the origin has no direction and is refused as a NaN cost that names the pair.
 *
 * @example
 * ```ts
 * import { cosine, points } from 'viaduct';
 * console.log(cosine().between(points([[1, 0]]), points([[0, 2]]))[0]); // → 1
 * ```
 */
export function cosine(): Cost {
  return pointwiseCost('cosine', 'cosine()', (x, y) => {
    let xy = 0;
    let xx = 0;
    let yy = 0;
    for (let k = 0; k < x.length; k++) {
      xy += x[k]! * y[k]!;
      xx += x[k]! * x[k]!;
      yy += y[k]! * y[k]!;
    }
    return 1 - xy / Math.sqrt(xx * yy);
  });
}
