import { bwUvpOfMoments } from '../closed-forms/bures-wasserstein.ts';
import { jointFromKernel } from '../closed-forms/gaussian-joint.ts';
import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import type { Points, PointsLike } from '../numerics/points.ts';
import type { RandomSource } from '../numerics/random.ts';
import type { Chain } from './chain.ts';
import type { DiffusionBridge } from './diffusion-run.ts';
import { endpointMatching } from './endpoint-matching.ts';
import { flowLikelihood, type LikelihoodOptions } from './flow-likelihood.ts';
import { type ScoreSampling, scoreFlow, scoreSample } from './score-sampling.ts';
import { resolveTraining, type TrainingOptions } from './training-options.ts';
import { alternating, trainBridge } from './training-run.ts';

/** A score-based generative model; as a coupling and as a law it is the backward chain from the target. */
export interface ScoreModel extends DiffusionBridge {
  /** The same model with another seed. */
  repeat(seed: number): Promise<ScoreModel>;
  /**
   * Generates: row i of `x` was generated from row i of `y`, a draw of the target. With a random source alone it draws pairs of the learned
   * chain, as every coupling does; options choose the method.
   */
  sample(count: number, how?: RandomSource | ScoreSampling): { readonly x: Points; readonly y: Points };
  /** log p_0 of the model at every row, by the probability flow from the density of the target; in nats. */
  logLikelihood(x: PointsLike, options?: LikelihoodOptions): Float64Array;
}

/** Percent of the target's variance by which the reference may miss it without a warning. */
const MISSED = 1;

/**
 * Trains a score-based generative model: the first half-iteration of a diffusion bridge alone. The source is the data, the target the
 * prior; the reference takes one to the other only as its horizon grows, and `warnings` says when it does not.
 *
 * X_t is drawn from X_0 by the reference, in closed form for every linear one (`variancePreserving`, `varianceExploding`, …), and the
 * backward drift −f + ggᵀ∇log p_t is regressed with reciprocal variances as weights: denoising score matching.
 *
 * @param options those of every trained scheme; `innerSteps` is the whole training
 * @returns the run, with `sample(count, { method })` and `logLikelihood(x)`
 * @throws DomainError on an unknown or unsuitable option
 * @example
 * ```ts
 * import { bridgeProblem, driftModels, gaussianMarginal, scoreModel, variancePreserving } from 'viaduct';
 * const problem = bridgeProblem({
 *   source: gaussianMarginal({ mean: [2], covariance: 0.25 }),
 *   target: gaussianMarginal({ mean: [0], covariance: 1 }),
 *   reference: variancePreserving({ betaMin: 0.1, betaMax: 20 }),
 * });
 * const model = await scoreModel(problem, { drift: driftModels.linear(), innerSteps: 100, seed: 1 });
 * console.log(model.sample(3, { method: 'ancestral' }).x.count, Math.abs(model.logLikelihood([[2]])[0]! + 0.226) < 0.1); // → 3 true
 * ```
 * @see [song2021] [vincent2011]
 */
export async function scoreModel(problem: BridgeProblem, options: TrainingOptions = {}): Promise<ScoreModel> {
  const path = 'scoreModel';
  const resolved = {
    ...resolveTraining(path, problem, options, { keep: 'endpoints', base: 'reference from the moments', own: [] }),
    iterations: 1,
    target: 'endpoint' as const,
  };
  const { grid, draws, keep } = resolved;
  const scheme = endpointMatching({ problem, grid, draws, keep });
  const plan = alternating(1, () => scheme);
  return completeScoreModel(await trainBridge({ path, problem, options: resolved, plan, warnings: missedTarget(path, problem) }));
}

/** A trained first half-iteration as a generative model. */
export function completeScoreModel(run: DiffusionBridge): ScoreModel {
  const { problem } = run;
  const chain = (): Chain => run.chain(1);
  const law = run.halfSteps.length > 0 ? run.direction('backward') : run;
  return Object.freeze({
    ...run,
    ...law,
    kind: run.kind,
    repeat: async (seed: number) => completeScoreModel(await run.repeat(seed)),
    sample(count: number, how: RandomSource | ScoreSampling = {}) {
      return isRandom(how) ? law.sample(count, how) : scoreSample('scoreModel.sample', problem, chain(), count, how);
    },
    logLikelihood: (x: PointsLike, options: LikelihoodOptions = {}) =>
      flowLikelihood('scoreModel.logLikelihood', scoreFlow(problem, chain()), problem, x, options),
  });
}

function isRandom(how: RandomSource | ScoreSampling): how is RandomSource {
  return typeof (how as RandomSource | null)?.normal === 'function';
}

/** Says how far the reference ends from the target, by first and second moments. */
function missedTarget(path: string, { source, target, reference, dimension }: BridgeProblem): string[] {
  const kernel = reference.transition(0, reference.horizon, dimension);
  const { targetMean, targetCovariance } = jointFromKernel(source.mean(), source.covariance(), kernel);
  const missed = bwUvpOfMoments(
    { mean: targetMean, covariance: targetCovariance },
    { mean: target.mean(), covariance: target.covariance() },
  );
  if (!(missed > MISSED)) return [];
  return [
    `${path}: the reference ends ${missed.toPrecision(3)}% (BW²-UVP) away from the target, and what is generated from it is biased; use a longer horizon or more noise, or diffusionBridge`,
  ];
}
