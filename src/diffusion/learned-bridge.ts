import { bwUvpOfMoments } from '../closed-forms/bures-wasserstein.ts';
import { conditionalGaussian } from '../closed-forms/gaussian-joint.ts';
import { halfSquaredEuclidean } from '../costs/squared-euclidean.ts';
import type { Bridge, Paths, SimulateOptions } from '../couplings/bridge.ts';
import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import { copyMoments } from '../couplings/copy-moments.ts';
import type { Coupling } from '../couplings/coupling.ts';
import { averageDraws, reversedCoupling } from '../couplings/reversed-coupling.ts';
import { checkSimulation, requireDraws, requireRandom } from '../couplings/simulation.ts';
import { DomainError } from '../errors.ts';
import { sampledMarginal } from '../marginals/sampled-marginal.ts';
import { applyAffine } from '../numerics/affine.ts';
import { sampleKernel } from '../numerics/gaussian-draws.ts';
import { allocatePoints, type Points, type PointsLike, requireDimension, takeRows, toPoints } from '../numerics/points.ts';
import { type RandomSource, randomSource } from '../numerics/random.ts';
import { inverseSpd, trace } from '../numerics/spd.ts';
import { requireInteger, requireKnownOptions } from '../numerics/vectors.ts';
import type { TimeGrid } from '../references/time-grid.ts';
import { affineMoments, type Chain, runChain } from './chain.ts';
import { chainMoments, type LearnedMoments, MOMENT_PATHS, sampleEnds } from './chain-moments.ts';
import { exactMoments, gridTransition, type Integration, pointOnChain, simulateOn } from './chain-simulation.ts';

/** A forward and a backward chain; the law is that of the one run in `direction`. */
export interface LearnedChains {
  /** The scheme's public name, with which messages start. */
  readonly path: string;
  readonly problem: BridgeProblem;
  readonly direction: 'forward' | 'backward';
  readonly forward: Chain;
  /** Absent before the first half-step. */
  readonly backward: Chain | undefined;
  /** Paths behind sampled moments. */
  readonly samples: number;
}

/** A bridge whose drifts were learned. */
export interface LearnedBridge extends Bridge {
  /** The nodes at which its drifts were learned. */
  readonly grid: TimeGrid;
  /** Exact when every drift is affine, otherwise from max(50 000, cache) paths, or as many as asked for, with standard errors. */
  moments(options?: { readonly samples?: number; readonly random?: RandomSource }): LearnedMoments;
  /** Paths on any grid of its horizon, a coarser one than that of training included, by the integrator asked for. */
  simulate(options: SimulateOptions & Integration): Paths;
}

/** Completes learned chains to a {@link Bridge}. */
export function learnedBridge(chains: LearnedChains): LearnedBridge {
  const { path, problem, direction, forward, backward, samples } = chains;
  const { source, target, reference, dimension } = problem;
  const own = direction === 'forward' ? forward : needBackward();
  function needBackward(): Chain {
    if (backward === undefined) {
      throw new DomainError(`${path}: there is no backward drift before the first half-step; use iterate(1) or later`);
    }
    return backward;
  }
  const at = (name: string, x: PointsLike): Points => {
    const made = toPoints(`${path}.${name}`, x);
    requireDimension(`${path}.${name}`, made, dimension);
    return made;
  };
  const evaluate = (chain: Chain, t: number, x: Points): Points => {
    const out = allocatePoints(x.count, dimension);
    chain.drift.evaluate(gridTransition(path, chain, t), x.data, out.data);
    return out;
  };
  const both = (t: number, x: Points, f: number, b: number): Points => {
    const ahead = evaluate(forward, t, x);
    const behind = evaluate(needBackward(), t, x);
    for (let i = 0; i < ahead.data.length; i++) ahead.data[i] = f * ahead.data[i]! + b * behind.data[i]!;
    return ahead;
  };
  let known: LearnedMoments | undefined;
  const moments: LearnedBridge['moments'] = (options) => {
    if (options !== undefined) {
      const place = `${path}.moments`;
      requireKnownOptions(place, options, ['samples', 'random']);
      if (options.random !== undefined) requireRandom(place, options.random);
      return chainMoments(own, requireInteger(`${place}: samples`, options.samples ?? samples, 2), options.random);
    }
    known ??= chainMoments(own, samples);
    const { standardErrors } = known;
    return Object.freeze({
      ...copyMoments(known),
      ...(standardErrors === undefined ? {} : { standardErrors: copyMoments(standardErrors) }),
    });
  };
  const conditional = (name: string): NonNullable<ReturnType<typeof affineMoments>>['moments'] => {
    const exact = affineMoments(own);
    if (exact === undefined || target.kind !== 'gaussian') {
      throw new DomainError(`${path}.${name}: this law runs backward from the target; use direction('forward'), or reverse()`);
    }
    return exact.moments;
  };
  // The backward chain knows the law only as well as it was learned; where the law is Gaussian, its own conditional is exact.
  const sourceGivenTarget = (y: Points, random: RandomSource): Points => {
    if (direction === 'backward') return runChain(own, y, random);
    const m = source.kind === 'gaussian' ? affineMoments(own)?.moments : undefined;
    if (m === undefined) return runChain(needBackward(), y, random);
    return sampleKernel(
      conditionalGaussian(m.sourceMean, m.targetMean, m.sourceCovariance, m.crossCovariance, m.targetCovariance),
      y,
      random,
    );
  };
  const bridge: LearnedBridge = {
    kind: 'diffusion-bridge',
    source,
    target,
    reference,
    grid: forward.grid,
    mass: 1,
    moments,
    drift: (t, x) => evaluate(forward, t, at('drift', x)),
    backwardDrift: (t, x) => evaluate(needBackward(), t, at('backwardDrift', x)),
    velocity: (t, x) => both(t, at('velocity', x), 0.5, -0.5),
    score(t, x) {
      const precision = inverseSpd(reference.diffusionCovariance(t, dimension), 'reference: diffusion');
      return applyAffine({ matrix: precision, offset: new Float64Array(dimension) }, both(t, at('score', x), 1, 1));
    },
    sample(count, random) {
      requireDraws(`${path}.sample`, count, random);
      return sampleEnds(own, count, random);
    },
    sampleConditional(x, random) {
      const from = at('sampleConditional', x);
      requireRandom(`${path}.sampleConditional`, random);
      if (direction === 'forward') return runChain(own, from, random);
      const m = conditional('sampleConditional');
      return sampleKernel(
        conditionalGaussian(m.targetMean, m.sourceMean, m.targetCovariance, m.crossCovariance.transpose(), m.sourceCovariance),
        from,
        random,
      );
    },
    conditionalMean(x) {
      const from = at('conditionalMean', x);
      const exact = direction === 'forward' ? affineMoments(own)?.moments : conditional('conditionalMean');
      if (exact !== undefined) {
        const cross = exact.crossCovariance.transpose();
        return applyAffine(
          conditionalGaussian(exact.targetMean, exact.sourceMean, exact.targetCovariance, cross, exact.sourceCovariance),
          from,
        );
      }
      return averageDraws(from, (repeated, random) => runChain(own, repeated, random));
    },
    marginalError() {
      const m = moments();
      return {
        metric: 'bw2-uvp',
        source: bwUvpOfMoments(
          { mean: m.sourceMean, covariance: m.sourceCovariance },
          { mean: source.mean(), covariance: source.covariance() },
        ),
        target: bwUvpOfMoments(
          { mean: m.targetMean, covariance: m.targetCovariance },
          { mean: target.mean(), covariance: target.covariance() },
        ),
      };
    },
    transportCost(cost = halfSquaredEuclidean()) {
      if (cost.squaredScale !== undefined) return cost.squaredScale * meanSquare(moments());
      if (!cost.pointwise) throw new DomainError(`${path}.transportCost: a cost matrix knows no other points; use a cost of points`);
      const { x, y } = sampleEnds(own, MOMENT_PATHS, randomSource(0).split('transport cost'));
      let sum = 0;
      for (let i = 0; i < x.count; i++) sum += cost.between(takeRows(x, [i]), takeRows(y, [i]))[0]!;
      return sum / x.count;
    },
    marginalAt(t) {
      gridTransition(`${path}.marginalAt`, own, t);
      const draw = (count: number, random: RandomSource): Points => {
        requireDraws(`${path}.marginalAt.sample`, count, random);
        return pointOnChain(path, own, t, count, random);
      };
      return sampledMarginal({ dimension, draw, ...exactMoments(path, own, t) });
    },
    simulate(options) {
      const { integrator, noiseFreeLastStep, ...rest } = options ?? {};
      const checked = checkSimulation(`${path}.simulate`, rest, dimension);
      const how = {
        ...(integrator === undefined ? {} : { integrator }),
        ...(noiseFreeLastStep === undefined ? {} : { noiseFreeLastStep }),
      };
      return simulateOn(path, reference, checked.direction === 'forward' ? forward : needBackward(), checked, how);
    },
    reverse: (): Coupling => reversedCoupling(bridge, (y, random) => sourceGivenTarget(at('reverse', y), random)),
  };
  return Object.freeze(bridge);
}

function meanSquare(m: LearnedMoments): number {
  let sum = trace(m.sourceCovariance) + trace(m.targetCovariance) - 2 * trace(m.crossCovariance);
  m.sourceMean.forEach((x, i) => {
    sum += (x - m.targetMean[i]!) ** 2;
  });
  return sum;
}
