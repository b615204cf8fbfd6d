import type { LearnedMoments } from '../diffusion/chain-moments.ts';
import type { DiffusionBridge } from '../diffusion/diffusion-run.ts';
import { DomainError } from '../errors.ts';
import { pause } from '../numerics/iterate.ts';
import { type RandomSource, randomSource } from '../numerics/random.ts';
import { requireInteger, requireKnownOptions } from '../numerics/vectors.ts';
import type { DriftField } from '../references/drift-field.ts';
import { runawayPaths } from './finite-paths.ts';
import { gaussianTheorems } from './gaussian-theorems.ts';
import { girsanovTrend } from './girsanov-trend.ts';
import { marginalTest } from './marginal-test.ts';
import { reciprocity } from './reciprocity.ts';
import { sinkhornRounds } from './sinkhorn-rounds.ts';
import { steinResidual } from './stein-residual.ts';
import type { Judged, TheoremCheck } from './theorem-check.ts';
import { energyChecks } from './truth-energy.ts';

/** Options of `theoremChecks`. */
export interface TheoremCheckOptions {
  /** Paths behind every estimate. @defaultValue 5000 */
  readonly samples?: number;
  /** @defaultValue a fixed stream, so that equal runs are judged equally */
  readonly random?: RandomSource;
  /** The exact drift where it is known: an `entropicBenchmark`, say. @defaultValue none */
  readonly truth?: Pick<DriftField, 'drift'>;
}

/** Paths behind the moments of an iterate that has no closed form. */
const MOMENT_DRAWS = 20_000;

/**
 * Judges a learned bridge by what theory says of the true one, without knowing it. Every check that applies is one line.
 *
 * From draws alone: the Stein residual of f + b = g²∇log p; the trend of E Σ γ_k|f^{n+1} − f^n|²/2g² over iterates of one direction; a
 * two-sample test of the free marginal with a permutation null; reciprocity, X_t given (X_0, X_T) being the reference bridge; outer iterations
 * against Sinkhorn rounds, and the last against the Sinkhorn bridge, between draws of the marginals. Between Gaussians also Proposition 4 of
 * the paper, Jeffreys divergences, Pythagoras, and the energy identity E∫|f − f_ref|²/2g² dt = KL(π* | reference). With `truth` the distance
 * from the exact drift and its energy.
 *
 * What does not apply is absent: Sinkhorn with a matrix-valued reference, IPF theorems for other schemes, reciprocity where the reference is
 * only simulated.
 *
 * @param run a run of `diffusionBridge`, `bridgeMatching`, `sinkhornFlowMatching` or `scoreModel`
 * @returns checks with `verdict` `'pass'` (value ≤ limit), `'warn'` (≤ 3·limit) or `'fail'`, and the `knowledge` each used
 * @throws DomainError when the run has no chain of its own, or on an unknown option
 * @example
 * ```ts
 * import { bridgeProblem, brownian, diffusionBridge, driftModels, gaussianMarginal, theoremChecks } from 'viaduct';
 * const problem = bridgeProblem({
 *   source: gaussianMarginal({ mean: [0], covariance: 1 }),
 *   target: gaussianMarginal({ mean: [1], covariance: 1 }),
 *   reference: brownian({ sigma: 1 }),
 * });
 * const run = await diffusionBridge(problem, { iterations: 3, drift: driftModels.linear(), innerSteps: 100, seed: 1 });
 * const checks = await theoremChecks(run, { samples: 2000 });
 * console.log(checks.length, checks.filter(({ verdict }) => verdict === 'fail').length); // → 10 0
 * ```
 * @see [debortoli2021] [leonard2014]
 */
export async function theoremChecks(run: DiffusionBridge, options: TheoremCheckOptions = {}): Promise<readonly TheoremCheck[]> {
  requireKnownOptions('theoremChecks', options, ['samples', 'random', 'truth']);
  if (typeof run?.chain !== 'function') {
    throw new DomainError(
      'theoremChecks: run has no chain of transitions; pass what diffusionBridge or another trained scheme returned, or use compareBridges',
    );
  }
  if (options.truth !== undefined && typeof options.truth.drift !== 'function') {
    throw new DomainError('theoremChecks: truth has no drift(t, x); pass an exact bridge, or an entropicBenchmark');
  }
  const judged = judgedRun(run, options);
  const runaway = runawayPaths(judged);
  if (runaway !== undefined) return Object.freeze([runaway]);
  const all = [
    () => steinResidual(judged),
    () => girsanovTrend(judged),
    () => marginalTest(judged),
    () => reciprocity(judged),
    () => sinkhornRounds(judged),
    () => gaussianTheorems(judged),
    () => energyChecks(judged),
  ];
  const checks: TheoremCheck[] = [];
  for (const judge of all) {
    checks.push(...[judge() ?? []].flat());
    await pause();
  }
  return Object.freeze(checks);
}

function judgedRun(run: DiffusionBridge, options: TheoremCheckOptions): Judged {
  const random = options.random ?? randomSource(0).split('theorem checks');
  const known = new Map<number, LearnedMoments>();
  return {
    run,
    problem: run.problem,
    halfSteps: run.halfSteps.length,
    samples: requireInteger('theoremChecks: samples', options.samples ?? 5000, 100),
    random,
    truth: options.truth,
    moments(halfStep) {
      const moments =
        known.get(halfStep) ?? run.iterate(halfStep).moments({ samples: MOMENT_DRAWS, random: random.split('moments').split(halfStep) });
      known.set(halfStep, moments);
      return moments;
    },
  };
}
