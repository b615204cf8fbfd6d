import { DomainError } from '../errors.ts';
import { axisGradient } from './axis-gradient.ts';
import type { Cost } from './cost.ts';
import { pointwiseCost } from './pointwise-cost.ts';

/** The lp cost, with its exponent. */
export interface LpCost extends Cost {
  readonly kind: 'lp';
  readonly p: number;
}

/**
 * The cost Σ_k |x_k − y_k|^p. For p ≤ 1 its derivative in a coordinate is taken to be 0, a subgradient, where x_k = y_k.
 *
 * @param p > 0; convex for p ≥ 1
 * @example
 * ```ts
 * import { lp, points } from 'viaduct';
 * console.log(lp(1).between(points([[0, 0]]), points([[3, 4]]))[0]); // → 7
 * ```
 */
export function lp(p: number): LpCost {
  if (!(Number.isFinite(p) && p > 0)) throw new DomainError(`lp: p must be > 0 and finite, got ${String(p)}; pass 1.5, say`);
  const power = p === 1 ? (r: number) => r : p === 2 ? (r: number) => r * r : (r: number) => r ** p;
  const between = (x: Float64Array, y: Float64Array): number => {
    let sum = 0;
    for (let k = 0; k < x.length; k++) sum += power(Math.abs(x[k]! - y[k]!));
    return sum;
  };
  const axis = (x: number, y: number): number => power(Math.abs(x - y));
  const gradient = axisGradient((r) => (r === 0 ? 0 : Math.sign(r) * p * Math.abs(r) ** (p - 1)));
  const known = { gradient, squaredScale: p === 2 ? 1 : undefined };
  return Object.freeze({ ...pointwiseCost('lp', `lp(${p})`, between, known), axis, kind: 'lp', p });
}
