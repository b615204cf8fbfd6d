import type { Matrix } from 'ml-matrix';
import type { Cost } from '../costs/cost.ts';
import type { Coupling } from '../couplings/coupling.ts';
import { DomainError } from '../errors.ts';
import type { DiscreteMarginal } from '../marginals/discrete-marginal.ts';
import { categoricalSampler, sampleCategories } from '../numerics/categorical.ts';
import type { Status } from '../numerics/iterate.ts';
import { crossMoment, weightedMean } from '../numerics/moments.ts';
import { allocatePoints, type Points, type PointsLike, requireDimension, row, takeRows, toPoints } from '../numerics/points.ts';
import { applyPlan, applyPlanTranspose, planMatrix, type TransportPlan } from './transport-plan.ts';
import type { DiscreteValue } from './values.ts';

/** Derivatives of the optimal value by the envelope theorem; a and b as directions that keep the problem feasible. */
export interface DiscreteGradients {
  /** ∂/∂x_i, n × d. @throws DomainError unless the cost is squared Euclidean */
  readonly x: Points;
  /** ∂/∂y_j, m × d. */
  readonly y: Points;
  /** ∂/∂a_i, up to a constant when both sides are exact. */
  readonly a: Float64Array;
  readonly b: Float64Array;
  /** ∂/∂C_ij = P_ij. */
  readonly cost: Matrix;
}

/** What the work was. */
export interface SolverStats {
  /** Passes over a stored kernel (none in the log domain). */
  readonly matrixPasses: number;
  /** Passes of n·m exponentials. */
  readonly exponentialPasses: number;
  readonly seconds: number;
  readonly threads: number;
}

/** A plan between two discrete measures, with the truth about how it was found. */
export interface DiscreteCoupling extends Coupling {
  readonly kind: 'discrete-coupling';
  readonly source: DiscreteMarginal;
  readonly target: DiscreteMarginal;
  readonly status: Status;
  readonly iterations: number;
  readonly warnings: readonly string[];
  /** L1 error of both sides together, relative to the total mass, recomputed from the answer. */
  readonly error: number;
  /** The error after every iteration. */
  readonly errors: Float64Array;
  readonly value: DiscreteValue;
  /** Dual potentials in units of cost: P = a ⊗ b exp((f ⊕ g − C)/ε) when entropic. */
  readonly potentials: { readonly f: Float64Array; readonly g: Float64Array };
  /** P, n × m. */
  plan(): Matrix;
  /** P v. */
  apply(v: ArrayLike<number>): Float64Array;
  /** Pᵀ u. */
  applyTranspose(u: ArrayLike<number>): Float64Array;
  /** Derivatives of the optimal value. */
  gradients(): DiscreteGradients;
  readonly stats: SolverStats;
  /** A summary: never the plan. */
  toJSON(): object;
}

/** What a solver hands over. */
export interface DiscreteAnswer {
  readonly path: string;
  readonly source: DiscreteMarginal;
  readonly target: DiscreteMarginal;
  readonly cost: Cost;
  readonly plan: TransportPlan;
  readonly status: Status;
  readonly iterations: number;
  readonly warnings: readonly string[];
  readonly errors: Float64Array;
  readonly sideErrors: { readonly source: number; readonly target: number };
  readonly value: DiscreteValue;
  readonly potentials: { readonly f: Float64Array; readonly g: Float64Array };
  readonly weightGradients: () => { readonly a: Float64Array; readonly b: Float64Array };
  readonly stats: SolverStats;
  /** Unnormalised law of the target index given any source point, where potentials know it. */
  readonly conditional?: (x: Points, i: number) => Float64Array;
  /** The same for the source index given a target point. */
  readonly conditionalBack?: (y: Points, j: number) => Float64Array;
}

/** Completes an answer to a {@link DiscreteCoupling}. */
export function discreteCoupling(answer: DiscreteAnswer): DiscreteCoupling {
  const { path, source, target, cost, plan, potentials, sideErrors } = answer;
  const mass = (): number => sumOf(applyPlan(plan, new Float64Array(plan.columns).fill(1)));
  const weightsGiven = (name: string, x: PointsLike): { at: Points; weights: (i: number) => Float64Array } => {
    const at = toPoints(`${path}.${name}`, x);
    requireDimension(`${path}.${name}`, at, source.dimension);
    if (answer.conditional !== undefined) return { at, weights: (i) => answer.conditional!(at, i) };
    const found = matchSupport(path, name, at, source);
    const rows = planRows(plan, found);
    return { at, weights: (i) => rows.get(found[i]!)! };
  };
  const json = (): object => ({
    kind: 'discrete-coupling',
    status: answer.status,
    iterations: answer.iterations,
    error: sideErrors.source + sideErrors.target,
    value: answer.value,
    points: [plan.rows, plan.columns],
    warnings: answer.warnings,
  });
  const coupling: DiscreteCoupling = {
    kind: 'discrete-coupling',
    source,
    target,
    get mass() {
      return mass();
    },
    status: answer.status,
    iterations: answer.iterations,
    warnings: Object.freeze([...answer.warnings]),
    error: sideErrors.source + sideErrors.target,
    errors: answer.errors,
    value: answer.value,
    potentials: Object.freeze(potentials),
    stats: Object.freeze(answer.stats),
    plan: () => planMatrix(plan),
    apply: (v) => applyPlan(plan, requireLength(`${path}.apply`, v, plan.columns)),
    applyTranspose: (u) => applyPlanTranspose(plan, requireLength(`${path}.applyTranspose`, u, plan.rows)),
    gradients: () => gradientsOf(answer),
    sample(count, random) {
      const entries: [number, number][] = [];
      const masses: number[] = [];
      plan.forEach((i, j, p) => {
        entries.push([i, j]);
        masses.push(p);
      });
      const drawn = sampleCategories(Float64Array.from(masses), count, random);
      const side = (k: 0 | 1): Int32Array => drawn.map((e) => entries[e]![k]);
      return { x: takeRows(source.points, side(0)), y: takeRows(target.points, side(1)) };
    },
    sampleConditional(x, random) {
      const { at, weights } = weightsGiven('sampleConditional', x);
      return takeRows(
        target.points,
        Int32Array.from({ length: at.count }, (_, i) => categoricalSampler(weights(i))(random)),
      );
    },
    conditionalMean(x) {
      const { at, weights } = weightsGiven('conditionalMean', x);
      const out = allocatePoints(at.count, target.dimension);
      for (let i = 0; i < at.count; i++) row(out, i).set(weightedMean(target.points, weights(i)));
      return out;
    },
    moments() {
      const rows = applyPlan(plan, new Float64Array(plan.columns).fill(1));
      const columns = applyPlanTranspose(plan, new Float64Array(plan.rows).fill(1));
      const sourceMean = weightedMean(source.points, rows);
      const targetMean = weightedMean(target.points, columns);
      return {
        sourceMean,
        targetMean,
        sourceCovariance: crossMoment(source.points, sourceMean, source.points, sourceMean, rows),
        targetCovariance: crossMoment(target.points, targetMean, target.points, targetMean, columns),
        crossCovariance: crossOf(plan, source, sourceMean, target, targetMean),
      };
    },
    marginalError: () => ({ metric: 'l1', ...sideErrors }),
    transportCost(wanted = cost) {
      const costs = wanted.between(source.points, target.points);
      let sum = 0;
      plan.forEach((i, j, p) => {
        if (p > 0) sum += p * costs[i * plan.columns + j]!;
      });
      return sum;
    },
    reverse: () => discreteCoupling(reversed(answer)),
    toJSON: json,
  };
  Object.defineProperty(coupling, Symbol.for('nodejs.util.inspect.custom'), { value: () => json(), enumerable: false });
  return Object.freeze(coupling);
}

function reversed(answer: DiscreteAnswer): DiscreteAnswer {
  const { source, target, plan, potentials, sideErrors, cost, conditional, conditionalBack, ...rest } = answer;
  const turned: TransportPlan = {
    rows: plan.columns,
    columns: plan.rows,
    forEach: (visit) => plan.forEach((i, j, p) => visit(j, i, p)),
  };
  const back: Cost = {
    ...cost,
    between(y, x) {
      const costs = cost.between(x, y);
      return Float64Array.from(costs, (_value, p) => costs[(p % x.count) * y.count + Math.floor(p / x.count)]!);
    },
  };
  return {
    ...rest,
    ...(conditionalBack === undefined ? {} : { conditional: conditionalBack }),
    ...(conditional === undefined ? {} : { conditionalBack: conditional }),
    source: target,
    target: source,
    cost: back,
    plan: turned,
    potentials: { f: potentials.g, g: potentials.f },
    sideErrors: { source: sideErrors.target, target: sideErrors.source },
    weightGradients: () => {
      const { a, b } = answer.weightGradients();
      return { a: b, b: a };
    },
  };
}

function gradientsOf({ path, source, target, cost, plan, weightGradients }: DiscreteAnswer): DiscreteGradients {
  const scale = cost.squaredScale;
  const pushes = (side: 'source' | 'target'): Points => {
    if (scale === undefined) {
      throw new DomainError(`${path}.gradients: no derivative of ${cost.name} in the points is known; use a squared Euclidean cost`);
    }
    const own = side === 'source' ? source.points : target.points;
    const other = side === 'source' ? target.points : source.points;
    const out = allocatePoints(own.count, own.dimension);
    plan.forEach((i, j, p) => {
      const [r, s] = side === 'source' ? [i, j] : [j, i];
      const [from, to] = [row(own, r), row(other, s)];
      const into = row(out, r);
      for (let k = 0; k < own.dimension; k++) into[k]! += 2 * scale * p * (from[k]! - to[k]!);
    });
    return out;
  };
  return {
    get x() {
      return pushes('source');
    },
    get y() {
      return pushes('target');
    },
    ...weightGradients(),
    cost: planMatrix(plan),
  };
}

function crossOf(
  plan: TransportPlan,
  source: DiscreteMarginal,
  meanX: Float64Array,
  target: DiscreteMarginal,
  meanY: Float64Array,
): Matrix {
  const rows: number[] = [];
  const columns: number[] = [];
  const masses: number[] = [];
  plan.forEach((i, j, p) => {
    if (p > 0) {
      rows.push(i);
      columns.push(j);
      masses.push(p);
    }
  });
  return crossMoment(takeRows(source.points, rows), meanX, takeRows(target.points, columns), meanY, Float64Array.from(masses));
}

/** The indices of support points that the given ones equal. */
function matchSupport(path: string, name: string, at: Points, source: DiscreteMarginal): Int32Array {
  const places = new Map<string, number>();
  for (let i = 0; i < source.points.count; i++) if (source.weights[i]! > 0) places.set(row(source.points, i).join(), i);
  return Int32Array.from({ length: at.count }, (_, i) => {
    const found = places.get(row(at, i).join());
    if (found === undefined) {
      throw new DomainError(
        `${path}.${name}: row ${i} is no support point of the source, and this plan knows no other; use sinkhorn with a cost of points`,
      );
    }
    return found;
  });
}

function planRows(plan: TransportPlan, wanted: Int32Array): Map<number, Float64Array> {
  const rows = new Map(Array.from(wanted, (i) => [i, new Float64Array(plan.columns)] as const));
  plan.forEach((i, j, p) => {
    const into = rows.get(i);
    if (into !== undefined) into[j] = p;
  });
  return rows;
}

function requireLength(path: string, v: ArrayLike<number>, length: number): ArrayLike<number> {
  if (v.length !== length) throw new DomainError(`${path}: expected ${length} numbers, got ${v.length}; pass one a point`);
  return v;
}

function sumOf(values: Float64Array): number {
  return values.reduce((sum, x) => sum + x, 0);
}
