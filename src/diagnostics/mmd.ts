import { DomainError } from '../errors.ts';
import { meanOverDistinct, meanOverPairs, squaredDistances } from '../numerics/pairwise.ts';
import { type Points, type PointsLike, wrapPoints } from '../numerics/points.ts';
import { requireKnownOptions, requirePositive } from '../numerics/vectors.ts';
import { twoSamples } from './samples.ts';

/** Points behind the median heuristic, at most. */
const MEDIAN_POINTS = 1000;

/**
 * Computes the squared maximum mean discrepancy between two samples under the Gaussian kernel k(x, y) = exp(−|x − y|²/(2h²)):
 * E k(x, x') + E k(y, y') − 2 E k(x, y).
 *
 * The unbiased estimate leaves out the pairs i = j and can be below 0 when the laws are equal; the biased one keeps them, is never negative
 * and 0 for equal samples, and too large by O(1/n).
 *
 * @param options `bandwidth`: h > 0, default the median distance between points of the pooled sample (1000 of them, evenly spaced);
 *   `estimator`: `'unbiased'` (default, at least two points a side) or `'biased'`
 * @throws ShapeError when dimensions differ; DomainError on an unsuitable option
 * @example
 * ```ts
 * import { mmd } from 'viaduct';
 * console.log(mmd([[0], [1]], [[0], [1]], { estimator: 'biased' })); // → 0
 * ```
 * @see [gretton2012]
 */
export function mmd(
  x: PointsLike,
  y: PointsLike,
  options: { readonly bandwidth?: number; readonly estimator?: 'unbiased' | 'biased' } = {},
): number {
  requireKnownOptions('mmd', options, ['bandwidth', 'estimator']);
  const [a, b] = twoSamples('mmd', x, y);
  const { estimator = 'unbiased' } = options;
  if (estimator !== 'unbiased' && estimator !== 'biased') {
    throw new DomainError(`mmd: unknown estimator '${String(estimator)}'; use 'unbiased' or 'biased'`);
  }
  if (estimator === 'unbiased' && (a.count < 2 || b.count < 2)) {
    throw new DomainError("mmd: the unbiased estimate needs two points a side; pass more, or estimator: 'biased'");
  }
  const h = options.bandwidth === undefined ? medianDistance(a, b) : requirePositive('mmd: bandwidth', options.bandwidth);
  const kernel = (squared: number): number => Math.exp(-squared / (2 * h * h));
  const within = (z: Points): number => (estimator === 'biased' ? meanOverPairs(z, z, kernel) : meanOverDistinct(z, kernel));
  const value = within(a) + within(b) - 2 * meanOverPairs(a, b, kernel);
  return estimator === 'biased' ? Math.max(0, value) : value;
}

/** The median distance within the pooled sample; 1 when more than half of the points coincide. */
function medianDistance(x: Points, y: Points): number {
  const pooled = new Float64Array(x.data.length + y.data.length);
  pooled.set(x.data);
  pooled.set(y.data, x.data.length);
  const all = wrapPoints(pooled, x.dimension);
  const used = Math.min(all.count, MEDIAN_POINTS);
  const rows = Int32Array.from({ length: used }, (_, i) => Math.floor((i * all.count) / used));
  const distances = squaredDistances(all, rows).sort();
  return Math.sqrt(distances[Math.floor(distances.length / 2)] ?? 1) || 1;
}
