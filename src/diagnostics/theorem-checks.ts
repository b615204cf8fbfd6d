import type { Bridge } from '../couplings/bridge.ts';
import { bridgeProblem } from '../couplings/bridge-problem.ts';
import type { CouplingMoments } from '../couplings/coupling.ts';
import type { DiffusionBridge } from '../diffusion/diffusion-run.ts';
import { DomainError } from '../errors.ts';
import { pause } from '../numerics/iterate.ts';
import { type RandomSource, randomSource } from '../numerics/random.ts';
import { requireInteger, requireKnownOptions } from '../numerics/vectors.ts';
import type { DriftField } from '../references/drift-field.ts';
import { runawayPaths } from './finite-paths.ts';
import { gaussianTheorems } from './gaussian-theorems.ts';
import { girsanovTrend } from './girsanov-trend.ts';
import { drawPaths, type Judged, type NodePaths, type Truth } from './judged.ts';
import { marginalTest } from './marginal-test.ts';
import { reciprocity } from './reciprocity.ts';
import { sinkhornRounds } from './sinkhorn-rounds.ts';
import { steinResidual } from './stein-residual.ts';
import type { Finding, InapplicableCheck, TheoremCheck } from './theorem-check.ts';
import { energyChecks } from './truth-energy.ts';

/** Options of `theoremChecks`. */
export interface TheoremCheckOptions {
  /** Paths behind every estimate. @defaultValue 5000 */
  readonly samples?: number;
  /** @defaultValue a fixed stream, so that equal runs are judged equally */
  readonly random?: RandomSource;
  /** The exact drift where it is known: an `entropicBenchmark` or another bridge, say, whose draws are then used too. @defaultValue none */
  readonly truth?: Pick<DriftField, 'drift'>;
}

/** The checks that apply, in order, and beside them those that do not, with the reason. */
export interface TheoremChecks extends ReadonlyArray<TheoremCheck> {
  readonly inapplicable: readonly InapplicableCheck[];
}

/** Paths behind the moments of an iterate that has no closed form. */
const MOMENT_DRAWS = 20_000;

/**
 * Judges a bridge by what theory says of the true one, without knowing it: a trained run, a mixture, Gaussian or Sinkhorn bridge, or any object
 * that is a `Bridge`. Every check that applies is one line.
 *
 * Of any bridge, from draws alone: the Stein residual of f + b = g²∇log p; a two-sample test of the free marginal with a permutation null;
 * reciprocity, X_t given (X_0, X_T) being the reference bridge; the Sinkhorn bridge between draws of the marginals. Between Gaussians the
 * energy identity E∫|f − f_ref|²/2g² dt = KL(π* | reference). With `truth` the distance from the exact drift and its energy.
 *
 * Of a run, by its iterates: the trend of E Σ γ_k|f^{n+1} − f^n|²/2g² in one direction, outer iterations against Sinkhorn rounds, and between
 * Gaussians Proposition 4 of the paper, Jeffreys divergences and Pythagoras.
 *
 * What does not apply is listed in `inapplicable`, with what it would need: iterates, densities, the exact drift, a scalar reference.
 *
 * @param bridge what `diffusionBridge`, `mixtureBridge`, `sinkhornBridge` or any other scheme returned, or a `Bridge` of one's own; one without a
 *   `grid` is looked at on 32 steps
 * @returns checks with `verdict` `'pass'` (value ≤ limit), `'warn'` (≤ 3·limit) or `'fail'`, and the `knowledge` each used
 * @throws DomainError when `bridge` is none, or on an unknown option
 * @example
 * ```ts
 * import { bridgeProblem, brownian, diffusionBridge, driftModels, gaussianBridge, gaussianMarginal, theoremChecks } from 'viaduct';
 * const problem = bridgeProblem({
 *   source: gaussianMarginal({ mean: [0], covariance: 1 }),
 *   target: gaussianMarginal({ mean: [1], covariance: 1 }),
 *   reference: brownian({ sigma: 1 }),
 * });
 * const run = await diffusionBridge(problem, { iterations: 3, drift: driftModels.linear(), innerSteps: 100, seed: 1 });
 * const checks = await theoremChecks(run, { samples: 2000 });
 * console.log(checks.length, checks.filter(({ verdict }) => verdict === 'fail').length); // → 10 0
 * const exact = await theoremChecks(gaussianBridge(problem), { samples: 2000 });
 * console.log(exact.length, exact.inapplicable.length); // → 5 7
 * ```
 * @see [debortoli2021] [leonard2014]
 */
export async function theoremChecks(bridge: Bridge | DiffusionBridge, options: TheoremCheckOptions = {}): Promise<TheoremChecks> {
  requireKnownOptions('theoremChecks', options, ['samples', 'random', 'truth']);
  requireBridge(bridge);
  if (options.truth !== undefined && typeof options.truth?.drift !== 'function') {
    throw new DomainError('theoremChecks: truth has no drift(t, x); pass an exact bridge, or an entropicBenchmark');
  }
  const judged = judgedBridge(bridge, options);
  const runaway = runawayPaths(judged);
  if (runaway !== undefined) return listed([runaway]);
  const findings: Finding[] = [];
  for (const judge of [steinResidual, girsanovTrend, marginalTest, reciprocity, sinkhornRounds, gaussianTheorems, energyChecks]) {
    findings.push(...judge(judged));
    await pause();
  }
  return listed(findings);
}

function listed(findings: readonly Finding[]): TheoremChecks {
  const checks = findings.filter((finding) => 'verdict' in finding);
  const inapplicable = Object.freeze(findings.filter((finding) => 'reason' in finding));
  // Beside the list, and unseen by what compares lists: who goes through the checks wants figures.
  return Object.freeze(
    Object.defineProperty(checks, 'inapplicable', { value: inapplicable }) as TheoremCheck[] & { inapplicable: typeof inapplicable },
  );
}

function requireBridge(bridge: Bridge): void {
  const missing = [
    ...(['drift', 'backwardDrift', 'simulate', 'moments'] as const).filter((name) => typeof bridge?.[name] !== 'function'),
    ...(['source', 'target', 'reference'] as const).filter((name) => typeof bridge?.[name] !== 'object'),
  ];
  if (missing.length > 0) {
    throw new DomainError(
      `theoremChecks: this is no bridge, it has no ${missing.join(', ')}; pass what diffusionBridge, mixtureBridge or another scheme returned`,
    );
  }
}

function judgedBridge(bridge: Bridge | DiffusionBridge, options: TheoremCheckOptions): Judged {
  const random = options.random ?? randomSource(0).split('theorem checks');
  const samples = requireInteger('theoremChecks: samples', options.samples ?? 5000, 100);
  const run = typeof (bridge as Partial<DiffusionBridge>).chain === 'function' ? (bridge as DiffusionBridge) : undefined;
  const { source, target, reference } = bridge;
  const known = new Map<number, CouplingMoments>();
  let paths: NodePaths | undefined;
  return {
    bridge,
    run,
    problem: run?.problem ?? bridgeProblem({ source, target, reference }),
    samples,
    random,
    truth: options.truth as Truth | undefined,
    paths() {
      paths ??= drawPaths(bridge, run, samples, random.split('reciprocity'));
      return paths;
    },
    moments(halfStep) {
      const moments =
        known.get(halfStep) ?? run!.iterate(halfStep).moments({ samples: MOMENT_DRAWS, random: random.split('moments').split(halfStep) });
      known.set(halfStep, moments);
      return moments;
    },
  };
}
