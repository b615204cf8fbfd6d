import { Matrix } from 'ml-matrix';
import { applyAffine } from '../numerics/affine.ts';
import type { Points, PointsLike } from '../numerics/points.ts';
import { squaredQuantileDistance } from '../numerics/quantile-distance.ts';
import { type RandomSource, randomSource } from '../numerics/random.ts';
import { requireInteger, requireKnownOptions } from '../numerics/vectors.ts';
import { twoSamples } from './samples.ts';

/**
 * Computes the sliced 2-Wasserstein distance between two samples: the root of the mean, over directions θ uniform on the sphere, of
 * W₂² between the projections ⟨θ, x⟩ and ⟨θ, y⟩. At most `wasserstein2`/√d for a translation, and cheap for many points.
 *
 * @param options `projections`: number of directions, default 200; `random`: default a fixed stream
 * @throws ShapeError when dimensions differ
 * @example
 * ```ts
 * import { slicedWasserstein } from 'viaduct';
 * console.log(slicedWasserstein([[0], [1]], [[2], [3]]).toFixed(6)); // → 2.000000
 * ```
 * @see [bonneel2015]
 */
export function slicedWasserstein(
  x: PointsLike,
  y: PointsLike,
  options: { readonly projections?: number; readonly random?: RandomSource } = {},
): number {
  requireKnownOptions('slicedWasserstein', options, ['projections', 'random']);
  const [a, b] = twoSamples('slicedWasserstein', x, y);
  const projections = requireInteger('slicedWasserstein: projections', options.projections ?? 200, 1);
  const random = options.random ?? randomSource(0).split('sliced wasserstein');
  let sum = 0;
  for (let p = 0; p < projections; p++) {
    const direction = uniformDirection(a.dimension, random);
    sum += squaredQuantileDistance({ positions: project(direction, a) }, { positions: project(direction, b) });
  }
  return Math.sqrt(sum / projections);
}

/** A uniform draw from the unit sphere. */
function uniformDirection(dimension: number, random: RandomSource): Float64Array {
  const draw = random.fillNormal(new Float64Array(dimension));
  const length = Math.hypot(...draw);
  return draw.map((value) => value / length);
}

function project(direction: Float64Array, x: Points): Float64Array {
  return applyAffine({ matrix: Matrix.rowVector(Array.from(direction)), offset: new Float64Array(1) }, x).data;
}
