import { DomainError } from '../errors.ts';
import { requireKnownOptions } from '../numerics/vectors.ts';
import type { Cost } from './cost.ts';
import { pointwiseCost } from './pointwise-cost.ts';

/** The derivatives of a cost at a pair of points: ∂c/∂x and ∂c/∂y, one number a coordinate each. */
export interface CostDerivatives {
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
}

/**
 * Any cost given as a function of two points.
 *
 * @param f called with the coordinates of x and y; returns a finite number, or Infinity to forbid the pair
 * @param options `gradient`: the derivatives `{ x, y }` of `f` in its first and second point; where `f` has a kink, any subgradient. With it
 *   answers have derivatives in the points; it is asked only of pairs that carry mass
 * @throws DomainError, when used, naming the pair on which `f` or `gradient` throws or returns what is no number
 * @example
 * ```ts
 * import { costFunction, points } from 'viaduct';
 * const cost = costFunction((x, y) => Math.abs(x[0]! - y[0]!));
 * console.log(cost.between(points([[1]]), points([[4]]))[0]); // → 3
 * ```
 * @example
 * ```ts
 * import { costFunction, discreteMarginal, entropicProblem, sinkhorn } from 'viaduct';
 * const cost = costFunction((x, y) => Math.cosh(x[0]! - y[0]!), {
 *   gradient: (x, y) => ({ x: [Math.sinh(x[0]! - y[0]!)], y: [Math.sinh(y[0]! - x[0]!)] }),
 * });
 * const at = (x: number) => discreteMarginal({ points: [[x]] });
 * const answer = sinkhorn(entropicProblem({ source: at(0), target: at(1), cost, epsilon: 1 }));
 * console.log(answer.gradients().y.data[0]!.toFixed(6)); // → 1.175201
 * ```
 */
export function costFunction(
  f: (x: Float64Array, y: Float64Array) => number,
  options: { readonly gradient?: (x: Float64Array, y: Float64Array) => CostDerivatives } = {},
): Cost {
  if (typeof f !== 'function') throw new DomainError(`costFunction: expected a function of two points, got ${typeof f}; pass (x, y) => …`);
  requireKnownOptions('costFunction', options, ['gradient']);
  const { gradient } = options;
  if (gradient !== undefined && typeof gradient !== 'function') {
    throw new DomainError(
      `costFunction: gradient must be a function of two points, got ${typeof gradient}; pass (x, y) => ({ x: …, y: … })`,
    );
  }
  const guarded = <T>(name: string, call: (x: Float64Array, y: Float64Array) => T, x: Float64Array, y: Float64Array): T => {
    try {
      return call(x, y);
    } catch (cause) {
      throw new DomainError(`costFunction: ${name}threw at x = [${x}], y = [${y}]; make it defined on every pair`, { cause });
    }
  };
  const checked: Cost['gradient'] = (x, y, dx, dy) => {
    const made = guarded('gradient ', gradient!, x, y);
    for (const [name, out] of [
      ['x', dx],
      ['y', dy],
    ] as const) {
      const given = made?.[name];
      for (let k = 0; k < out.length; k++) {
        const value = given?.[k];
        if (given?.length !== out.length || typeof value !== 'number' || !Number.isFinite(value)) {
          throw new DomainError(
            `costFunction: gradient at x = [${x}], y = [${y}] has ${name} = [${given === undefined ? '' : Array.from(given)}]; return { x, y }, ${out.length} finite numbers each`,
          );
        }
        out[k] = value;
      }
    }
  };
  return pointwiseCost('function', 'costFunction', (x, y) => guarded('', f, x, y), gradient === undefined ? {} : { gradient: checked });
}
