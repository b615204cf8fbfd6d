import { DomainError, ShapeError } from '../errors.ts';

/** Finite, non-negative weights with a finite, positive sum, one a point, copied; `what` names a point and says how they are ordered. */
export function toWeights(path: string, given: ArrayLike<number>, count: number, what: { one: string; hint: string }): Float64Array {
  if (typeof given !== 'object' || given === null || typeof given.length !== 'number') {
    throw new ShapeError(`${path}: expected an array of weights, got ${String(given)}; pass ${what.hint}`);
  }
  if (given.length !== count || count === 0) {
    throw new ShapeError(`${path}: ${given.length} weights for ${count} ${what.one}s; pass ${what.hint}`);
  }
  const made = new Float64Array(count);
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const w: unknown = given[i];
    if (typeof w !== 'number') throw new DomainError(`${path}: weight ${i} is ${describe(w)}, not a number; pass numbers ≥ 0`);
    if (!(w >= 0 && Number.isFinite(w))) throw new DomainError(`${path}: weight ${i} is ${w}; weights must be finite and ≥ 0`);
    made[i] = w;
    sum += w;
  }
  if (!(sum > 0)) throw new DomainError(`${path}: all weights are zero; give at least one ${what.one} a weight`);
  if (!Number.isFinite(sum)) throw new DomainError(`${path}: the sum of the weights overflows a double; divide them by their largest`);
  return made;
}

function describe(value: unknown): string {
  return typeof value === 'string' ? `the text '${value}'` : String(value);
}
