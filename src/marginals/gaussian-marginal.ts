import type { Matrix } from 'ml-matrix';
import { NotPositiveDefiniteError } from '../errors.ts';
import { flatten } from '../numerics/affine.ts';
import { drawGaussian } from '../numerics/gaussian-draws.ts';
import { type Points, type PointsLike, requireDimension, toPoints, type VectorLike } from '../numerics/points.ts';
import type { RandomSource } from '../numerics/random.ts';
import { eigenSymmetric, requireSemiDefinite, squareRoot } from '../numerics/spd.ts';
import { type CovarianceLike, requireInteger, requireKnownOptions, requirePositive, toSymmetric, toVector } from '../numerics/vectors.ts';
import type { Marginal } from './marginal.ts';

/** mass · N(mean, covariance). */
export interface GaussianMarginal extends Marginal {
  readonly kind: 'gaussian';
  /** log of mass·N(x; mean, covariance). @throws NotPositiveDefiniteError when the covariance is singular */
  logDensity(x: PointsLike): Float64Array;
}

/**
 * Makes the Gaussian measure mass · N(mean, covariance) on ℝᵈ.
 *
 * @param options `mean`: d numbers; `covariance`: d × d, symmetric positive semi-definite (singular allowed), or a number v for v·I;
 *   `mass` > 0, default 1
 * @throws NotPositiveDefiniteError when the covariance is asymmetric or indefinite
 * @example
 * ```ts
 * import { gaussianMarginal } from 'viaduct';
 * const marginal = gaussianMarginal({ mean: [0, 1], covariance: [[1, 0.5], [0.5, 2]] });
 * console.log(marginal.dimension); // → 2
 * ```
 */
export function gaussianMarginal(options: {
  readonly mean: VectorLike;
  readonly covariance: CovarianceLike;
  readonly mass?: number;
}): GaussianMarginal {
  requireKnownOptions('gaussianMarginal', options, ['mean', 'covariance', 'mass']);
  const mean = toVector('gaussianMarginal: mean', options.mean);
  const covariance = toSymmetric('gaussianMarginal: covariance', options.covariance, mean.length);
  requireSemiDefinite('gaussianMarginal: covariance', covariance);
  const mass = requirePositive('gaussianMarginal: mass', options.mass ?? 1);
  let root: Float64Array | undefined;
  let density: ((x: Points) => Float64Array) | undefined;
  return Object.freeze({
    kind: 'gaussian',
    dimension: mean.length,
    mass,
    mean: () => Float64Array.from(mean),
    covariance: () => covariance.clone(),
    sample(count: number, random: RandomSource) {
      requireInteger('gaussianMarginal.sample: count', count, 1);
      root ??= flatten(squareRoot(covariance));
      return drawGaussian(mean, root, count, random);
    },
    logDensity(x: PointsLike) {
      const at = toPoints('gaussianMarginal.logDensity', x);
      requireDimension('gaussianMarginal.logDensity', at, mean.length);
      density ??= gaussianLogDensity(mean, covariance, Math.log(mass));
      return density(at);
    },
  });
}

/** x ↦ offset + log N(x; mean, covariance), with one decomposition for all calls. */
function gaussianLogDensity(mean: Float64Array, covariance: Matrix, offset = 0): (x: Points) => Float64Array {
  const d = mean.length;
  const { values, vectors } = eigenSymmetric(covariance);
  if (!(values[0]! > 1e-14 * values[d - 1]!)) {
    throw new NotPositiveDefiniteError('gaussianMarginal.logDensity: the covariance is singular, so there is no density; add variance');
  }
  const basis = flatten(vectors);
  const constant = offset - 0.5 * values.reduce((sum, v) => sum + Math.log(2 * Math.PI * v), 0);
  return (x) => {
    const out = new Float64Array(x.count);
    for (let i = 0; i < x.count; i++) {
      let square = 0;
      for (let k = 0; k < d; k++) {
        let along = 0;
        for (let r = 0; r < d; r++) along += basis[r * d + k]! * (x.data[i * d + r]! - mean[r]!);
        square += (along * along) / values[k]!;
      }
      out[i] = constant - 0.5 * square;
    }
    return out;
  };
}
