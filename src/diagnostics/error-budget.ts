import type { Bridge } from '../couplings/bridge.ts';
import type { CouplingMoments } from '../couplings/coupling.ts';
import { type LearnedMoments, sampleEnds, sampleMoments } from '../diffusion/chain-moments.ts';
import type { DiffusionBridge } from '../diffusion/diffusion-run.ts';
import { type MixtureBridge, mixtureBridge } from '../diffusion/mixture-bridge.ts';
import { DomainError } from '../errors.ts';
import { gaussianBridge } from '../gaussian/gaussian-bridge.ts';
import { requireGaussian } from '../gaussian/gaussian-coupling.ts';
import { randomSource } from '../numerics/random.ts';
import { requireInteger, requireKnownOptions } from '../numerics/vectors.ts';
import { learnedLaw } from './learned-law.ts';
import { type SchemeCounterpart, schemeCounterpart } from './scheme-counterpart.ts';

/** A moment of the coupling of the end points. */
export type BudgetMoment = keyof CouplingMoments;

/** Where the error of one moment after one half-step comes from; every part lists the entries of the moment, matrices row by row. */
export interface ErrorBudgetRow {
  /** 1, 2, …; odd ones run backward from the target. 0 for a scheme without half-steps, whose one answer it is. */
  readonly halfStep: number;
  readonly moment: BudgetMoment;
  /** Too few iterations: the iterate of the scheme (IPF, or IMF for bridge matching) in continuous time − the bridge. */
  readonly ipf: readonly number[];
  /** Too few steps, and the bias of the regression target: the scheme on its grid with infinite data − that iterate. */
  readonly discretisation: readonly number[];
  /** Made in this half-step: the learned law − a perfect regression on the learned law before it. */
  readonly regressionFresh: readonly number[];
  /** Inherited from half-steps before: that perfect regression − the scheme with infinite data. */
  readonly regressionAccumulated: readonly number[];
  /** Finite sample: as many paths as the training cache holds − the learned law. */
  readonly sampling: readonly number[];
  /**
   * Of `regressionFresh + regressionAccumulated`: from the spread over seeds when there are any, otherwise the standard error of the moment
   * of a Gaussian sample of that size.
   */
  readonly standardError: readonly number[];
}

/** The error of a run, taken apart. */
export interface ErrorBudget {
  readonly rows: readonly ErrorBudgetRow[];
  /** Runs behind the parts, which are means over them: 1 + the number of further seeds. */
  readonly runs: number;
}

/** Options of `errorBudget`. */
export interface ErrorBudgetOptions {
  /** Further seeds: the run is repeated with each, parts are means, and standard errors come from the spread. @defaultValue none */
  readonly seeds?: readonly number[];
  /** Paths behind a learned law that has no closed form. @defaultValue 200 000 */
  readonly paths?: number;
  /** Told the share of the work that is done. */
  readonly onProgress?: (share: number) => void;
}

const MOMENTS: readonly BudgetMoment[] = ['sourceMean', 'targetMean', 'sourceCovariance', 'targetCovariance', 'crossCovariance'];

/**
 * Takes the error of a learned bridge between Gaussians apart, for every half-step and moment, into what iteration, discretisation,
 * regression and sampling contribute.
 *
 * Every scheme is taken apart: `diffusionBridge` with any target and `scoreModel` against IPF, `bridgeMatching` against iterative Markovian
 * fitting from the same coupling, `sinkhornFlowMatching` against the one projection of its plan, `mixtureBridge` against the bridge itself,
 * which it fits without a grid.
 *
 * A signed telescope from the bridge to a sample of the run: IPF − bridge, population DSB − IPF, learned law − population DSB (fresh and
 * inherited), sample − learned law; the parts add up to sample − bridge. With `linear()` the learned law is exact. For a network it is that
 * of 200 000 paths whose start and noise have exact moments, and the perfect regression is least squares on such paths.
 *
 * @throws DomainError when the bridge was not learned, a marginal of its problem is not Gaussian, its reference is simulated, a seed is
 *   repeated, or pairs came from mini-batches, whose law is not known
 * @example
 * ```ts
 * import { bridgeProblem, brownian, diffusionBridge, driftModels, errorBudget, gaussianMarginal, timeGrid } from 'viaduct';
 * const problem = bridgeProblem({
 *   source: gaussianMarginal({ mean: [0], covariance: 1 }),
 *   target: gaussianMarginal({ mean: [1], covariance: 1 }),
 *   reference: brownian({ sigma: 1 }),
 * });
 * const run = await diffusionBridge(problem, {
 *   iterations: 1, grid: timeGrid.uniform({ steps: 4 }), drift: driftModels.linear(), innerSteps: 20, cache: 1000, seed: 1,
 * });
 * const { rows } = await errorBudget(run);
 * console.log(rows.length, rows[0]!.ipf[0]!.toFixed(3)); // → 10 0.500
 * ```
 */
export async function errorBudget(run: DiffusionBridge | MixtureBridge, options: ErrorBudgetOptions = {}): Promise<ErrorBudget> {
  requireKnownOptions('errorBudget', options, ['seeds', 'paths', 'onProgress']);
  requireLearned(run);
  const { problem } = run;
  for (const side of ['source', 'target'] as const) requireGaussian(`errorBudget: ${side} of the run`, side, problem[side]);
  const { seeds, paths, onProgress } = checked(run, options);
  const runs = 1 + seeds.length;
  const bridge = gaussianBridge(problem).moments();
  const exact = run.kind === 'mixture-bridge' ? undefined : schemeCounterpart('errorBudget', run);
  const measured: Measured[][] = [];
  for (const seed of [undefined, ...seeds]) {
    const done = measured.length / runs;
    const tell = (share: number): void => onProgress?.(done + share / runs);
    measured.push(await measureAgain(run, seed, exact, paths, tell));
  }
  const count = Math.min(...measured.map((one) => one.length));
  const rows = Array.from({ length: count }, (_, i) => {
    const halfStep = run.halfSteps.length === 0 ? 0 : i + 1;
    const ipf = exact === undefined ? bridge : exact.iterate(halfStep);
    const parts = { bridge, ipf, population: exact === undefined ? bridge : exact.population(halfStep) };
    return MOMENTS.map((moment) =>
      budgetRow(
        halfStep,
        moment,
        parts,
        measured.map((one) => one[i]!),
      ),
    );
  });
  return Object.freeze({ rows: Object.freeze(rows.flat()), runs });
}

/** Refuses what was not learned, and a reference whose bridge is not known exactly. */
function requireLearned(run: DiffusionBridge | MixtureBridge): void {
  const { kind, drift } = (run ?? {}) as Partial<Bridge>;
  if (kind !== 'diffusion-bridge' && kind !== 'mixture-bridge') {
    const given =
      drift === undefined ? 'this is no bridge' : `a ${kind} was not learned: it has no error of iteration, grid and regression`;
    throw new DomainError(`errorBudget: ${given}; pass what diffusionBridge, mixtureBridge or another learning scheme returned`);
  }
  if (run.problem.reference.kind === 'simulated') {
    throw new DomainError(
      'errorBudget: between Gaussians over a simulated reference no bridge is known in closed form; use theoremChecks, or a linear reference',
    );
  }
}

/** What one run contributes to a half-step. */
interface Measured {
  readonly law: CouplingMoments;
  readonly step: CouplingMoments;
  readonly sample: LearnedMoments;
}

/** What the run itself contributes, or the run with another seed. */
async function measureAgain(
  run: DiffusionBridge | MixtureBridge,
  seed: number | undefined,
  exact: SchemeCounterpart | undefined,
  paths: number,
  tell: (share: number) => void,
): Promise<Measured[]> {
  if (run.kind === 'mixture-bridge') {
    return [measureFit(seed === undefined ? run : await mixtureBridge(run.problem, { ...run.options, seed }))];
  }
  return measure(seed === undefined ? run : await run.repeat(seed), exact!, paths, tell);
}

/** A direct fit of the bridge: its law is all that is learned. */
function measureFit(run: MixtureBridge): Measured {
  const { problem, options } = run;
  const { x, y } = run.sample(options.samples, randomSource(options.seed).split('error budget').split('sample'));
  return { law: run.moments(), step: gaussianBridge(problem).moments(), sample: sampleMoments(x, y) };
}

async function measure(
  run: DiffusionBridge,
  exact: SchemeCounterpart,
  paths: number,
  onProgress: (share: number) => void,
): Promise<Measured[]> {
  const { problem, options } = run;
  const random = randomSource(options.seed).split('error budget');
  const measured: Measured[] = [];
  const total = run.halfSteps.length;
  const lawOf = (i: number): ReturnType<typeof learnedLaw> =>
    learnedLaw(run.chain(i), {
      problem,
      target: options.target,
      start: i === 0 ? exact.start() : undefined,
      nextNoise: run.chain(Math.min(i + 1, total)).noise,
      paths,
      random: random.split('law').split(i),
    });
  const sampleOf = (i: number): LearnedMoments => {
    const { x, y } = sampleEnds(run.chain(i), options.paths, random.split('sample').split(i));
    return sampleMoments(x, y);
  };
  let before = await lawOf(0);
  if (total === 0) return [{ law: before.moments, step: exact.population(0), sample: sampleOf(0) }];
  for (let i = 1; i <= total; i++) {
    const law = await lawOf(i);
    measured.push({ law: law.moments, step: before.step(), sample: sampleOf(i) });
    before = law;
    onProgress(i / total);
  }
  return measured;
}

function budgetRow(
  halfStep: number,
  moment: BudgetMoment,
  exact: { readonly bridge: CouplingMoments; readonly ipf: CouplingMoments; readonly population: CouplingMoments },
  runs: readonly Measured[],
): ErrorBudgetRow {
  const bridge = entries(exact.bridge[moment]);
  const ipf = entries(exact.ipf[moment]);
  const population = entries(exact.population[moment]);
  const laws = runs.map((one) => entries(one.law[moment]));
  const law = meanOf(laws);
  const step = meanOf(runs.map((one) => entries(one.step[moment])));
  const sample = meanOf(runs.map((one) => entries(one.sample[moment])));
  return Object.freeze({
    halfStep,
    moment,
    ipf: difference(ipf, bridge),
    discretisation: difference(population, ipf),
    regressionFresh: difference(law, step),
    regressionAccumulated: difference(step, population),
    sampling: difference(sample, law),
    standardError: runs.length > 1 ? spreadOfMean(laws, law) : entries(runs[0]!.sample.standardErrors![moment]),
  });
}

/** Entries of a vector, or of a matrix row by row. */
function entries(moment: CouplingMoments[BudgetMoment]): number[] {
  return moment instanceof Float64Array ? Array.from(moment) : moment.to1DArray();
}

function difference(a: readonly number[], b: readonly number[]): readonly number[] {
  return Object.freeze(a.map((value, i) => value - b[i]!));
}

function meanOf(values: readonly (readonly number[])[]): number[] {
  return values[0]!.map((_, i) => values.reduce((sum, one) => sum + one[i]!, 0) / values.length);
}

/** Standard error of the mean of independent runs. */
function spreadOfMean(values: readonly (readonly number[])[], mean: readonly number[]): readonly number[] {
  const n = values.length;
  return Object.freeze(mean.map((m, i) => Math.sqrt(values.reduce((sum, one) => sum + (one[i]! - m) ** 2, 0) / (n - 1) / n)));
}

function checked(run: DiffusionBridge | MixtureBridge, { seeds = [], paths = 200_000, onProgress }: ErrorBudgetOptions) {
  const all = [run.options.seed, ...seeds];
  all.forEach((seed, i) => {
    if (!Number.isSafeInteger(seed)) throw new DomainError(`errorBudget: seeds must be whole numbers, got ${seed}; pass [1, 2, 3], say`);
    if (all.indexOf(seed) < i) {
      throw new DomainError(`errorBudget: seed ${seed} is used twice (the run itself has ${run.options.seed}); pass seeds that differ`);
    }
  });
  return { seeds, paths: requireInteger('errorBudget: paths', paths, 1000), onProgress };
}
