import type { Cost } from '../costs/cost.ts';
import { squaredEuclidean } from '../costs/squared-euclidean.ts';
import { DomainError, InfeasibleError, ShapeError } from '../errors.ts';
import type { Marginal } from '../marginals/marginal.ts';
import { requireKnownOptions } from '../numerics/vectors.ts';

/** min ∫ c dπ over the plans with these marginals: the problem of Monge and Kantorovich. */
export interface TransportProblem {
  readonly kind: 'transport';
  readonly source: Marginal;
  readonly target: Marginal;
  readonly cost: Cost;
  /** The factor that made the target's mass equal to the source's when they differed by at most 1e-7; 1 otherwise. */
  readonly targetRescaling: number;
  readonly warnings: readonly string[];
}

/**
 * States an optimal transport problem without regularisation, for `exactTransport`.
 *
 * @param options `source`, `target`: measures of one dimension and equal mass; `cost`, default |x − y|²
 * @throws InfeasibleError when the masses differ by more than 1e-7 of the larger; ShapeError when dimensions differ
 * @example
 * ```ts
 * import { discreteMarginal, exactTransport, transportProblem } from 'viaduct';
 * const source = discreteMarginal({ points: [[0], [1]] });
 * const target = discreteMarginal({ points: [[1], [2]] });
 * console.log(exactTransport(transportProblem({ source, target })).value.linear); // → 1
 * ```
 */
export function transportProblem(options: {
  readonly source: Marginal;
  readonly target: Marginal;
  readonly cost?: Cost;
}): TransportProblem {
  requireKnownOptions('transportProblem', options, ['source', 'target', 'cost']);
  const { source, target, cost = squaredEuclidean() } = options;
  requireFittingSides('transportProblem', source, target, cost);
  return Object.freeze({
    kind: 'transport',
    source,
    target,
    cost,
    ...balance('transportProblem', source.mass, target.mass, 'state an entropicProblem with marginals: { target: { kl: rho } }'),
  });
}

/** Refuses what is no marginal or no cost, sides of different dimension, and histograms under any cost but a matrix. */
export function requireFittingSides(path: string, source: Marginal, target: Marginal, cost: Cost): void {
  requireMarginal(`${path}: source`, source);
  requireMarginal(`${path}: target`, target);
  if (typeof cost?.between !== 'function') {
    throw new DomainError(`${path}: cost is no cost (${typeof cost}); pass the result of a call: squaredEuclidean()`);
  }
  if (source.kind === 'histogram' || target.kind === 'histogram') {
    if (cost.kind !== 'matrix') {
      throw new ShapeError(`${path}: a histogram has indices, not places; pass cost: costMatrix(C), or discreteMarginal with points`);
    }
    return;
  }
  if (cost.kind !== 'matrix' && source.dimension !== target.dimension) {
    throw new ShapeError(
      `${path}: source has dimension ${source.dimension}, target ${target.dimension}; make them equal or pass a costMatrix`,
    );
  }
}

/** Refuses bare points and the like where a measure is expected. */
export function requireMarginal(path: string, value: Marginal): void {
  if (typeof value?.sample !== 'function' || typeof value.mass !== 'number') {
    throw new DomainError(`${path} is no marginal (${typeof value}); make one with discreteMarginal, gaussianMarginal, …`);
  }
}

/** The rescaling of the target for equal masses, with a warning when there is one. `relaxed`: how to do with unequal ones. */
export function balance(
  path: string,
  source: number,
  target: number,
  relaxed: string,
): { targetRescaling: number; warnings: readonly string[] } {
  const mismatch = Math.abs(source - target) / Math.max(source, target);
  if (mismatch > 1e-7) {
    throw new InfeasibleError(`${path}: source has mass ${source}, target ${target}; rescale one of them, or ${relaxed}`);
  }
  if (mismatch <= 1e-14) return { targetRescaling: 1, warnings: Object.freeze([]) };
  const warning = `${path}: masses differ by ${mismatch.toExponential(1)} of the larger; the target was rescaled to the source's mass`;
  return { targetRescaling: source / target, warnings: Object.freeze([warning]) };
}
