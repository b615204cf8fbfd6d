import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import { FormatError } from '../errors.ts';
import type { Marginal } from '../marginals/marginal.ts';
import { flatten } from '../numerics/affine.ts';
import { randomSource } from '../numerics/random.ts';
import { sha256 } from '../numerics/sha256.ts';
import type { ResolvedOptions } from './options.ts';

/** Plain data that decides every bit of a run, by name; marginals and references enter as hashes of what they do. */
export type RunIdentity = { readonly [field: string]: unknown };

/** Fields that describe the problem. */
export const PROBLEM_FIELDS = ['dimension', 'source', 'target', 'reference'] as const;

/** What identifies a problem: dimension, moments and draws of the marginals, coefficients of the reference. */
export function problemIdentity({ source, target, reference, dimension }: BridgeProblem): RunIdentity {
  return { dimension, source: hashOf(source), target: hashOf(target), reference: hashOfReference(reference, dimension) };
}

/** What identifies a run; the number of iterations is left out, because a longer run begins like a shorter one. */
export function runIdentity(scheme: string, problem: BridgeProblem, options: ResolvedOptions, own: RunIdentity = {}): RunIdentity {
  const { grid, drift, target, batchSize, innerSteps, learningRate, paths, refreshEvery, keep, draws, initial, seed, covariance } = options;
  return {
    scheme,
    ...problemIdentity(problem),
    times: Array.from(grid.times),
    durations: Array.from(grid.durations),
    regressed: target,
    drift: drift.description,
    batchSize,
    innerSteps,
    learningRate,
    paths,
    refreshEvery: refreshEvery ?? null,
    // Absent where it is the default of the target.
    ...(target === 'endpoint' && keep === 'paths' ? { keep } : {}),
    draws,
    initial,
    seed,
    // Absent when constant, as in runs stored before there was a choice.
    ...(covariance === undefined ? {} : { covariance }),
    ...own,
  };
}

/** Refuses bytes of another run or problem, naming the first field that differs. */
export function requireSameRun(
  path: string,
  wanted: RunIdentity,
  stored: RunIdentity,
  fields: readonly string[] = [...new Set([...Object.keys(wanted), ...Object.keys(stored)])],
): void {
  for (const field of fields) {
    const [here, there] = [JSON.stringify(wanted[field]), JSON.stringify(stored[field])];
    if (here === there) continue;
    const short = (text: string | undefined): string => (text === undefined ? 'absent' : text.length > 60 ? `${text.slice(0, 57)}…` : text);
    const detail =
      field === 'source' || field === 'target' || field === 'reference' ? '' : ` (stored ${short(there)}, here ${short(here)})`;
    throw new FormatError(
      `${path}: the stored run is another one, its ${field} differs${detail}; pass what it was trained with, or store elsewhere`,
    );
  }
}

const DRAWS = 32;

function hashOf(marginal: Marginal): string {
  const draws = marginal.sample(DRAWS, randomSource(0).split('identity'));
  return `${marginal.kind} ${hashOfNumbers(marginal.mean(), flatten(marginal.covariance()), draws.data)}`;
}

function hashOfReference(reference: BridgeProblem['reference'], dimension: number): string {
  const { horizon } = reference;
  const x = { data: Float64Array.from({ length: 3 * dimension }, (_, i) => 0.7 * (i % 3) - 0.5 + 0.1 * i), count: 3, dimension };
  const values = [0.1, 0.5, 0.9].flatMap((share) => [
    reference.drift(share * horizon, x).data,
    flatten(reference.diffusionCovariance(share * horizon, dimension)),
  ]);
  return `${reference.kind} ${hashOfNumbers(Float64Array.of(horizon), ...values)}`;
}

/** SHA-256 of numbers. */
export function hashOfNumbers(...arrays: readonly Float64Array[]): string {
  return sha256(new Uint8Array(Float64Array.from(arrays.flatMap((array) => Array.from(array))).buffer));
}
