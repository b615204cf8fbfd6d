import type { Cost } from '../costs/cost.ts';
import { costRows } from '../costs/cost-rows.ts';
import { squaredEuclidean } from '../costs/squared-euclidean.ts';
import { DomainError, InfeasibleError } from '../errors.ts';
import { type DiscreteMarginal, isDiscrete } from '../marginals/discrete-marginal.ts';
import { axisCoordinates, axisSums, type GridMarginal, isGrid } from '../marginals/grid-marginal.ts';
import type { Marginal } from '../marginals/marginal.ts';
import { totalVariance } from '../numerics/moments.ts';
import { trace } from '../numerics/spd.ts';
import { requireKnownOptions, requirePositive, total } from '../numerics/vectors.ts';
import { balance, requireFittingSides } from './transport-problem.ts';

/**
 * How a side of the plan is tied to its marginal: equal to it, nowhere above it, or penalised by rho·KL(π_1 | a). With both sides
 * `'at-most'` the mass to move is given beside them: partial transport.
 */
export type MarginalConstraint = 'exact' | 'at-most' | { readonly kl: number };

/**
 * min ∫ c dπ + ε·KL(π | source ⊗ target) + marginal penalties, KL(p | q) = ∫ log(dp/dq) dp − ∫dp + ∫dq.
 * Potentials f, g are in units of cost: π = source ⊗ target · exp((f ⊕ g − c)/ε).
 */
export interface EntropicProblem {
  readonly kind: 'entropic';
  readonly source: Marginal;
  readonly target: Marginal;
  readonly cost: Cost;
  /** ε > 0 in units of cost, resolved: never relative. */
  readonly epsilon: number;
  readonly marginals: {
    readonly source: MarginalConstraint;
    readonly target: MarginalConstraint;
    /** The mass to move, where both sides are `'at-most'`. */
    readonly mass?: number;
  };
  /** The factor that made the target's mass equal to the source's when they differed by at most 1e-7; 1 otherwise. */
  readonly targetRescaling: number;
  readonly warnings: readonly string[];
}

/**
 * States an entropic optimal transport problem.
 *
 * @param options `source`, `target`: measures; `epsilon`: ε > 0 in units of cost, or `{ ofMeanCost: r }` for r times the mean cost
 *   Σ a_i b_j C_ij over finite pairs; `cost`, default |x − y|²; `marginals`: how each side is tied to its marginal, default `'exact'`,
 *   and with both `'at-most'` the `mass` to move
 * @throws DomainError when ε ≤ 0; InfeasibleError when both sides are exact and the masses differ by more than 1e-7 of the larger,
 *   or a side `'at-most'` has less than is to move; ShapeError when dimensions differ
 * @example
 * ```ts
 * import { discreteMarginal, entropicProblem } from 'viaduct';
 * const source = discreteMarginal({ points: [[0], [1]] });
 * const target = discreteMarginal({ points: [[1], [2]] });
 * console.log(entropicProblem({ source, target, epsilon: { ofMeanCost: 0.1 } }).epsilon.toFixed(4)); // → 0.1500
 * ```
 * @see [cuturi2013]
 */
export function entropicProblem(options: {
  readonly source: Marginal;
  readonly target: Marginal;
  readonly epsilon: number | { readonly ofMeanCost: number };
  readonly cost?: Cost;
  readonly marginals?: { readonly source?: MarginalConstraint; readonly target?: MarginalConstraint; readonly mass?: number };
}): EntropicProblem {
  requireKnownOptions('entropicProblem', options, ['source', 'target', 'epsilon', 'cost', 'marginals']);
  const { source, target, cost = squaredEuclidean(), marginals = {} } = options;
  requireFittingSides('entropicProblem', source, target, cost);
  requireKnownOptions('entropicProblem: marginals', marginals, ['source', 'target', 'mass']);
  const sides = {
    source: constraint('source', marginals.source ?? 'exact'),
    target: constraint('target', marginals.target ?? 'exact'),
    ...(marginals.mass === undefined ? {} : { mass: requirePositive('entropicProblem: marginals.mass', marginals.mass) }),
  };
  requirePossible(sides, source.mass, target.mass);
  const balanced = sides.source === 'exact' && sides.target === 'exact';
  const { targetRescaling, warnings } = balanced
    ? balance('entropicProblem', source.mass, target.mass, 'relax a side with marginals: { target: { kl: rho } }')
    : { targetRescaling: 1, warnings: Object.freeze([]) };
  return Object.freeze({
    kind: 'entropic',
    source,
    target,
    cost,
    epsilon: resolveEpsilon(options.epsilon, source, target, cost),
    marginals: Object.freeze(sides),
    targetRescaling,
    warnings,
  });
}

/** ρ of a side for a solver that knows no bound: +∞ when exact. @throws DomainError on `'at-most'` */
export function penaltyOf(path: string, side: 'source' | 'target', { marginals }: EntropicProblem): number {
  const given = marginals[side];
  if (given === 'at-most') throw new DomainError(`${path}: ${side} is 'at-most', which only sinkhorn solves; use 'exact' or { kl: rho }`);
  return given === 'exact' ? Number.POSITIVE_INFINITY : given.kl;
}

/** Refuses bounds and masses that leave no plan, or leave the mass open. */
function requirePossible({ source, target, mass }: EntropicProblem['marginals'], massA: number, massB: number): void {
  const bounds = [source, target].filter((side) => side === 'at-most').length;
  if (mass !== undefined && bounds < 2) {
    throw new DomainError(`entropicProblem: marginals.mass is only for two sides 'at-most', got ${mass}; leave it out`);
  }
  if (bounds === 0) return;
  if (bounds === 2 && mass === undefined) {
    throw new DomainError("entropicProblem: two sides 'at-most' leave the mass open; pass marginals: { source, target, mass }");
  }
  if (typeof source === 'object' || typeof target === 'object') {
    throw new DomainError("entropicProblem: a side 'at-most' goes with 'exact' or 'at-most', not with a penalty; use one kind");
  }
  const room = Math.min(source === 'at-most' ? massA : Number.POSITIVE_INFINITY, target === 'at-most' ? massB : Number.POSITIVE_INFINITY);
  const wanted = mass ?? (source === 'at-most' ? massB : massA);
  if (wanted > room * (1 + 1e-12)) {
    throw new InfeasibleError(
      `entropicProblem: mass ${wanted} does not fit under marginals of mass ${room}; move less, or use { kl: rho }`,
    );
  }
}

function constraint(side: string, given: MarginalConstraint): MarginalConstraint {
  if (given === 'exact' || given === 'at-most') return given;
  if (typeof given !== 'object' || given === null || !('kl' in given)) {
    throw new DomainError(
      `entropicProblem: marginals.${side} must be 'exact', 'at-most' or { kl: rho }, got ${typeof given === 'object' ? JSON.stringify(given) : String(given)}; pass one of them`,
    );
  }
  requireKnownOptions(`entropicProblem: marginals.${side}`, given, ['kl']);
  return Object.freeze({ kl: requirePositive(`entropicProblem: marginals.${side}.kl`, given.kl, "for an infinite penalty use 'exact'") });
}

function resolveEpsilon(epsilon: number | { readonly ofMeanCost: number }, source: Marginal, target: Marginal, cost: Cost): number {
  if (typeof epsilon === 'number') return requirePositive('entropicProblem: epsilon', epsilon, 'in units of cost');
  if (typeof epsilon !== 'object' || epsilon === null) {
    throw new DomainError(`entropicProblem: epsilon must be a number or { ofMeanCost }, got ${String(epsilon)}; pass 0.01, say`);
  }
  requireKnownOptions('entropicProblem: epsilon', epsilon, ['ofMeanCost']);
  const factor = requirePositive('entropicProblem: epsilon.ofMeanCost', epsilon.ofMeanCost);
  const mean = meanCost(source, target, cost);
  if (!(mean > 0 && Number.isFinite(mean))) {
    throw new DomainError(`entropicProblem: epsilon is relative to a mean cost of ${mean}; pass epsilon as a number in units of cost`);
  }
  return factor * mean;
}

/** Σ a_i b_j C_ij over the finite pairs divided by their Σ a_i b_j: from moments for squared costs, from sums along axes on grids. */
function meanCost(source: Marginal, target: Marginal, cost: Cost): number {
  if (isGrid(source) && isGrid(target) && cost.axis !== undefined) return gridMeanCost(source, target, cost.axis);
  if (isDiscrete(source) && isDiscrete(target) && cost.squaredScale === undefined) return discreteMeanCost(source, target, cost);
  if (cost.squaredScale === undefined) {
    throw new DomainError(
      `entropicProblem: the mean of ${cost.name} between a ${source.kind} and a ${target.kind} marginal has no closed form; pass epsilon as a number`,
    );
  }
  const difference = source.mean();
  target.mean().forEach((m, k) => {
    difference[k]! -= m;
  });
  const squares = difference.reduce((sum, x) => sum + x * x, 0) + spread(source) + spread(target);
  return cost.squaredScale * squares;
}

/** E |x − Ex|²: for points without their covariance, which is large where they have many coordinates. */
function spread(marginal: Marginal): number {
  return marginal.kind === 'discrete' && isDiscrete(marginal)
    ? totalVariance(marginal.points, marginal.weights)
    : trace(marginal.covariance());
}

function gridMeanCost(source: GridMarginal, target: GridMarginal, axis: (x: number, y: number) => number): number {
  let mean = 0;
  source.shape.forEach((_, k) => {
    const [x, y] = [axisCoordinates(source, k), axisCoordinates(target, k)];
    const [a, b] = [axisSums(source.shape, source.weights, k), axisSums(target.shape, target.weights, k)];
    a.forEach((p, i) => {
      b.forEach((q, j) => {
        mean += p * q * axis(x[i]!, y[j]!);
      });
    });
  });
  return mean / (total(source.weights) * total(target.weights));
}

function discreteMeanCost(source: DiscreteMarginal, target: DiscreteMarginal, cost: Cost): number {
  const row = costRows(cost, source.points, target.points);
  let sum = 0;
  let weight = 0;
  for (let i = 0; i < source.weights.length; i++) {
    if (source.weights[i] === 0) continue;
    const costs = row(i);
    for (let j = 0; j < target.weights.length; j++) {
      const c = costs[j]!;
      const w = source.weights[i]! * target.weights[j]!;
      if (c === Number.POSITIVE_INFINITY || w === 0) continue;
      sum += w * c;
      weight += w;
    }
  }
  if (weight === 0) throw new InfeasibleError('entropicProblem: every pair that carries weight is forbidden; allow some with finite costs');
  return sum / weight;
}
