import type { Cost } from '../costs/cost.ts';
import { squaredEuclidean } from '../costs/squared-euclidean.ts';
import { requireFittingSides, requireMarginal } from '../couplings/transport-problem.ts';
import { DomainError, InfeasibleError, ShapeError } from '../errors.ts';
import { type DiscreteMarginal, discreteMarginal, histogram } from '../marginals/discrete-marginal.ts';
import { gridMarginal, isGrid } from '../marginals/grid-marginal.ts';
import type { Marginal } from '../marginals/marginal.ts';
import { type PointsLike, row, takeRows, toPoints, type VectorLike } from '../numerics/points.ts';
import { requireInteger, requireKnownOptions, requirePositive, toShares, toVector } from '../numerics/vectors.ts';
import type { BarycenterInput } from './barycenter-dual.ts';
import { requireDiscrete } from './dense-problem.ts';

/** A support whose points move: how many, or where they start. */
export interface FreeSupport {
  readonly free: number | PointsLike;
  /** Their weights, which stay: positive, one a point, scaled to the mass of the measures. @defaultValue equal */
  readonly weights?: VectorLike;
}

/** What `barycenter` is asked. */
export interface BarycenterProblem {
  /** At least one, all of the same mass. */
  readonly measures: readonly Marginal[];
  /** Positive, one a measure; divided by their sum. @defaultValue equal */
  readonly weights?: VectorLike;
  /** ε in units of cost, > 0 on fixed points. @defaultValue 0, exact transport, for points that move; fixed points need one */
  readonly epsilon?: number;
  /** @defaultValue |x − y|² */
  readonly cost?: Cost;
  /**
   * Fixed points; or a measure, whose points and grid are taken and whose weights are not; or `{ free: n }`, `{ free: points, weights }` for n
   * points that move, for squared Euclidean costs.
   * @defaultValue the points that the measures have, together
   */
  readonly support?: PointsLike | DiscreteMarginal | FreeSupport;
  /** Without the blur or shrinking that ε brings. @defaultValue false */
  readonly debiased?: boolean;
}

/** A checked problem. */
export interface CheckedBarycenter extends BarycenterInput {
  readonly free: boolean;
  readonly debiased: boolean;
}

/** Checks a problem and settles the support. */
export function checkBarycenter(path: string, problem: BarycenterProblem): CheckedBarycenter {
  requireKnownOptions(path, problem, ['measures', 'weights', 'epsilon', 'cost', 'support', 'debiased']);
  const { cost = squaredEuclidean(), debiased = false, support: wanted } = problem;
  if (!Array.isArray(problem.measures) || problem.measures.length === 0) {
    throw new ShapeError(`${path}: measures must be an array of at least one measure; pass [discreteMarginal({ … }), …]`);
  }
  const measures = problem.measures.map((measure, k) => {
    requireMarginal(`${path}: measures[${k}]`, measure);
    return requireDiscrete(path, `measures[${k}]`, measure);
  });
  const mass = measures[0]!.mass;
  measures.forEach((measure, k) => {
    requireFittingSides(path, measures[0]!, measure, cost);
    if (Math.abs(measure.mass - mass) > 1e-7 * mass) {
      throw new InfeasibleError(`${path}: measures[${k}] has mass ${measure.mass}, measures[0] ${mass}; rescale one of them`);
    }
  });
  const free = isFree(wanted);
  if (free) requireKnownOptions(`${path}: support`, wanted, ['free', 'weights']);
  const epsilon = checkEpsilon(path, problem.epsilon, free);
  if (free && cost.squaredScale === undefined) {
    throw new DomainError(`${path}: points can only move under a squared Euclidean cost, got ${cost.name}; pass fixed points as support`);
  }
  const places = free ? freeSupport(path, measures, wanted.free) : fixedSupport(path, measures, wanted, cost);
  const support = withWeights(places, supportWeights(path, free ? wanted.weights : undefined, places.weights.length, mass));
  if (debiased && cost.kind === 'matrix') cost.between(support.points, support.points);
  return { measures, shares: checkShares(path, problem.weights, measures.length), support, cost, epsilon, mass, free, debiased };
}

/** 0 stands for exact transport. */
function checkEpsilon(path: string, epsilon: number | undefined, free: boolean): number {
  if (free && (epsilon === undefined || epsilon === 0)) return 0;
  if (epsilon === undefined || epsilon === 0) {
    throw new DomainError(
      `${path}: epsilon must be > 0 on fixed points, got ${String(epsilon)}; pass one, or support: { free: n } for exact transport`,
    );
  }
  return requirePositive(`${path}: epsilon`, epsilon, 'in units of cost');
}

/** Equal weights, or those of points that move, of the same mass. */
function supportWeights(path: string, weights: VectorLike | undefined, count: number, mass: number): Float64Array {
  if (weights === undefined) return new Float64Array(count).fill(mass / count);
  const shares = positiveShares(`${path}: support.weights`, weights, count, 'leave out the point instead');
  return shares.map((share) => mass * share);
}

function isFree(support: BarycenterProblem['support']): support is FreeSupport {
  return typeof support === 'object' && support !== null && 'free' in support;
}

function isMeasure(support: PointsLike | DiscreteMarginal): support is DiscreteMarginal {
  return typeof support === 'object' && support !== null && 'sample' in support;
}

function checkShares(path: string, weights: VectorLike | undefined, count: number): Float64Array {
  if (weights === undefined) return new Float64Array(count).fill(1 / count);
  return positiveShares(`${path}: weights`, weights, count, 'leave out the measure instead');
}

/** Positive numbers divided by their sum. */
function positiveShares(path: string, weights: VectorLike, count: number, remedy: string): Float64Array {
  const made = toVector(path, weights, count);
  const bad = made.findIndex((w) => !(w > 0));
  if (bad >= 0) throw new DomainError(`${path}[${bad}] is ${made[bad]}; weights must be > 0, ${remedy}`);
  return toShares(made);
}

/** The same support with other weights. */
export function withWeights(support: DiscreteMarginal, weights: Float64Array): DiscreteMarginal {
  if (isGrid(support)) return gridMarginal({ shape: support.shape, spacing: support.spacing, origin: support.origin, weights });
  return support.kind === 'histogram' ? histogram(weights) : discreteMarginal({ points: support.points, weights });
}

function fixedSupport(
  path: string,
  measures: readonly DiscreteMarginal[],
  wanted: PointsLike | DiscreteMarginal | undefined,
  cost: Cost,
): DiscreteMarginal {
  const first = measures[0]!;
  const uniform = (measure: DiscreteMarginal): DiscreteMarginal =>
    withWeights(measure, new Float64Array(measure.weights.length).fill(1 / measure.weights.length));
  if (wanted !== undefined) {
    if (cost.kind === 'matrix') {
      throw new DomainError(`${path}: a matrix knows no other support; leave out support, which is then that of the measures`);
    }
    if (!isMeasure(wanted)) return discreteMarginal({ points: toPoints(`${path}: support`, wanted) });
    const measure = requireDiscrete(path, 'support', wanted);
    requireFittingSides(path, measure, first, cost);
    return uniform(measure);
  }
  const same = measures.every((measure) => sameSupport(first, measure));
  if (same) return uniform(first);
  if (cost.kind === 'matrix' || first.kind === 'histogram') {
    throw new ShapeError(`${path}: measures under a matrix of costs need one support; give them as many points, in one order`);
  }
  const seen = new Set<string>();
  const rows: number[][] = [];
  for (const { points } of measures) {
    for (let i = 0; i < points.count; i++) {
      const place = Array.from(row(points, i));
      const key = place.join();
      if (!seen.has(key)) rows.push(place);
      seen.add(key);
    }
  }
  return discreteMarginal({ points: rows });
}

function sameSupport(p: DiscreteMarginal, q: DiscreteMarginal): boolean {
  if (p === q) return true;
  if (p.kind !== q.kind || p.weights.length !== q.weights.length) return false;
  if (p.kind === 'histogram') return true;
  const [x, y] = [p.points.data, q.points.data];
  return x.length === y.length && x.every((value, i) => value === y[i]);
}

/** Places of the points: those given, or every so-manieth of all the measures' points with weight. */
function freeSupport(path: string, measures: readonly DiscreteMarginal[], free: number | PointsLike): DiscreteMarginal {
  if (typeof free !== 'number') return discreteMarginal({ points: toPoints(`${path}: support.free`, free) });
  const count = requireInteger(`${path}: support.free`, free, 1);
  const largest = measures.reduce((most, m) => (m.weights.length > most.weights.length ? m : most));
  const n = largest.weights.length;
  const chosen = Int32Array.from({ length: count }, (_, i) => Math.floor(((i + 0.5) * n) / count) % n);
  const points = takeRows(largest.points, chosen);
  if (count > n) throw new DomainError(`${path}: support.free asks for ${count} points of at most ${n}; pass points to start from`);
  return discreteMarginal({ points });
}
