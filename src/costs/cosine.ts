import type { Cost } from './cost.ts';
import { pointwiseCost } from './pointwise-cost.ts';

/**
 * The cost 1 − x·y/(|x||y|), whose derivative in x is (x̂·ŷ x̂ − ŷ)/|x| with x̂ = x/|x|, ŷ = y/|y|. A point at the origin has no direction and is refused as a NaN cost that names the pair.
 *
 * @example
 * ```ts
 * import { cosine, points } from 'viaduct';
 * console.log(cosine().between(points([[1, 0]]), points([[0, 2]]))[0]); // → 1
 * ```
 */
export function cosine(): Cost {
  const between = (x: Float64Array, y: Float64Array): number => {
    let xy = 0;
    let xx = 0;
    let yy = 0;
    for (let k = 0; k < x.length; k++) {
      xy += x[k]! * y[k]!;
      xx += x[k]! * x[k]!;
      yy += y[k]! * y[k]!;
    }
    return 1 - xy / Math.sqrt(xx * yy);
  };
  return pointwiseCost('cosine', 'cosine()', between, { gradient });
}

const gradient: Cost['gradient'] = (x, y, dx, dy) => {
  const [xx, yy] = [dot(x, x), dot(y, y)];
  const lengths = Math.sqrt(xx * yy);
  const cos = dot(x, y) / lengths;
  for (let k = 0; k < x.length; k++) {
    dx[k] = (cos * x[k]!) / xx - y[k]! / lengths;
    dy[k] = (cos * y[k]!) / yy - x[k]! / lengths;
  }
};

function dot(x: Float64Array, y: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < x.length; k++) sum += x[k]! * y[k]!;
  return sum;
}
