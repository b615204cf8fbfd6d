import type { DiscreteMarginal } from '../marginals/discrete-marginal.ts';
import type { Status } from '../numerics/iterate.ts';
import type { DiscreteCoupling } from './discrete-coupling.ts';

/** A measure between others, with the plans to each of them. */
export interface Barycenter {
  readonly kind: 'barycenter';
  /** The barycenter. */
  readonly marginal: DiscreteMarginal;
  /** The plan from the barycenter to every measure. */
  readonly couplings: readonly DiscreteCoupling[];
  /** The shares of the measures, summing to 1. */
  readonly weights: Float64Array;
  /** `converged` only when the error, recomputed from the plans, is at most the tolerance. */
  readonly status: Status;
  readonly iterations: number;
  /**
   * Fixed support: Σ_k w_k of the L1 errors of both sides of plan k relative to the mass (and of the self-transport, when debiased). Free
   * support: root mean square of the last move of the points, relative to the spread of the measures.
   */
  readonly error: number;
  readonly errors: Float64Array;
  readonly warnings: readonly string[];
  readonly seconds: number;
  /** A summary. */
  toJSON(): object;
}

/** Freezes an answer; `converged` is only said of the recomputed error. */
export function barycenterOf(answer: {
  readonly path: string;
  readonly marginal: DiscreteMarginal;
  readonly couplings: readonly DiscreteCoupling[];
  readonly weights: Float64Array;
  readonly ended: Status;
  readonly iterations: number;
  readonly error: number;
  readonly errors: Float64Array;
  readonly tolerance: number;
  readonly seconds: number;
}): Barycenter {
  const { path, ended, tolerance, ...rest } = answer;
  const { error } = rest;
  const status = Number.isNaN(error) ? 'diverged' : error <= tolerance ? 'converged' : ended === 'converged' ? 'stagnated' : ended;
  const warnings =
    status === 'converged' ? [] : [`${path}: ${status} with error ${error.toExponential(2)} above the tolerance ${tolerance}`];
  const json = (): object => ({
    kind: 'barycenter',
    status,
    iterations: rest.iterations,
    error,
    points: rest.marginal.weights.length,
    measures: rest.couplings.length,
    warnings,
  });
  const made: Barycenter = {
    kind: 'barycenter',
    ...rest,
    status,
    couplings: Object.freeze(rest.couplings),
    warnings: Object.freeze(warnings),
    toJSON: json,
  };
  Object.defineProperty(made, Symbol.for('nodejs.util.inspect.custom'), { value: json, enumerable: false });
  return Object.freeze(made);
}
