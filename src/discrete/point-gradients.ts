import type { Cost } from '../costs/cost.ts';
import { DomainError } from '../errors.ts';
import { allocatePoints, type Points, row } from '../numerics/points.ts';

/** Calls `use` with the pairs i, j that have a weight D_ij other than 0, and that weight. */
export type PairVisitor = (use: (i: number, j: number, weight: number) => void) => void;

/** The derivatives of Σ D_ij c(x_i, y_j) in the points, for fixed D. */
export interface PointGradients {
  /** Σ_j D_ij ∂c/∂x(x_i, y_j). */
  readonly x: Points;
  /** Σ_i D_ij ∂c/∂y(x_i, y_j). */
  readonly y: Points;
}

/**
 * Sums the derivatives of the cost over pairs, O(n + m) memory beside what the visitor needs.
 *
 * @throws DomainError when the cost has none
 */
export function pointGradients(path: string, cost: Cost, x: Points, y: Points, visit: PairVisitor): PointGradients {
  if (cost.gradient === undefined) {
    const remedy = cost.kind === 'function' ? 'pass costFunction(f, { gradient })' : 'use a cost of points, or the derivative in the costs';
    throw new DomainError(`${path}: no derivative of ${cost.name} in the points is known; ${remedy}`);
  }
  const out = { x: allocatePoints(x.count, x.dimension), y: allocatePoints(y.count, y.dimension) };
  const [dx, dy] = [new Float64Array(x.dimension), new Float64Array(y.dimension)];
  const columns = Array.from({ length: y.count }, (_, j) => row(y, j));
  let at = 0;
  let from = row(x, 0);
  visit((i, j, weight) => {
    if (i !== at) {
      at = i;
      from = row(x, i);
    }
    cost.gradient!(from, columns[j]!, dx, dy);
    for (let k = 0; k < dx.length; k++) out.x.data[i * dx.length + k]! += weight * dx[k]!;
    for (let k = 0; k < dy.length; k++) out.y.data[j * dy.length + k]! += weight * dy[k]!;
  });
  return out;
}

/** Visits n rows of weights, each made when it is come to. */
export function visitRows(n: number, weights: (i: number) => Float64Array): PairVisitor {
  return (use) => {
    for (let i = 0; i < n; i++) {
      const own = weights(i);
      for (let j = 0; j < own.length; j++) if (own[j] !== 0) use(i, j, own[j]!);
    }
  };
}

/** Rows of some points as those of all `count`, 0 at the others. */
export function widened(found: Points, places: Int32Array, count: number): Points {
  const out = allocatePoints(count, found.dimension);
  places.forEach((place, r) => {
    row(out, place).set(row(found, r));
  });
  return out;
}
