import { type Check, check } from '../report/report.ts';

/**
 * A figure of a reproduced table beside the one that is to be reached: it passes up to the goal, fails above the limit, and is a warning
 * between them, where `meaning` says what that room is.
 *
 * @throws DomainError when a number is not finite, so that a NaN never passes
 */
export function reproductionCheck(
  name: string,
  value: number,
  { goal, limit = goal, meaning }: { readonly goal: number; readonly limit?: number; readonly meaning: string },
): Check {
  return check(name, value, limit, meaning, { goal });
}

/** Two standard errors of a mean over seeds: what chance alone may add. 0 for one seed, whose spread is not known. */
export function twoErrors(spread: number, seeds: number): number {
  return (2 * spread) / Math.sqrt(seeds);
}
