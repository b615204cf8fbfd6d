import { type Cost, type CostSummary, summariseCosts } from '../costs/cost.ts';
import type { EntropicProblem } from '../couplings/entropic-problem.ts';
import { DomainError } from '../errors.ts';
import { type DiscreteMarginal, isDiscrete } from '../marginals/discrete-marginal.ts';
import type { Marginal } from '../marginals/marginal.ts';
import { type Points, takeRows } from '../numerics/points.ts';
import { type GridProblem, gridProblem, summariseGrid } from './grid-problem.ts';
import { connectedPoints, costsBetween } from './isolated-points.ts';
import { POINTS_INSTEAD, requireRoomForCosts } from './storage-limit.ts';

/**
 * A problem between the points that carry weight: zero weights are left out and come back in the answer. So are points with only forbidden
 * pairs, whose mass stays where their side is not exact.
 */
export interface DenseProblem {
  readonly source: DiscreteMarginal;
  readonly target: DiscreteMarginal;
  readonly cost: Cost;
  /** Positive weights; b already rescaled to the source's mass when both sides are exact. */
  readonly a: Float64Array;
  readonly b: Float64Array;
  /** Where they lie among all points. */
  readonly rows: Int32Array;
  readonly columns: Int32Array;
  /** The points of the support. */
  readonly x: Points;
  readonly y: Points;
  /** C, row-major, `a.length × b.length`; formed when first asked for, to be read only. */
  readonly costs: Float64Array;
  /** True when costs are |x − y|² times `cost.squaredScale`, so that nobody needs to form them. */
  readonly squared: boolean;
  /** The problem one axis at a time, where it lies on grids and that is worth while. */
  readonly grid?: GridProblem;
  /** Least, mean and largest cost; bounds and estimates from the coordinates where costs are not formed. */
  readonly summary: CostSummary;
  /** True when some pair is forbidden. */
  readonly forbidden: boolean;
  /** Mass of the points left out because all their pairs are forbidden. */
  readonly stays: { readonly source: number; readonly target: number };
}

/** What a solver reads of a problem. */
export type SolverProblem = Pick<DenseProblem, 'a' | 'b' | 'rows' | 'columns' | 'x' | 'y' | 'costs' | 'squared' | 'grid' | 'summary'> & {
  readonly cost: Pick<Cost, 'kind' | 'squaredScale'>;
};

/**
 * Reduces a problem to its support and summarises its costs.
 *
 * @param memory bytes that costs of points may take where they have to be formed; no limit when absent
 */
export function denseProblem(
  path: string,
  problem: {
    readonly source: Marginal;
    readonly target: Marginal;
    readonly cost: Cost;
    readonly targetRescaling: number;
    readonly marginals?: EntropicProblem['marginals'];
  },
  memory?: number,
): DenseProblem {
  const source = requireDiscrete(path, 'source', problem.source);
  const target = requireDiscrete(path, 'target', problem.target);
  requireMass(path, 'source', source);
  requireMass(path, 'target', target);
  const { cost, targetRescaling } = problem;
  const carrying = { rows: support(source.weights), columns: support(target.weights) };
  const room = (n: number, m: number): void => requireRoomForCosts(path, n, m, memory, POINTS_INSTEAD);
  const all = between(source, target, cost, carrying, { room });
  const whole = all.summary.forbidden ? withoutIsolated(path, all, problem) : all;
  const { rows, columns, grid, summary } = whole;
  const left = (weights: Float64Array, from: Int32Array, to: Int32Array): number => {
    if (from.length === to.length) return 0;
    const kept = new Set(to);
    return from.reduce((sum, i) => sum + (kept.has(i) ? 0 : weights[i]!), 0);
  };
  return {
    source,
    target,
    cost,
    a: whole.complete ? source.weights : takeScaled(source.weights, rows, 1),
    b: takeScaled(target.weights, columns, targetRescaling),
    rows,
    columns,
    get x() {
      return whole.x();
    },
    get y() {
      return whole.y();
    },
    get costs() {
      return whole.costs();
    },
    squared: cost.squaredScale !== undefined,
    ...(grid === undefined ? {} : { grid }),
    summary,
    forbidden: summary.forbidden,
    stays: { source: left(source.weights, carrying.rows, rows), target: left(target.weights, carrying.columns, columns) },
  };
}

/** Some of the points of either side, with what is asked of the costs between them; points and costs are made when first asked for. */
interface PointsAndCosts {
  readonly rows: Int32Array;
  readonly columns: Int32Array;
  /** True when these are all points. */
  readonly complete: boolean;
  readonly x: () => Points;
  readonly y: () => Points;
  readonly costs: () => Float64Array;
  readonly grid: GridProblem | undefined;
  readonly summary: CostSummary;
}

function between(
  source: DiscreteMarginal,
  target: DiscreteMarginal,
  cost: Cost,
  { rows, columns }: { readonly rows: Int32Array; readonly columns: Int32Array },
  { given, room }: { readonly given?: Float64Array; readonly room?: (rows: number, columns: number) => void },
): PointsAndCosts {
  const complete = rows.length === source.weights.length && columns.length === target.weights.length;
  const grid = gridProblem(source, target, cost, rows.length * columns.length);
  const pointsOf = (marginal: DiscreteMarginal, places: Int32Array): Points =>
    complete ? marginal.points : takeRows(marginal.points, places);
  let [px, py]: (Points | undefined)[] = [];
  const x = (): Points => (px ??= pointsOf(source, rows));
  const y = (): Points => (py ??= pointsOf(target, columns));
  let formed = given;
  const costs = (): Float64Array => {
    formed ??= complete || cost.pointwise ? (cost.view ?? cost.between)(x(), y()) : reducedCosts(cost, source, target, rows, columns);
    return formed;
  };
  const squared = cost.squaredScale !== undefined;
  if (cost.pointwise && !squared && grid === undefined) room?.(rows.length, columns.length);
  if (squared && source.points.dimension !== target.points.dimension) cost.between(x(), y());
  const summary =
    grid !== undefined
      ? summariseGrid(grid)
      : squared
        ? summariseSquares(x(), y(), cost.squaredScale!)
        : complete && cost.summary !== undefined && costs() !== undefined
          ? cost.summary
          : summariseCosts(costs());
  return { rows, columns, complete, x, y, costs, grid, summary };
}

/** The same between the points that are not isolated by forbidden pairs. */
function withoutIsolated(
  path: string,
  all: PointsAndCosts,
  { source, target, cost, marginals }: Parameters<typeof denseProblem>[1],
): PointsAndCosts {
  const { rows, columns } = all;
  const kept = connectedPoints(path, all.costs(), all, marginals);
  if (kept.rows.length === rows.length && kept.columns.length === columns.length) return all;
  const places = { rows: kept.rows.map((r) => rows[r]!), columns: kept.columns.map((c) => columns[c]!) };
  return between(source as DiscreteMarginal, target as DiscreteMarginal, cost, places, {
    given: costsBetween(all.costs(), columns.length, kept),
  });
}

/** Exact mean of scale·|x − y|², and bounds of the others, from moments and bounding boxes. */
function summariseSquares(x: Points, y: Points, scale: number): CostSummary {
  let [mean, largest] = [0, 0];
  for (let k = 0; k < x.dimension; k++) {
    const [p, q] = [axis(x, k), axis(y, k)];
    mean += p.variance + q.variance + (p.mean - q.mean) ** 2;
    largest += Math.max(p.high - q.low, q.high - p.low) ** 2;
  }
  if (!(largest * scale < Number.POSITIVE_INFINITY)) {
    throw new DomainError('squaredEuclidean: distances of these points overflow a double; rescale the points');
  }
  return { least: 0, mean: scale * mean, largest: scale * largest, forbidden: false };
}

function axis({ data, count, dimension }: Points, k: number): { mean: number; variance: number; low: number; high: number } {
  let [sum, low, high] = [0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let p = k; p < data.length; p += dimension) {
    const value = data[p]!;
    sum += value;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const mean = sum / count;
  let squares = 0;
  for (let p = k; p < data.length; p += dimension) squares += (data[p]! - mean) ** 2;
  return { mean, variance: squares / count, low, high };
}

function takeScaled(weights: Float64Array, places: Int32Array, scale: number): Float64Array {
  const out = new Float64Array(places.length);
  for (let p = 0; p < out.length; p++) out[p] = scale * weights[places[p]!]!;
  return out;
}

/** Refuses a marginal that is not made of weighted points. */
export function requireDiscrete(path: string, side: string, marginal: Marginal): DiscreteMarginal {
  if (isDiscrete(marginal)) return marginal;
  throw new DomainError(`${path}: ${side} is a ${marginal.kind} marginal; pass dataMarginal(marginal.sample(count, randomSource(seed)))`);
}

/** Masses whose products are far from the ends of what doubles hold. */
const MASSES = [1e-100, 1e100] as const;

function requireMass(path: string, side: string, { mass }: DiscreteMarginal): void {
  if (mass >= MASSES[0] && mass <= MASSES[1]) return;
  throw new DomainError(`${path}: ${side} has mass ${mass}, and products of such masses leave the range of doubles; rescale the weights`);
}

function support(weights: Float64Array): Int32Array {
  const out = new Int32Array(weights.length);
  let count = 0;
  for (let i = 0; i < weights.length; i++) if (weights[i]! > 0) out[count++] = i;
  return out.subarray(0, count);
}

/** A given matrix is asked for whole, since it knows indices. */
function reducedCosts(cost: Cost, source: DiscreteMarginal, target: DiscreteMarginal, rows: Int32Array, columns: Int32Array): Float64Array {
  return costsBetween((cost.view ?? cost.between)(source.points, target.points), target.weights.length, { rows, columns });
}
