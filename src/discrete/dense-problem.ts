import { type Cost, type CostSummary, summariseCosts } from '../costs/cost.ts';
import { DomainError, InfeasibleError } from '../errors.ts';
import { type DiscreteMarginal, isDiscrete } from '../marginals/discrete-marginal.ts';
import type { Marginal } from '../marginals/marginal.ts';
import { type Points, takeRows } from '../numerics/points.ts';
import { type GridProblem, gridProblem, summariseGrid } from './grid-problem.ts';

/** A problem between the points that carry weight: zero weights are left out and come back in the answer. */
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
}

/** What a solver reads of a problem. */
export type SolverProblem = Pick<DenseProblem, 'a' | 'b' | 'rows' | 'columns' | 'x' | 'y' | 'costs' | 'squared' | 'grid' | 'summary'> & {
  readonly cost: Pick<Cost, 'kind' | 'squaredScale'>;
};

/** Reduces a problem to its support and summarises its costs. */
export function denseProblem(
  path: string,
  problem: { readonly source: Marginal; readonly target: Marginal; readonly cost: Cost; readonly targetRescaling: number },
): DenseProblem {
  const source = requireDiscrete(path, 'source', problem.source);
  const target = requireDiscrete(path, 'target', problem.target);
  requireMass(path, 'source', source);
  requireMass(path, 'target', target);
  const { cost, targetRescaling } = problem;
  const rows = support(source.weights);
  const columns = support(target.weights);
  const whole = rows.length === source.weights.length && columns.length === target.weights.length;
  const grid = gridProblem(source, target, cost, rows.length * columns.length);
  const pointsOf = (marginal: DiscreteMarginal, places: Int32Array): Points =>
    whole ? marginal.points : takeRows(marginal.points, places);
  let [x, y]: (Points | undefined)[] = [];
  const sources = (): Points => (x ??= pointsOf(source, rows));
  const targets = (): Points => (y ??= pointsOf(target, columns));
  let formed: Float64Array | undefined;
  const costs = (): Float64Array => {
    formed ??=
      whole || cost.pointwise ? (cost.view ?? cost.between)(sources(), targets()) : reducedCosts(cost, source, target, rows, columns);
    return formed;
  };
  const squared = cost.squaredScale !== undefined;
  if (squared && source.points.dimension !== target.points.dimension) cost.between(sources(), targets());
  const summary =
    grid !== undefined
      ? summariseGrid(grid)
      : squared
        ? summariseSquares(sources(), targets(), cost.squaredScale!)
        : whole && cost.summary !== undefined && costs() !== undefined
          ? cost.summary
          : summariseCosts(costs());
  if (summary.forbidden) requireReachable(path, costs(), rows, columns);
  return {
    source,
    target,
    cost,
    a: whole ? source.weights : Float64Array.from(rows, (i) => source.weights[i]!),
    b: Float64Array.from(columns, (j) => targetRescaling * target.weights[j]!),
    rows,
    columns,
    get x() {
      return sources();
    },
    get y() {
      return targets();
    },
    get costs() {
      return costs();
    },
    squared,
    ...(grid === undefined ? {} : { grid }),
    summary,
    forbidden: summary.forbidden,
  };
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
  const all = cost.between(source.points, target.points);
  const out = new Float64Array(rows.length * columns.length);
  rows.forEach((i, r) => {
    columns.forEach((j, c) => {
      out[r * columns.length + c] = all[i * target.weights.length + j]!;
    });
  });
  return out;
}

function requireReachable(path: string, costs: Float64Array, rows: Int32Array, columns: Int32Array): void {
  const m = columns.length;
  rows.forEach((i, r) => {
    if (costs.subarray(r * m, (r + 1) * m).every((c) => c === Number.POSITIVE_INFINITY)) {
      throw new InfeasibleError(`${path}: source point ${i} has only forbidden pairs; allow one of them, or give it weight 0`);
    }
  });
  columns.forEach((j, c) => {
    if (rows.every((_, r) => costs[r * m + c] === Number.POSITIVE_INFINITY)) {
      throw new InfeasibleError(`${path}: target point ${j} has only forbidden pairs; allow one of them, or give it weight 0`);
    }
  });
}
