import { axisGradient } from './axis-gradient.ts';
import type { Cost } from './cost.ts';
import { pointwiseCost } from './pointwise-cost.ts';

/**
 * The cost |x − y|²; OT_0 is then the squared 2-Wasserstein distance.
 *
 * @example
 * ```ts
 * import { points, squaredEuclidean } from 'viaduct';
 * console.log(squaredEuclidean().between(points([[0, 0]]), points([[3, 4]]))[0]); // → 25
 * ```
 */
export function squaredEuclidean(): Cost {
  return Object.freeze({
    ...pointwiseCost('squared-euclidean', 'squaredEuclidean()', squaredDistance, {
      gradient: axisGradient((r) => 2 * r),
      squaredScale: 1,
    }),
    axis: (x: number, y: number) => (x - y) ** 2,
  });
}

/**
 * The cost ½|x − y|², which ties static problems to Brownian bridges: eps = σ²T.
 *
 * @example
 * ```ts
 * import { halfSquaredEuclidean, points } from 'viaduct';
 * console.log(halfSquaredEuclidean().between(points([[0, 0]]), points([[3, 4]]))[0]); // → 12.5
 * ```
 */
export function halfSquaredEuclidean(): Cost {
  return Object.freeze({
    ...pointwiseCost('half-squared-euclidean', 'halfSquaredEuclidean()', (x, y) => 0.5 * squaredDistance(x, y), {
      gradient: axisGradient((r) => r),
      squaredScale: 0.5,
    }),
    axis: (x: number, y: number) => 0.5 * (x - y) ** 2,
  });
}

/** |x − y|². */
export function squaredDistance(x: Float64Array, y: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < x.length; k++) {
    const difference = x[k]! - y[k]!;
    sum += difference * difference;
  }
  return sum;
}
