import { DomainError, ShapeError } from '../errors.ts';
import type { Marginal } from '../marginals/marginal.ts';
import { requireKnownOptions } from '../numerics/vectors.ts';
import type { Reference } from '../references/reference.ts';
import { requireMarginal } from './transport-problem.ts';

/** argmin KL(π | reference) over the path measures π with π_0 = source and π_T = target: the Schrödinger bridge problem. */
export interface BridgeProblem {
  readonly kind: 'bridge';
  readonly source: Marginal;
  readonly target: Marginal;
  readonly reference: Reference;
  readonly dimension: number;
}

/**
 * States a Schrödinger bridge problem between two probability distributions of one dimension.
 *
 * @throws ShapeError when source, target and reference differ in dimension; DomainError when a mass is not 1
 * @example
 * ```ts
 * import { bridgeProblem, brownian, gaussianMarginal } from 'viaduct';
 * const problem = bridgeProblem({
 *   source: gaussianMarginal({ mean: [-0.1], covariance: 1 }),
 *   target: gaussianMarginal({ mean: [0.1], covariance: 1 }),
 *   reference: brownian({ sigma: 1 }),
 * });
 * console.log(problem.dimension); // → 1
 * ```
 * @see [leonard2014]
 */
export function bridgeProblem(options: {
  readonly source: Marginal;
  readonly target: Marginal;
  readonly reference: Reference;
}): BridgeProblem {
  requireKnownOptions('bridgeProblem', options, ['source', 'target', 'reference']);
  const { source, target, reference } = options;
  requireMarginal('bridgeProblem: source', source);
  requireMarginal('bridgeProblem: target', target);
  if (typeof reference?.transition !== 'function') {
    throw new DomainError(`bridgeProblem: reference is no reference (${typeof reference}); pass brownian({ sigma: 1 }), say`);
  }
  if (source.dimension !== target.dimension) {
    throw new ShapeError(
      `bridgeProblem: source has dimension ${source.dimension}, target ${target.dimension}; both must live in the same space`,
    );
  }
  if (reference.dimension !== undefined && reference.dimension !== source.dimension) {
    throw new ShapeError(
      `bridgeProblem: reference has dimension ${reference.dimension}, the marginals ${source.dimension}; make its matrices that size`,
    );
  }
  for (const [name, marginal] of [
    ['source', source],
    ['target', target],
  ] as const) {
    if (marginal.kind === 'histogram') {
      throw new ShapeError(
        `bridgeProblem: ${name} is a histogram, whose indices are no places to pass through; pass discreteMarginal with points`,
      );
    }
    if (Math.abs(marginal.mass - 1) > 1e-7) {
      throw new DomainError(`bridgeProblem: ${name} has mass ${marginal.mass}; a bridge joins probability distributions, pass mass 1`);
    }
  }
  return Object.freeze({ kind: 'bridge', source, target, reference, dimension: source.dimension });
}
