import { DomainError } from '../errors.ts';

/** A figure of a reproduced table beside the one that is to be reached. */
export interface ReproductionCheck {
  readonly name: string;
  readonly value: number;
  /** A value of at most this passes. */
  readonly goal: number;
  /** A value above this fails; one between the two is a warning. */
  readonly limit: number;
  readonly verdict: 'pass' | 'warn' | 'fail';
  /** One sentence: what is compared, and what the room between goal and limit is. */
  readonly meaning: string;
}

/**
 * Judges a figure: it passes up to the goal, and fails above the limit.
 *
 * @throws DomainError when a number is not finite, so that a NaN never passes
 */
export function reproductionCheck(
  name: string,
  value: number,
  { goal, limit = goal, meaning }: { readonly goal: number; readonly limit?: number; readonly meaning: string },
): ReproductionCheck {
  if (!Number.isFinite(value) || !Number.isFinite(goal) || !(limit >= goal)) {
    throw new DomainError(
      `reproduce: '${name}' has value ${value}, goal ${goal} and limit ${limit}; they must be finite, so look at what computed them`,
    );
  }
  const verdict = value <= goal ? 'pass' : value <= limit ? 'warn' : 'fail';
  return Object.freeze({ name, value, goal, limit, verdict, meaning });
}

/** Two standard errors of a mean over seeds: what chance alone may add. 0 for one seed, whose spread is not known. */
export function twoErrors(spread: number, seeds: number): number {
  return (2 * spread) / Math.sqrt(seeds);
}
