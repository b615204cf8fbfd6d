import { sampleCategories } from '../numerics/categorical.ts';
import { weightedMoments } from '../numerics/moments.ts';
import { type Points, type PointsLike, takeRows, toPoints, type VectorLike } from '../numerics/points.ts';
import { requireInteger, requireKnownOptions, total } from '../numerics/vectors.ts';
import type { Marginal } from './marginal.ts';
import { toWeights } from './weights.ts';

/** Σ_i weights_i δ(points_i). */
export interface DiscreteMarginal extends Marginal {
  readonly kind: 'discrete' | 'histogram' | 'grid';
  readonly points: Points;
  /** ≥ 0, summing to `mass`. */
  readonly weights: Float64Array;
}

/**
 * Makes the measure Σ_i w_i δ(x_i).
 *
 * @param options `points`: n × d; `weights`: n numbers ≥ 0, not all zero, default 1/n each
 * @throws ShapeError when there are not as many weights as points; DomainError on a negative or infinite weight
 * @example
 * ```ts
 * import { discreteMarginal } from 'viaduct';
 * console.log(discreteMarginal({ points: [[0], [2]], weights: [1, 3] }).mean()[0]); // → 1.5
 * ```
 */
export function discreteMarginal(options: { readonly points: PointsLike; readonly weights?: VectorLike }): DiscreteMarginal {
  requireKnownOptions('discreteMarginal', options, ['points', 'weights']);
  const support = toPoints('discreteMarginal: points', options.points);
  return build('discrete', support, checkWeights('discreteMarginal', options.weights, support.count));
}

/**
 * Makes a measure on the indices 0 … n − 1 for use with `costMatrix(C)`; every other cost refuses it, because indices are no places.
 *
 * @param weights n numbers ≥ 0, not all zero
 * @example
 * ```ts
 * import { histogram } from 'viaduct';
 * console.log(histogram([0.5, 0.5]).mass); // → 1
 * ```
 */
export function histogram(weights: VectorLike): DiscreteMarginal {
  const checked = toWeights('histogram', weights, weights?.length ?? 0, POINTS);
  const indices = Float64Array.from(checked, (_, i) => i);
  return build('histogram', { data: indices, count: checked.length, dimension: 1 }, checked);
}

/**
 * Makes the empirical measure of a data set: uniform weights 1/n on its rows.
 *
 * @example
 * ```ts
 * import { dataMarginal } from 'viaduct';
 * console.log(dataMarginal([[1, 2], [3, 4]]).mass); // → 1
 * ```
 */
export function dataMarginal(data: PointsLike): DiscreteMarginal {
  const support = toPoints('dataMarginal', data);
  return build('discrete', support, new Float64Array(support.count).fill(1 / support.count));
}

/** True for measures made of weighted points. */
export function isDiscrete(marginal: Marginal): marginal is DiscreteMarginal {
  return marginal.kind === 'discrete' || marginal.kind === 'histogram' || marginal.kind === 'grid';
}

const POINTS = { one: 'point', hint: 'one weight a point, at least one' } as const;

function checkWeights(path: string, weights: VectorLike | undefined, count: number): Float64Array {
  if (weights === undefined) return new Float64Array(count).fill(1 / count);
  return toWeights(path, weights, count, POINTS);
}

function build(kind: 'discrete' | 'histogram', support: Points, weights: Float64Array): DiscreteMarginal {
  const mass = Math.abs(total(weights) - 1) < 1e-14 * weights.length ? 1 : total(weights);
  return Object.freeze({
    kind,
    points: Object.freeze(support),
    weights,
    dimension: support.dimension,
    mass,
    mean: () => weightedMoments(support, weights).mean,
    covariance: () => weightedMoments(support, weights).covariance,
    sample: (count, random) => takeRows(support, sampleCategories(weights, requireInteger('sample: count', count, 1), random)),
  } satisfies DiscreteMarginal);
}
