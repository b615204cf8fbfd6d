import type { Matrix } from 'ml-matrix';
import { DomainError, ShapeError } from '../errors.ts';
import { type Moments, weightedMoments } from '../numerics/moments.ts';
import { type Points, toPoints, type VectorLike } from '../numerics/points.ts';
import { type RandomSource, randomSource } from '../numerics/random.ts';
import { requireSemiDefinite } from '../numerics/spd.ts';
import { type CovarianceLike, requireInteger, requireKnownOptions, toSymmetric, toVector } from '../numerics/vectors.ts';
import type { Marginal } from './marginal.ts';

/** Draws behind the moments of a sampled marginal that came without them. */
const MOMENT_DRAWS = 100_000;

/**
 * Makes a probability distribution from a function that draws from it.
 *
 * @param options `dimension`: d; `draw(count, random)`: `count × d` points, using no other source of randomness; `mean`, `covariance`:
 *   exact moments where known, otherwise estimated once, when first asked for, from 100 000 draws of a fixed stream
 * @throws ShapeError when `draw` returns another shape
 * @example
 * ```ts
 * import { sampledMarginal } from 'viaduct';
 * const uniform = sampledMarginal({
 *   dimension: 1,
 *   draw: (count, random) => ({ data: Float64Array.from({ length: count }, () => random.uniform()), count, dimension: 1 }),
 * });
 * console.log(Math.abs(uniform.mean()[0]! - 0.5) < 0.01); // → true
 * ```
 */
export function sampledMarginal(options: {
  readonly dimension: number;
  readonly draw: (count: number, random: RandomSource) => Points;
  readonly mean?: VectorLike;
  readonly covariance?: CovarianceLike;
}): Marginal {
  requireKnownOptions('sampledMarginal', options, ['dimension', 'draw', 'mean', 'covariance']);
  const dimension = requireInteger('sampledMarginal: dimension', options.dimension, 1);
  const { draw } = options;
  if (typeof draw !== 'function')
    throw new DomainError(`sampledMarginal: draw must be a function, got ${typeof draw}; pass (count, random) => …`);
  const mean = options.mean === undefined ? undefined : toVector('sampledMarginal: mean', options.mean, dimension);
  const covariance =
    options.covariance === undefined ? undefined : toSymmetric('sampledMarginal: covariance', options.covariance, dimension);
  if (covariance !== undefined) requireSemiDefinite('sampledMarginal: covariance', covariance);
  const sample = (count: number, random: RandomSource): Points => {
    requireInteger('sampledMarginal.sample: count', count, 1);
    const made = toPoints('sampledMarginal: draw', draw(count, random));
    if (made.count !== count || made.dimension !== dimension) {
      throw new ShapeError(
        `sampledMarginal: draw returned ${made.count} × ${made.dimension} points, expected ${count} × ${dimension}; return that shape`,
      );
    }
    return made;
  };
  let estimated: Moments | undefined;
  const estimate = (): Moments => {
    estimated ??= weightedMoments(sample(MOMENT_DRAWS, randomSource(0).split('sampled-marginal moments')));
    return estimated;
  };
  return Object.freeze({
    kind: 'sampled',
    dimension,
    mass: 1,
    mean: (): Float64Array => Float64Array.from(mean ?? estimate().mean),
    covariance: (): Matrix => (covariance ?? estimate().covariance).clone(),
    sample,
  });
}
