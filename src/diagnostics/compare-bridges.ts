import { bwUvpOfMoments } from '../closed-forms/bures-wasserstein.ts';
import type { Bridge } from '../couplings/bridge.ts';
import { DomainError, ShapeError } from '../errors.ts';
import type { Marginal } from '../marginals/marginal.ts';
import { type Moments, weightedMoments } from '../numerics/moments.ts';
import { type RandomSource, randomSource } from '../numerics/random.ts';
import { combine, dot, requireInteger, requireKnownOptions } from '../numerics/vectors.ts';
import { conditionalBwUvp } from './conditional-bw-uvp.ts';
import { meanOf, pathKl, subtract } from './path-integrals.ts';

/** Two bridges at one time. */
export interface TimeComparison {
  readonly t: number;
  /** |E_a X_t − E_b X_t|. */
  readonly meanDifference: number;
  /** BW²-UVP of the marginals in percent, b being the truth. */
  readonly bwUvp: number;
  /** E_b |f_a − f_b|². */
  readonly driftMse: number;
}

/** How far bridge a is from bridge b, the truth. */
export interface BridgeComparison {
  readonly perTime: readonly TimeComparison[];
  /** In percent, see `conditionalBwUvp`. */
  readonly conditionalBwUvp: number;
  /** KL(a | b) of the path measures in nats, see `pathKl`: where both have the same source and reference and KL is finite. */
  readonly pathKl?: number;
}

/** Draws behind the moments of a marginal that is known by sampling. */
const MOMENT_DRAWS = 20_000;

/**
 * Compares two bridges, `b` being the truth, without knowing who made them: marginals and drifts over time, conditional laws, path KL.
 *
 * @param options `times` inside (0, T), default nine equal ones; `samples` at each time, default 1000; `random`, default a fixed stream
 * @throws ShapeError when the dimensions differ
 * @example
 * ```ts
 * import { bridgeProblem, brownian, compareBridges, gaussianBridge, gaussianMarginal } from 'viaduct';
 * const unit = gaussianMarginal({ mean: [0], covariance: 1 });
 * const bridge = gaussianBridge(bridgeProblem({ source: unit, target: unit, reference: brownian({ sigma: 1 }) }));
 * console.log(compareBridges(bridge, bridge).perTime[4]!.driftMse); // → 0
 * ```
 */
export function compareBridges(
  a: Bridge,
  b: Bridge,
  options: { readonly times?: readonly number[]; readonly samples?: number; readonly random?: RandomSource } = {},
): BridgeComparison {
  requireKnownOptions('compareBridges', options, ['times', 'samples', 'random']);
  const { horizon } = b.reference;
  if (a.source.dimension !== b.source.dimension) {
    throw new ShapeError(
      `compareBridges: dimensions ${a.source.dimension} and ${b.source.dimension} differ; compare bridges of one problem`,
    );
  }
  if (Math.abs(a.reference.horizon - horizon) > 1e-9 * horizon) {
    throw new DomainError(`compareBridges: horizons ${a.reference.horizon} and ${horizon} differ; compare bridges of one problem`);
  }
  const times = options.times ?? Array.from({ length: 9 }, (_, i) => ((i + 1) * horizon) / 10);
  const samples = requireInteger('compareBridges: samples', options.samples ?? 1000, 2);
  const random = options.random ?? randomSource(0).split('compare bridges');
  const kl = pathKlOrNothing(a, b, samples, random);
  return Object.freeze({
    perTime: times.map((t, i) => compareAt(a, b, t, samples, random.split(i))),
    conditionalBwUvp: conditionalBwUvp(a, b, { random: random.split('conditional') }),
    ...(kl === undefined ? {} : { pathKl: kl }),
  });
}

function compareAt(a: Bridge, b: Bridge, t: number, samples: number, random: RandomSource): TimeComparison {
  const [p, q] = [a.marginalAt(t), b.marginalAt(t)];
  const moments = [p, q].map((marginal, side) => momentsOf(marginal, random.split(side)));
  const shift = combine([1, moments[0]!.mean], [-1, moments[1]!.mean]);
  const x = q.sample(samples, random);
  return Object.freeze({
    t,
    meanDifference: Math.sqrt(dot(shift, shift)),
    bwUvp: bwUvpOfMoments(moments[0]!, moments[1]!),
    driftMse: meanOf(subtract(a.drift(t, x), b.drift(t, x)), (r) => dot(r, r)),
  });
}

/** Exact moments, but those of draws where the marginal is known by sampling. */
function momentsOf(marginal: Marginal, random: RandomSource): Moments {
  if (marginal.kind === 'sampled') return weightedMoments(marginal.sample(MOMENT_DRAWS, random));
  return { mean: marginal.mean(), covariance: marginal.covariance() };
}

/** Girsanov needs one start and one diffusion; between a bridge that ends on points and one that does not, KL is infinite. */
function pathKlOrNothing(a: Bridge, b: Bridge, samples: number, random: RandomSource): number | undefined {
  if (a.source !== b.source || a.reference !== b.reference) return undefined;
  if ((a.kind === 'sinkhorn-bridge') !== (b.kind === 'sinkhorn-bridge')) return undefined;
  return pathKl(a, b, { samples, random: random.split('path KL') });
}
