import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import type { LearnedMoments } from '../diffusion/chain-moments.ts';
import type { DiffusionBridge } from '../diffusion/diffusion-run.ts';
import type { RandomSource } from '../numerics/random.ts';
import type { DriftField } from '../references/drift-field.ts';

/** A consequence of the theory of Schrödinger bridges, measured on a run. */
export interface TheoremCheck {
  readonly name: string;
  /** Finite and ≥ 0; 0 is perfect. */
  readonly value: number;
  /** What a good run stays under. */
  readonly limit: number;
  /** `'pass'`: value ≤ limit; `'warn'`: value ≤ 3·limit; `'fail'`: above. */
  readonly verdict: 'pass' | 'warn' | 'fail';
  /** What was known besides the run: draws of the marginals only, a density or an exact drift, or Gaussian closed forms. */
  readonly knowledge: 'samples' | 'densities' | 'closed form';
  /** One sentence: what holds when it passes. */
  readonly meaning: string;
}

/** Up to where a check of this limit warns: three times it, without the digits that binary fractions add. */
export function failureLimit(limit: number): number {
  return Number((3 * limit).toPrecision(12));
}

/** A run with what its checks share. */
export interface Judged {
  readonly run: DiffusionBridge;
  readonly problem: BridgeProblem;
  /** Half-steps done. */
  readonly halfSteps: number;
  /** Paths behind every estimate. */
  readonly samples: number;
  readonly random: RandomSource;
  /** The exact drift, where it is known. */
  readonly truth: Pick<DriftField, 'drift'> | undefined;
  /** Moments of the law after a half-step, computed once. */
  moments(halfStep: number): LearnedMoments;
}

/** Makes a check; a value that is not finite, of a chain that ran away, fails. */
export function theoremCheck(check: Omit<TheoremCheck, 'verdict'>): TheoremCheck {
  const value = Number.isFinite(check.value) ? check.value : Number.MAX_VALUE;
  const verdict = value <= check.limit ? 'pass' : value <= failureLimit(check.limit) ? 'warn' : 'fail';
  return Object.freeze({ ...check, value, verdict });
}

/**
 * The error in nats that learning an affine map for every transition from the paths of the cache leaves at least: d(d + 1)/2n a transition.
 * What is smaller says nothing.
 */
export function regressionNoise({ run, problem }: Judged): number {
  const d = problem.dimension;
  return (run.options.grid.steps * d * (d + 1)) / (2 * run.options.paths);
}
