/** A consequence of the theory of Schrödinger bridges, measured on a bridge. */
export interface TheoremCheck {
  readonly name: string;
  /** Finite and ≥ 0; 0 is perfect. */
  readonly value: number;
  /** What a good bridge stays under. */
  readonly limit: number;
  /** `'pass'`: value ≤ limit; `'warn'`: value ≤ 3·limit; `'fail'`: above. */
  readonly verdict: 'pass' | 'warn' | 'fail';
  /** What was known besides the bridge: draws of the marginals only, a density or an exact drift, or Gaussian closed forms. */
  readonly knowledge: 'samples' | 'densities' | 'closed form';
  /** One sentence: what holds when it passes. */
  readonly meaning: string;
}

/** A check that has nothing to say of the bridge that is judged. */
export interface InapplicableCheck {
  readonly name: string;
  /** What it would need, and does not find. */
  readonly reason: string;
}

/** What a check finds: its figure, or why there is none. */
export type Finding = TheoremCheck | InapplicableCheck;

/** Up to where a check of this limit warns: three times it, without the digits that binary fractions add. */
export function failureLimit(limit: number): number {
  return Number((3 * limit).toPrecision(12));
}

/** Makes a check; a value that is not finite, of paths that ran away, fails. */
export function theoremCheck(check: Omit<TheoremCheck, 'verdict'>): TheoremCheck {
  const value = Number.isFinite(check.value) ? check.value : Number.MAX_VALUE;
  const verdict = value <= check.limit ? 'pass' : value <= failureLimit(check.limit) ? 'warn' : 'fail';
  return Object.freeze({ ...check, value, verdict });
}

/** Says of checks that they do not apply, and why. */
export function inapplicable(names: readonly string[], reason: string): InapplicableCheck[] {
  return names.map((name) => Object.freeze({ name, reason }));
}
