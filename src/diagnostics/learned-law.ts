import { endpointKernels } from '../closed-forms/endpoint-step.ts';
import { conditionalGaussian } from '../closed-forms/gaussian-joint.ts';
import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import type { CouplingMoments } from '../couplings/coupling.ts';
import { affineKernels, type Chain, startChain, transitionOrder } from '../diffusion/chain.ts';
import { scaleByLogVariance } from '../diffusion/log-variance.ts';
import type { TrainingTarget } from '../diffusion/regression-target.ts';
import { chainCoupling, type GaussianChain } from '../gaussian/gaussian-chain.ts';
import { populationStep } from '../gaussian/population-dsb.ts';
import { momentsOf } from '../marginals/marginal-moments.ts';
import { applyAffine, type GaussianKernel } from '../numerics/affine.ts';
import { pause } from '../numerics/iterate.ts';
import { matchedNormals } from '../numerics/matched-draws.ts';
import { allocatePoints, type Points, row } from '../numerics/points.ts';
import type { RandomSource } from '../numerics/random.ts';
import { squareRoot } from '../numerics/spd.ts';
import { type RunningMoments, runningMoments } from './running-moments.ts';

/** What is known of the law of a learned chain between Gaussians. */
export interface LearnedLaw {
  readonly moments: CouplingMoments;
  /**
   * The drifts of the other direction that a perfect regression with affine drifts learns from this chain, run from their own marginal:
   * the moments of that law.
   */
  readonly step: () => CouplingMoments;
}

/** What a law is computed from. */
export interface LawContext {
  readonly problem: BridgeProblem;
  readonly target: TrainingTarget;
  /** Moments of the ends that `endpoint` learns from where those are not the chain's: before anything is learned. */
  readonly start: CouplingMoments | undefined;
  /** Noise V_k of the chain that is learned next. */
  readonly nextNoise: Chain['noise'];
  /** Paths where the law has no closed form. */
  readonly paths: number;
  readonly random: RandomSource;
}

/** Paths in a block: what is held in memory at a time. */
const BLOCK = 10_000;

/** The law of a chain: exact when its drifts are affine, otherwise of moment-matched paths of which only moments are kept. */
export async function learnedLaw(chain: Chain, context: LawContext): Promise<LearnedLaw> {
  const { problem, target, start } = context;
  const kernels = affineKernels(chain);
  if (kernels === undefined) return sampledLaw(chain, context);
  const law = runKernels(problem, chain, kernels, chain.direction);
  const next = opposite(chain.direction);
  return {
    moments: law.moments(),
    step: () =>
      target === 'endpoint'
        ? endpointStep(problem, chain, start ?? law.moments())
        : runKernels(problem, chain, populationStep(law, target), next).moments(),
  };
}

/** The same from simulated paths: the regression of the next half-step is solved by least squares on them. */
async function sampledLaw(chain: Chain, { problem, target, nextNoise, paths, random }: LawContext): Promise<LearnedLaw> {
  const ends = runningMoments();
  const regressions = Array.from({ length: chain.grid.steps }, runningMoments);
  for (let done = 0, block = 0; done < paths; done += BLOCK, block++) {
    simulateBlock(chain, Math.min(BLOCK, paths - done), target, ends, regressions, random.split(block));
    await pause();
  }
  const moments = ends.result();
  return {
    moments,
    step() {
      if (target === 'endpoint') return endpointStep(problem, chain, moments);
      const learned = regressions.map((sums, k) => {
        const m = sums.result();
        const fit = conditionalGaussian(m.targetMean, m.sourceMean, m.targetCovariance, m.crossCovariance.transpose(), m.sourceCovariance);
        return { matrix: fit.matrix, offset: fit.offset, covariance: target === 'moment' ? fit.covariance : nextNoise[k]! };
      });
      return runKernels(problem, chain, learned, opposite(chain.direction)).moments();
    },
  };
}

/** Simulates a block, and adds (X', regressed mean) of every transition and (X_0, X_T) to the sums. */
function simulateBlock(
  chain: Chain,
  count: number,
  target: TrainingTarget,
  ends: RunningMoments,
  regressions: readonly RunningMoments[],
  random: RandomSource,
): void {
  const start = startChain(chain, count, random.split('start'), 'matched');
  const noise = random.split('noise');
  const here = allocatePoints(count, start.dimension);
  let x = start;
  for (const k of transitionOrder(chain.grid.steps, chain.direction)) {
    chain.drift.evaluate(k, x.data, here.data);
    const next = matchedStep(chain, k, x, here, start, noise);
    if (target !== 'endpoint')
      regressions[k]!.add(next, target === 'simple' || target === 'moment' ? x : matchedMean(chain, k, x, here, next));
    x = next;
  }
  if (chain.direction === 'forward') ends.add(start, x);
  else ends.add(x, start);
}

/** A step whose noise has no sample correlation with X nor with the start, so that moments of the two ends together are exact too. */
function matchedStep(chain: Chain, k: number, x: Points, drift: Points, start: Points, random: RandomSource): Points {
  const d = x.dimension;
  const known = allocatePoints(x.count, 2 * d);
  for (let i = 0; i < x.count; i++) {
    row(known, i).set(row(x, i));
    row(known, i).set(row(start, i), d);
  }
  const z = matchedNormals(known, random, d);
  const next =
    chain.logVariance === undefined
      ? applyAffine({ matrix: squareRoot(chain.noise[k]!), offset: new Float64Array(d) }, z)
      : scaleByLogVariance(chain.logVariance, k, chain.noise[k]!, x, z);
  const gamma = chain.grid.durations[k]!;
  for (let i = 0; i < next.data.length; i++) next.data[i]! += x.data[i]! + gamma * drift.data[i]!;
  return next;
}

/** X + γ(h(X) − h(X')), whose mean given X' the targets `mean` and `drift` learn. */
function matchedMean(chain: Chain, k: number, x: Points, drift: Points, next: Points): Points {
  const gamma = chain.grid.durations[k]!;
  const out = allocatePoints(x.count, x.dimension);
  chain.drift.evaluate(k, next.data, out.data);
  for (let i = 0; i < out.data.length; i++) out.data[i] = x.data[i]! + gamma * (drift.data[i]! - out.data[i]!);
  return out;
}

/** End-point matching needs no more than the moments of the ends: X_t is their mixture plus noise, so least squares sees only those. */
function endpointStep(problem: BridgeProblem, chain: Chain, ends: CouplingMoments): CouplingMoments {
  const next = opposite(chain.direction);
  return runKernels(problem, chain, endpointKernels(problem.reference, chain.grid, ends, next), next).moments();
}

/** Kernels run from the marginal of their direction. */
function runKernels(
  problem: BridgeProblem,
  { grid }: Chain,
  kernels: readonly GaussianKernel[],
  direction: Chain['direction'],
): GaussianChain {
  const start = momentsOf(direction === 'forward' ? problem.source : problem.target);
  return chainCoupling('errorBudget', problem, grid, kernels, direction, start);
}

function opposite(direction: Chain['direction']): Chain['direction'] {
  return direction === 'forward' ? 'backward' : 'forward';
}
