import { DomainError } from '../errors.ts';

/**
 * Refuses ε so small that rounding of the exponents C/ε alone exceeds the tolerance: typical rounding is a fiftieth of its bound.
 *
 * @param largest largest finite |C|
 * @param remedy what else to do
 */
export function requireRepresentable(path: string, largest: number, epsilon: number, tolerance: number, remedy: string): void {
  const smallest = (2 * 2.220446049250313e-16 * largest) / (50 * Math.max(tolerance, 1e-300));
  if (tolerance > 0 && epsilon < smallest) {
    throw new DomainError(
      `${path}: epsilon ${epsilon} is too small for doubles at tolerance ${Number(tolerance.toPrecision(6))}; the smallest that works is about ${smallest.toPrecision(3)}, or ${remedy}`,
    );
  }
}
