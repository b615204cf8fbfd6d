import { descentStep, evaluatePotential, type PotentialFit } from '../closed-forms/mixture-step.ts';
import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import { ConvergenceError } from '../errors.ts';
import { type IterationOptions, iterateAsync, now, type Progress, type Status } from '../numerics/iterate.ts';
import { type RandomSource, randomSource } from '../numerics/random.ts';
import { coarseStart } from './mixture-coarse.ts';
import { adamIteration, type Batches, emIteration, type FitProblem, finiteFit } from './mixture-fit.ts';
import { type MixtureLaw, mixtureLaw } from './mixture-law.ts';
import { type MixtureOptions, type ResolvedMixtureOptions, resolveMixtureOptions } from './mixture-options.ts';
import { mixtureSamples, requireSpread } from './mixture-samples.ts';
import { type MixtureFit, type MixtureState, mixtureDigest, writeMixture } from './mixture-state.ts';
import { problemIdentity } from './run-identity.ts';

/** A bridge whose potential is a fitted mixture of Gaussians, every law of it in closed form. */
export interface MixtureBridge extends MixtureLaw, MixtureFit {
  readonly problem: BridgeProblem;
  /** No half-steps: the fit is direct. */
  readonly halfSteps: readonly [];
  /** SHA-256 of the potential and of the seed: equal fits have equal digests. */
  readonly digest: string;
  /** The whole bridge as one binary, for `restoreMixtureBridge`. */
  toBytes(): Uint8Array;
}

/** Steps of Adam between two looks at the clock. */
const STRIDE = 25;

/**
 * Fits a light Schrödinger bridge: the adjusted potential is a mixture v(y) = Σ_k α_k N(y; r_k, V_k), so that conditional laws, drift and
 * marginals are closed formulas, and the fit minimises KL(true plan | plan) = E log c(x) − E log v(y) + const over samples of both marginals,
 * c(x) = ∫ exp((Φx + m)ᵀK⁻¹y) v(y) dy for a reference with X_T | X_0 = x ~ N(Φx + m, K).
 *
 * `em`: responsibilities of the target sample give a convex upper bound of the loss that touches it; every component then moves towards
 * the Gaussian plan between its parts of both samples, as far as lowers the loss; steps are extrapolated from the last ones where that lowers
 * it more. The loss never rises, and one component is exact in one step. It starts from the best of eight seedings after a few steps on
 * some rows, and large samples are fitted by every eighth row first. `adam`: stochastic gradients of the same loss from one seeding.
 * Seedings are those of k-means++ of the target. Draws of marginals that are not made of points have exact
 * means and covariances, so that one component is the Gaussian bridge of the marginals' moments.
 *
 * A step costs samples × components × d², by matrix products where covariances are full; in many dimensions it is the number of samples that
 * limits full covariances: some hundred for each coordinate and component.
 *
 * Any linear reference. Drift, conditionals and paths are exact for the fitted potential; the backward drift is exact for sources made of
 * points and for one component, by importance sampling for Gaussian and mixture sources, and refused for sources known by sampling only.
 *
 * @throws DomainError on an unknown or unsuitable option, or when the data lie too far out for the noise of the reference;
 *   NotPositiveDefiniteError when the target is a single point, or has no variance in some direction and one component
 * @example
 * ```ts
 * import { bridgeProblem, brownian, gaussianMarginal, mixtureBridge } from 'viaduct';
 * const problem = bridgeProblem({
 *   source: gaussianMarginal({ mean: [-0.1], covariance: 1 }),
 *   target: gaussianMarginal({ mean: [0.1], covariance: 1 }),
 *   reference: brownian({ sigma: 1 }),
 * });
 * const bridge = await mixtureBridge(problem, { components: 1, samples: 1000 });
 * console.log(bridge.moments().crossCovariance.get(0, 0).toFixed(6)); // → 0.618034
 * ```
 * @see [korotin2024] [arthur2007] [anderson1965]
 */
export async function mixtureBridge(problem: BridgeProblem, options: MixtureOptions = {}): Promise<MixtureBridge> {
  const begun = now();
  const resolved = resolveMixtureOptions(problem, options);
  const random = randomSource(resolved.seed);
  const samples = mixtureSamples(problem, resolved.samples, random);
  requireSpread(samples, resolved);
  const { x, y, batches, restore } = samples;
  const ridge = (resolved.ridge * samples.variance) / resolved.components;
  const timed = withinLimit(options, begun);
  const start = await coarseStart({ x, y, ridge }, resolved, timed, random.split('centres'));
  const fit: FitProblem = { x, y, start, ridge };
  const found = await (resolved.method === 'em' ? runEm(fit, resolved, timed) : runAdam(fit, resolved, timed, batches, random));
  const error = -descentStep(found.fit, ridge).slope;
  const status = statusOf(found.status, error, resolved.tolerance);
  const remedy = status === 'diverged' ? remedyOf(resolved) : 'raise maxIterations or tolerance';
  if (status !== 'converged' && options.onFailure === 'throw') {
    throw new ConvergenceError(`mixtureBridge: ${status} after ${found.iterations} iterations with error ${error}; ${remedy}`);
  }
  const warnings = [
    ...warningsOf(found.fit, resolved.components),
    ...(status === 'diverged'
      ? [`mixtureBridge: diverged after ${found.iterations} iterations; this is the last good answer: ${remedy}`]
      : []),
  ];
  return completeMixture(problem, {
    options: resolved,
    potential: restore(found.fit.potential),
    status,
    iterations: found.iterations,
    error,
    loss: found.fit.loss,
    seconds: now() - begun,
    warnings: Object.freeze(warnings),
  });
}

/** The bridge of a fit. */
export function completeMixture(problem: BridgeProblem, state: MixtureState): MixtureBridge {
  const { potential, options, ...found } = state;
  const summary = () => ({
    kind: 'mixture-bridge',
    status: found.status,
    dimension: problem.dimension,
    components: potential.components.length,
    loss: found.loss,
    error: found.error,
    iterations: found.iterations,
  });
  return Object.freeze({
    ...mixtureLaw(problem, potential),
    problem,
    options,
    ...found,
    halfSteps: Object.freeze([]) as readonly [],
    get digest() {
      return mixtureDigest(state);
    },
    toBytes: () => writeMixture(problemIdentity(problem), state),
    toJSON: summary,
    [Symbol.for('nodejs.util.inspect.custom')]: summary,
  });
}

interface Found {
  readonly fit: PotentialFit;
  readonly status: Status;
  readonly iterations: number;
}

async function runEm(problem: FitProblem, { tolerance, maxIterations }: ResolvedMixtureOptions, options: MixtureOptions): Promise<Found> {
  const iteration = emIteration(problem);
  let loss = Number.NaN;
  const watched: typeof iteration = {
    ...iteration,
    error(state) {
      loss = state.fit.loss;
      return iteration.error(state);
    },
  };
  const run = await iterateAsync(watched, { ...driving(options, () => loss), tolerance, maxIterations });
  return { fit: run.state.fit, status: run.status, iterations: run.iterations };
}

async function runAdam(
  problem: FitProblem,
  { maxIterations, batchSize, learningRate }: ResolvedMixtureOptions,
  options: MixtureOptions,
  batches: Batches,
  random: RandomSource,
): Promise<Found> {
  const plan = { batches, batchSize, learningRate, steps: maxIterations, stride: STRIDE, random: random.split('batches') };
  const iteration = adamIteration(problem, plan);
  let loss = Number.NaN;
  const watched: typeof iteration = {
    ...iteration,
    step(state) {
      const next = iteration.step(state);
      loss = next.loss;
      return next;
    },
  };
  const shared = driving(options, () => loss, STRIDE, maxIterations);
  const run = await iterateAsync(watched, { ...shared, tolerance: 0, maxIterations: Math.ceil(maxIterations / STRIDE) });
  const { state } = run;
  const last = finiteFit(() => state.potential, problem.x, problem.y, problem.ridge);
  const fit = last ?? evaluatePotential(state.good, problem.x, problem.y, problem.ridge);
  return { fit, status: last === undefined ? 'diverged' : run.status, iterations: state.done };
}

/** The same options, whose time limit is what is left of it when it is asked for. */
function withinLimit(options: MixtureOptions, begun: number): MixtureOptions {
  const { timeLimit } = options;
  if (!(typeof timeLimit === 'number' && timeLimit > 0)) return options;
  return Object.defineProperty({ ...options }, 'timeLimit', { get: () => Math.max(1e-9, timeLimit - (now() - begun)) });
}

/** What the driver needs to know, with the loss added to its reports. */
function driving(
  { timeLimit, signal, onProgress }: MixtureOptions,
  loss: () => number,
  stride = 1,
  most = Number.POSITIVE_INFINITY,
): IterationOptions {
  return {
    ...(timeLimit === undefined ? {} : { timeLimit }),
    ...(signal === undefined ? {} : { signal }),
    ...(onProgress === undefined
      ? {}
      : {
          onProgress: (progress: Progress) =>
            onProgress({ ...progress, iteration: Math.min(most, progress.iteration * stride), loss: loss() }),
        }),
  };
}

function remedyOf({ method }: ResolvedMixtureOptions): string {
  return method === 'adam' ? 'lower learningRate' : 'raise ridge, or ask for fewer components';
}

/** `converged` exactly when the error recomputed from the answer is small. */
function statusOf(status: Status, error: number, tolerance: number): Status {
  if (Number.isNaN(error) || status === 'diverged') return 'diverged';
  if (error <= tolerance) return 'converged';
  return status === 'converged' ? 'max-iterations' : status;
}

function warningsOf({ potential, target }: PotentialFit, wanted: number): string[] {
  const made = potential.components.length;
  const idle = target.masses.filter((mass) => mass < 1e-6).length;
  return [
    ...(made < wanted ? [`mixtureBridge: ${made} components instead of ${wanted}: the target has no more distinct points`] : []),
    ...(idle > 0 ? [`mixtureBridge: ${idle} of ${made} components have no weight left; ask for fewer`] : []),
  ];
}
