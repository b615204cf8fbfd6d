import { ShapeError } from '../errors.ts';
import { type DiscreteMarginal, discreteMarginal, isDiscrete } from '../marginals/discrete-marginal.ts';
import type { Marginal } from '../marginals/marginal.ts';
import { type Points, type PointsLike, toPoints } from '../numerics/points.ts';

/** Two samples of one dimension, checked. */
export function twoSamples(path: string, x: PointsLike, y: PointsLike): readonly [Points, Points] {
  const [a, b] = [toPoints(`${path}: x`, x), toPoints(`${path}: y`, y)];
  requireEqualDimensions(path, a.dimension, b.dimension);
  return [a, b];
}

/** A sample as a measure of total mass 1; discrete measures are normalised. */
export function asMeasure(path: string, x: PointsLike | DiscreteMarginal): DiscreteMarginal {
  if (!('kind' in x)) return discreteMarginal({ points: toPoints(path, x) });
  if (!isDiscrete(x as Marginal) || x.kind === 'histogram') {
    throw new ShapeError(`${path}: expected points or a discrete measure, got a ${x.kind} marginal; pass marginal.sample(n, random)`);
  }
  return x.mass === 1 ? x : discreteMarginal({ points: x.points, weights: x.weights.map((w) => w / x.mass) });
}

/** Refuses samples of different dimension. */
export function requireEqualDimensions(path: string, x: number, y: number): void {
  if (x !== y) throw new ShapeError(`${path}: x has dimension ${x}, y ${y}; make them equal`);
}
