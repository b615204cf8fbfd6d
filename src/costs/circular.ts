import { DomainError } from '../errors.ts';
import { requireKnownOptions } from '../numerics/vectors.ts';
import { axisGradient } from './axis-gradient.ts';
import type { Cost } from './cost.ts';
import { pointwiseCost } from './pointwise-cost.ts';

/** The circular cost, with the circle and the exponent. */
export interface CircularCost extends Cost {
  readonly kind: 'circular';
  readonly circumference: number;
  readonly p: number;
}

/**
 * The cost Σ_k d(x_k, y_k)^p with d the length of the shorter arc between two positions on a circle; in more dimensions, on a torus.
 * Positions that differ by a whole number of circumferences are the same. The derivative in a coordinate is taken to be 0 between opposite
 * positions, where it is the mean of those from either side, and for p ≤ 1 also between equal ones.
 *
 * @param options `circumference` > 0, in units of the positions, default 2π (angles in radians); `p` > 0, default 2. In one dimension and
 *   for p ≥ 1 `exactTransport` takes linear time after sorting
 * @throws DomainError unless both are positive and finite
 * @example
 * ```ts
 * import { circular, points } from 'viaduct';
 * const hours = circular({ circumference: 24, p: 1 });
 * console.log(hours.between(points([[23]]), points([[1]]))[0]); // → 2
 * ```
 * @see [delon2010]
 */
export function circular(options: { readonly circumference?: number; readonly p?: number } = {}): CircularCost {
  requireKnownOptions('circular', options, ['circumference', 'p']);
  const { circumference = 2 * Math.PI, p = 2 } = options;
  if (!(Number.isFinite(circumference) && circumference > 0)) {
    throw new DomainError(`circular: circumference must be > 0 and finite, got ${String(circumference)}; pass 360 for degrees, say`);
  }
  if (!(Number.isFinite(p) && p > 0)) throw new DomainError(`circular: p must be > 0 and finite, got ${String(p)}; pass 2, say`);
  const axis = (x: number, y: number): number => {
    const turned = Math.abs(x - y) % circumference;
    const arc = Math.min(turned, circumference - turned);
    return p === 1 ? arc : p === 2 ? arc * arc : arc ** p;
  };
  const between = (x: Float64Array, y: Float64Array): number => {
    let sum = 0;
    for (let k = 0; k < x.length; k++) sum += axis(x[k]!, y[k]!);
    return sum;
  };
  const gradient = axisGradient((r) => {
    // From −½ to ½ of the circumference, the way along the shorter arc.
    const arc = r - circumference * Math.round(r / circumference);
    return arc === 0 || 2 * Math.abs(arc) >= circumference ? 0 : Math.sign(arc) * p * Math.abs(arc) ** (p - 1);
  });
  return Object.freeze({
    ...pointwiseCost('circular', `circular({ circumference: ${circumference}, p: ${p} })`, between, { gradient }),
    axis,
    kind: 'circular',
    circumference,
    p,
  });
}
