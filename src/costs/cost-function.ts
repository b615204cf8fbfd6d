import { DomainError } from '../errors.ts';
import type { Cost } from './cost.ts';
import { pointwiseCost } from './pointwise-cost.ts';

/**
 * Any cost given as a function of two points.
 *
 * @param f called with the coordinates of x and y; returns a finite number, or Infinity to forbid the pair
 * @throws DomainError, when used, naming the pair on which `f` throws or returns NaN
 * @example
 * ```ts
 * import { costFunction, points } from 'viaduct';
 * const cost = costFunction((x, y) => Math.abs(x[0]! - y[0]!));
 * console.log(cost.between(points([[1]]), points([[4]]))[0]); // → 3
 * ```
 */
export function costFunction(f: (x: Float64Array, y: Float64Array) => number): Cost {
  if (typeof f !== 'function') throw new DomainError(`costFunction: expected a function of two points, got ${typeof f}; pass (x, y) => …`);
  return pointwiseCost('function', 'costFunction', (x, y) => {
    try {
      return f(x, y);
    } catch (cause) {
      throw new DomainError(`costFunction: threw at x = [${x}], y = [${y}]; make it defined on every pair`, { cause });
    }
  });
}
