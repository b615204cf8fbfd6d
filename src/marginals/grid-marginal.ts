import { Matrix } from 'ml-matrix';
import { DomainError, ShapeError } from '../errors.ts';
import { sampleCategories } from '../numerics/categorical.ts';
import { allocatePoints, type Points, type VectorLike } from '../numerics/points.ts';
import { requireInteger, requireKnownOptions, toNumbers } from '../numerics/vectors.ts';
import { type DiscreteMarginal, isDiscrete } from './discrete-marginal.ts';
import type { Marginal } from './marginal.ts';
import { toWeights } from './weights.ts';

/** Weights on the nodes of a regular grid: an image, a volume, a histogram with places. */
export interface GridMarginal extends DiscreteMarginal {
  readonly kind: 'grid';
  /** Nodes along every axis. */
  readonly shape: readonly number[];
  /** Distance of neighbouring nodes along every axis. */
  readonly spacing: Float64Array;
  /** Where the first node lies. */
  readonly origin: Float64Array;
}

/**
 * Makes a measure on a regular grid. Node (i₁, …, i_d) lies at origin_k + i_k·spacing_k; weights are in row-major order, the last axis
 * fastest, as in an image read line by line. Between two grids and under a cost that is a sum over axes, `sinkhorn` works one axis at a time
 * and needs memory for the nodes alone.
 *
 * @param options `shape`: nodes along each of d ≥ 1 axes; `weights`: Πshape numbers ≥ 0, not all zero; `spacing`: a number, or one an axis,
 *   default 1; `origin`: d numbers, default 0
 * @throws ShapeError when there are not as many weights as nodes, or spacing or origin not as many as axes; DomainError on a negative or
 *   infinite weight, a spacing ≤ 0, or a shape that is no list of whole numbers ≥ 1
 * @example
 * ```ts
 * import { gridMarginal } from 'viaduct';
 * const image = gridMarginal({ shape: [2, 2], weights: [1, 0, 0, 3], spacing: 0.5 });
 * console.log(image.mean()); // → Float64Array(2) [ 0.375, 0.375 ]
 * ```
 */
export function gridMarginal(options: {
  readonly shape: readonly number[];
  readonly weights: ArrayLike<number>;
  readonly spacing?: number | VectorLike;
  readonly origin?: VectorLike;
}): GridMarginal {
  requireKnownOptions('gridMarginal', options, ['shape', 'weights', 'spacing', 'origin']);
  const shape = checkShape(options.shape);
  const dimension = shape.length;
  const spacing = perAxis('spacing', options.spacing ?? 1, dimension);
  const origin = perAxis('origin', options.origin ?? 0, dimension);
  const narrow = spacing.findIndex((h) => !(h > 0));
  if (narrow >= 0) throw new DomainError(`gridMarginal: spacing along axis ${narrow} is ${spacing[narrow]}; pass distances > 0`);
  const nodes = shape.reduce((product, length) => product * length, 1);
  const weights = toWeights('gridMarginal', options.weights, nodes, { one: 'node', hint: 'one a node, in row-major order' });
  const total = weights.reduce((sum, w) => sum + w, 0);
  const mass = Math.abs(total - 1) < 1e-14 * weights.length ? 1 : total;
  let formed: Points | undefined;
  let known: { mean: Float64Array; covariance: Matrix } | undefined;
  const moments = (): { mean: Float64Array; covariance: Matrix } => {
    known ??= gridMoments(shape, weights, spacing, origin);
    return known;
  };
  const place = (node: number, into: Float64Array, at: number): void => {
    let rest = node;
    for (let k = dimension - 1; k >= 0; k--) {
      into[at + k] = origin[k]! + (rest % shape[k]!) * spacing[k]!;
      rest = Math.floor(rest / shape[k]!);
    }
  };
  return Object.freeze({
    kind: 'grid',
    shape: Object.freeze(shape),
    spacing,
    origin,
    weights,
    dimension,
    mass,
    get points() {
      if (formed === undefined) {
        const made = allocatePoints(weights.length, dimension);
        for (let i = 0; i < weights.length; i++) place(i, made.data, i * dimension);
        formed = Object.freeze(made);
      }
      return formed;
    },
    mean: () => Float64Array.from(moments().mean),
    covariance: () => moments().covariance.clone(),
    sample(count, random) {
      const nodes = sampleCategories(weights, requireInteger('gridMarginal.sample: count', count, 1), random);
      const out = allocatePoints(nodes.length, dimension);
      nodes.forEach((node, i) => {
        place(node, out.data, i * dimension);
      });
      return out;
    },
  } satisfies GridMarginal);
}

/** True for measures on a regular grid. */
export function isGrid(marginal: Marginal): marginal is GridMarginal {
  return isDiscrete(marginal) && marginal.kind === 'grid';
}

/** The coordinates of the nodes along one axis. */
export function axisCoordinates({ shape, spacing, origin }: GridMarginal, axis: number): Float64Array {
  return Float64Array.from({ length: shape[axis]! }, (_, i) => origin[axis]! + i * spacing[axis]!);
}

/** Sums of values on a grid over all axes but one. */
export function axisSums(shape: readonly number[], values: Float64Array, axis: number): Float64Array {
  const inner = shape.slice(axis + 1).reduce((product, length) => product * length, 1);
  const length = shape[axis]!;
  const out = new Float64Array(length);
  for (let start = 0, i = 0; start < values.length; start += inner, i = (i + 1) % length) {
    let sum = 0;
    for (let r = start; r < start + inner; r++) sum += values[r]!;
    out[i]! += sum;
  }
  return out;
}

/** Mean and covariance of the normalised weights, from their sums along axes and pairs of axes. */
function gridMoments(
  shape: readonly number[],
  weights: Float64Array,
  spacing: Float64Array,
  origin: Float64Array,
): { mean: Float64Array; covariance: Matrix } {
  const dimension = shape.length;
  const sums = shape.map((_, k) => axisSums(shape, weights, k));
  const total = sums[0]!.reduce((sum, w) => sum + w, 0);
  const centre = sums.map((along) => along.reduce((sum, w, i) => sum + w * i, 0) / total);
  const products = new Float64Array(dimension * dimension);
  const index = new Float64Array(dimension);
  for (let i = 0; i < weights.length; i++) {
    const w = weights[i]!;
    if (w === 0) continue;
    let rest = i;
    for (let k = dimension - 1; k >= 0; k--) {
      index[k] = (rest % shape[k]!) - centre[k]!;
      rest = Math.floor(rest / shape[k]!);
    }
    for (let r = 0; r < dimension; r++) for (let c = 0; c <= r; c++) products[r * dimension + c]! += w * index[r]! * index[c]!;
  }
  const covariance = Matrix.zeros(dimension, dimension);
  for (let r = 0; r < dimension; r++) {
    for (let c = 0; c < dimension; c++) {
      const product = products[Math.max(r, c) * dimension + Math.min(r, c)]!;
      covariance.set(r, c, (spacing[r]! * spacing[c]! * product) / total);
    }
  }
  return { mean: Float64Array.from(centre, (i, k) => origin[k]! + spacing[k]! * i), covariance };
}

function checkShape(shape: readonly number[]): number[] {
  if (!Array.isArray(shape) || shape.length === 0 || !shape.every((length) => Number.isInteger(length) && length >= 1)) {
    throw new DomainError(
      `gridMarginal: shape must list whole numbers ≥ 1, one an axis, got ${Array.isArray(shape) ? `[${shape.map(String).join(', ')}]` : String(shape)}; pass [rows, columns]`,
    );
  }
  return [...shape];
}

function perAxis(name: string, given: number | VectorLike, dimension: number): Float64Array {
  const made = typeof given === 'number' ? new Float64Array(dimension).fill(given) : toNumbers(given);
  if (made.length !== dimension) {
    throw new ShapeError(`gridMarginal: ${name} has ${made.length} numbers for ${dimension} axes; pass one an axis`);
  }
  const bad = made.findIndex((x) => !Number.isFinite(x));
  if (bad >= 0)
    throw new DomainError(
      `gridMarginal: ${name} along axis ${bad} is ${String(typeof given === 'number' ? given : given[bad])}; pass finite numbers`,
    );
  return made;
}
