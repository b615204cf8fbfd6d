import { buresWasserstein } from '../closed-forms/bures-wasserstein.ts';
import { DomainError, ShapeError } from '../errors.ts';
import { type Points, type PointsLike, requireDimension, toPoints } from '../numerics/points.ts';
import { type RandomSource, randomSource } from '../numerics/random.ts';
import { trace } from '../numerics/spd.ts';
import { requireInteger, requireKnownOptions } from '../numerics/vectors.ts';
import { type ConditionalLaw, conditionalMoments } from './conditional-moments.ts';

/** Options of {@link conditionalBwUvp}. */
export interface ConditionalBwUvpOptions {
  /** Points x₀, or how many are drawn from the source of the truth. @defaultValue 200 */
  readonly inputs?: number | PointsLike;
  /** Draws of y for each x₀, on a side whose conditional moments are not known exactly. @defaultValue 200 */
  readonly samples?: number;
  /** @defaultValue a fixed stream */
  readonly random?: RandomSource;
}

/**
 * Computes the conditional BW²-UVP in percent: 100/(½ tr Cov of the target) times the mean over x₀ of BW²(π(·|x₀), π*(·|x₀)).
 *
 * Conditional moments are exact for Gaussian, discrete (at support points) and independent couplings and for benchmarks; elsewhere they are
 * those of draws, which adds about 100·(conditional variance/variance)/`samples` percent and more where the conditional law is narrow.
 *
 * @param learned the coupling to judge, any {@link Coupling}
 * @param truth a coupling, or an `entropicBenchmark`
 * @throws ShapeError when dimensions differ
 * @example
 * ```ts
 * import { conditionalBwUvp, gaussianMarginal, independentCoupling } from 'viaduct';
 * const unit = gaussianMarginal({ mean: [0], covariance: 1 });
 * const product = independentCoupling(unit, unit);
 * console.log(conditionalBwUvp(product, product)); // → 0
 * ```
 * @see [gushchin2023]
 */
export function conditionalBwUvp(learned: ConditionalLaw, truth: ConditionalLaw, options: ConditionalBwUvpOptions = {}): number {
  requireKnownOptions('conditionalBwUvp', options, ['inputs', 'samples', 'random']);
  const { dimension } = truth.source;
  if (learned.source.dimension !== dimension) {
    throw new ShapeError(
      `conditionalBwUvp: learned has dimension ${learned.source.dimension}, truth ${dimension}; compare answers to one problem`,
    );
  }
  const samples = requireInteger('conditionalBwUvp: samples', options.samples ?? 200, 2);
  const random = options.random ?? randomSource(0).split('conditional BW-UVP');
  const x = inputPoints(options.inputs ?? 200, truth, random);
  const [a, b] = [learned, truth].map((law, side) => conditionalMoments(law, x, samples, random.split(side)));
  const distance = a!.reduce((sum, moments, i) => sum + buresWasserstein(moments, b![i]!), 0) / x.count;
  const scale = 0.5 * trace(truth.target.covariance());
  if (!(scale > 0)) throw new DomainError('conditionalBwUvp: the target of the truth has no variance to compare with; use wasserstein2');
  return (100 * distance) / scale;
}

function inputPoints(inputs: number | PointsLike, truth: ConditionalLaw, random: RandomSource): Points {
  if (typeof inputs === 'number') return truth.source.sample(requireInteger('conditionalBwUvp: inputs', inputs, 1), random.split('inputs'));
  const x = toPoints('conditionalBwUvp: inputs', inputs);
  requireDimension('conditionalBwUvp: inputs', x, truth.source.dimension);
  return x;
}
