import { bridgePlan } from '../closed-forms/gaussian-plan.ts';
import { ipfRate } from '../closed-forms/ipf-step.ts';
import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import type { ChainDrift, DriftModel, DriftModelContext } from '../drifts/drift-model.ts';
import { referenceDrift } from '../drifts/reference-drift.ts';
import { now, pause, type Status } from '../numerics/iterate.ts';
import { type RandomSource, randomSource } from '../numerics/random.ts';
import type { Chain } from './chain.ts';
import { MOMENT_PATHS } from './chain-moments.ts';
import { completeRun, type DiffusionBridge, type HalfStepRecord } from './diffusion-run.ts';
import { type HalfStepOutcome, trainHalfStep } from './half-step.ts';
import { type DiffusionOptions, type ResolvedOptions, resolveOptions } from './options.ts';
import { regressionScheme } from './regression-scheme.ts';
import type { RegressionScheme } from './regression-target.ts';

/**
 * Trains a Diffusion Schrödinger Bridge: iterative proportional fitting in which every half-step learns the reversal of the current chain
 * by regression on simulated paths.
 *
 * Half-step 1 learns the backward drift of the discretised reference (score-based generative modelling), half-step 2 the forward drift of
 * the backward chain, and so on. A network is labelled by the transition it parameterises and starts from the previous iteration's.
 *
 * @returns the run; `status` says `max-iterations` when all half-steps were done, since no residual of a learned bridge is known exactly
 * @throws DomainError on an unknown or unsuitable option
 * @example
 * ```ts
 * import { bridgeProblem, brownian, diffusionBridge, driftModels, gaussianMarginal, timeGrid } from 'viaduct';
 * const problem = bridgeProblem({
 *   source: gaussianMarginal({ mean: [0], covariance: 1 }),
 *   target: gaussianMarginal({ mean: [1], covariance: 1 }),
 *   reference: brownian({ sigma: 1 }),
 * });
 * const run = await diffusionBridge(problem, {
 *   iterations: 2, grid: timeGrid.uniform({ steps: 10 }), drift: driftModels.linear(), innerSteps: 100, cache: 4000, seed: 1,
 * });
 * console.log(run.halfSteps.length); // → 4
 * ```
 * @see [debortoli2021]
 */
export async function diffusionBridge(problem: BridgeProblem, options: DiffusionOptions = {}): Promise<DiffusionBridge> {
  const resolved = resolveOptions(problem, options);
  const { drift: spec, seed, iterations } = resolved;
  const random = randomSource(seed);
  const scheme = regressionScheme(problem, resolved);
  const models = {
    backward: spec.make(modelContext(problem, resolved, 'backward', random)),
    forward: spec.make(modelContext(problem, resolved, 'forward', random)),
  };
  const warnings = rateWarnings(problem, iterations);
  const records: HalfStepRecord[] = [];
  const chains: Chain[] = [startingChain(problem, resolved)];
  const start = now();
  let status: Status = 'max-iterations';
  for (let i = 1; i <= 2 * iterations; i++) {
    const direction = i % 2 === 1 ? 'backward' : 'forward';
    const outcome = await runHalfStep(i, scheme, chains.at(-1)!, models[direction], resolved, random.split(i), start);
    if (outcome.status !== 'done') {
      status = outcome.status;
      warnings.push(`diffusionBridge: half-step ${i} (${direction}) ${outcome.status}; the run ends with half-step ${i - 1}`);
      break;
    }
    chains.push(learnedChain(problem, resolved, scheme, direction, models[direction].freeze()));
    records.push({ direction, loss: outcome.loss, seconds: outcome.seconds });
  }
  return completeRun({ problem, options: resolved, chains, records, status, warnings, samples: Math.max(MOMENT_PATHS, resolved.paths) });
}

/** Drains the training of one half-step, giving up the thread between slices. */
async function runHalfStep(
  i: number,
  scheme: RegressionScheme,
  chain: Chain,
  model: DriftModel,
  options: ResolvedOptions,
  random: RandomSource,
  start: number,
): Promise<HalfStepOutcome> {
  const { innerSteps, iterations, onProgress, signal } = options;
  if (signal?.aborted) return { status: 'aborted', loss: Number.NaN, seconds: 0 };
  const direction = chain.direction === 'forward' ? 'backward' : 'forward';
  const training = trainHalfStep(scheme, chain, model, options, random, i === 1);
  for (;;) {
    const next = training.next();
    if (next.done) return next.value;
    const { step, loss } = next.value;
    const seconds = now() - start;
    const done = (i - 1) * innerSteps + step;
    const secondsLeft = (seconds / Math.max(1, done)) * (2 * iterations * innerSteps - done);
    onProgress?.({ halfStep: i, halfSteps: 2 * iterations, direction, step, steps: innerSteps, loss, seconds, secondsLeft });
    await pause();
  }
}

/** The discretised reference from the source: iterate 0. */
function startingChain(problem: BridgeProblem, { grid }: ResolvedOptions): Chain {
  const { reference, dimension, source } = problem;
  const chain = reference.discretise(grid);
  return {
    direction: 'forward',
    grid,
    drift: referenceDrift(reference, grid, dimension),
    noise: Array.from({ length: grid.steps }, (_, k) => chain.kernel(k, dimension).covariance),
    start: source,
  };
}

function learnedChain(
  problem: BridgeProblem,
  { grid }: ResolvedOptions,
  scheme: RegressionScheme,
  direction: Chain['direction'],
  drift: ChainDrift,
): Chain {
  return { direction, grid, drift, noise: scheme.noise(direction), start: direction === 'forward' ? problem.source : problem.target };
}

/** Labels: F_k carries t_k, B_{k+1} carries t_{k+1}. Inputs are standardised by the pooled moments of both marginals, outputs by the larger of noise/scale and distance/horizon. */
function modelContext(
  { source, target, reference, dimension }: BridgeProblem,
  { grid, batchSize }: ResolvedOptions,
  direction: Chain['direction'],
  random: RandomSource,
): DriftModelContext {
  const [a, b] = [source.mean(), target.mean()];
  const [A, B] = [source.covariance(), target.covariance()];
  const center = a.map((x, k) => (x + b[k]!) / 2);
  const scale = a.map((x, k) => Math.sqrt((A.get(k, k) + B.get(k, k)) / 2 + ((x - b[k]!) / 2) ** 2) || 1);
  const noise = reference.transition(0, reference.horizon, dimension).covariance.mul(1 / reference.horizon);
  const sizes = a.map((x, k) => Math.hypot(noise.get(k, k) / scale[k]!, (x - b[k]!) / reference.horizon));
  const driftScale = Math.hypot(...sizes) / Math.sqrt(dimension);
  const labels = direction === 'forward' ? grid.times.slice(0, -1) : grid.times.slice(1);
  const { durations, horizon } = grid;
  return { dimension, direction, labels, horizon, durations, center, scale, driftScale, batchSize, random: random.split(direction) };
}

/** What ρ of the moment-matched Gaussians predicts about the number of iterations, before any training. */
function rateWarnings({ source, target, reference, dimension }: BridgeProblem, iterations: number): string[] {
  const moments = (marginal: typeof source) => ({ mean: marginal.mean(), covariance: marginal.covariance() });
  const { plan } = bridgePlan(moments(source), moments(target), reference.transition(0, reference.horizon, dimension));
  const rate = ipfRate(plan.correlations);
  const needed = Math.ceil(Math.log(0.01) / Math.log(rate));
  if (!(needed > iterations)) return [];
  const advice = needed > 300 ? '; enlarge sigma or the horizon' : '';
  return [
    `diffusionBridge: ρ² = ${rate.toPrecision(3)} of the moment-matched Gaussians predicts ${needed} iterations to 1% of the initial error, ${iterations} were asked for${advice}`,
  ];
}
