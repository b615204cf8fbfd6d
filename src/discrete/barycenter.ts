import { ConvergenceError, DomainError } from '../errors.ts';
import { type IterationOptions, requireIterationOptions } from '../numerics/iterate.ts';
import { requireKnownOptions } from '../numerics/vectors.ts';
import type { Barycenter } from './barycenter-answer.ts';
import { type BarycenterProblem, checkBarycenter } from './barycenter-problem.ts';
import { prepareFixedBarycenter } from './fixed-barycenter.ts';
import { prepareFreeBarycenter } from './free-barycenter.ts';
import type { PreparedSolve } from './prepared-solve.ts';
import type { ComputeOptions } from './workspace.ts';

/** Options of {@link barycenter}. */
export interface BarycenterOptions extends Omit<IterationOptions, 'signal'>, ComputeOptions {
  /**
   * An earlier answer on the same fixed support for as many measures of as many points, such as one that was stopped. Points that move start
   * from `support: { free: earlier.marginal.points }` instead. @defaultValue none
   */
  readonly initial?: Barycenter;
}

const OPTIONS = ['tolerance', 'maxIterations', 'timeLimit', 'onProgress', 'onFailure', 'initial', 'threads', 'memory', 'engine'] as const;

/**
 * Computes a barycenter of discrete measures of equal mass.
 *
 * - Fixed support (default): min over bar of Σ_k w_k min_P ⟨P, C⟩ + ε KL(P | 1 ⊗ a_k), P from bar to a_k, as POT's `bregman.barycenter` and
 *   OTT's `FixedBarycenter` have it. It is wider than the true barycenter: between Gaussians under |x − y|² of equal variance s², its
 *   variance is s² + ε/2.
 * - `debiased`: min Σ_k w_k S_ε(bar, a_k) with Sinkhorn divergences (with the same reference), exact between Gaussians of equal variance.
 * - `support: { free: n }`: n points of equal weight, or of given `weights`, move downhill on Σ_k w_k OT_ε(bar, a_k), or S_ε when `debiased`,
 *   to a local minimum: where they rest, that no nudge leads further down is tested (by Lanczos' method, at most 16 turns more). Without `epsilon`, or 0, OT is exact,
 *   and there is no bias.
 *
 * Solved on the dual by L-BFGS through decreasing ε; debiased by Anderson's acceleration of the fixed-point iteration, then, for up to 600
 * points of support and measures together, by Newton's method with the bounds that weights of 0 need; moving points by L-BFGS in the points.
 * Debiasing undoes a blur: where √ε is wider than the features of the measures, weights change by many times the `error`, and some go to 0, for
 * which larger problems need hundreds of steps, thousands where √ε spans several bins: take a tolerance of 1e-6 there.
 *
 * @param problem `measures`; `weights`, default equal; `epsilon`; `cost`, default |x − y|²; `support`, default that of the measures; `debiased`
 * @throws InfeasibleError when masses differ by more than 1e-7; ShapeError when measures do not fit each other; DomainError on bad values
 * @example
 * ```ts
 * import { barycenter, discreteMarginal } from 'viaduct';
 * const points = Array.from({ length: 41 }, (_, i) => [i / 4]);
 * const bump = (at: number) => {
 *   const raw = points.map(([x]) => Math.exp(-((x! - at) ** 2) / 2));
 *   return discreteMarginal({ points, weights: raw.map((w) => w / raw.reduce((s, v) => s + v)) });
 * };
 * const middle = barycenter({ measures: [bump(3), bump(7)], epsilon: 0.2, debiased: true });
 * console.log(middle.marginal.mean()[0]!.toFixed(6)); // → 5.000000
 * ```
 * @see [cuturi2014] [benamou2015] [janati2020b] [kim2011] [liu1989]
 */
export function barycenter(problem: BarycenterProblem, options: BarycenterOptions = {}): Barycenter {
  return prepare('barycenter', problem, options, OPTIONS).run();
}

/**
 * {@link barycenter} without holding the thread; `signal` stops it with the measure so far, which `initial` goes on from.
 *
 * @example
 * ```ts
 * import { barycenterAsync, discreteMarginal } from 'viaduct';
 * const one = discreteMarginal({ points: [[0], [1], [2]], weights: [0.2, 0.5, 0.3] });
 * const same = await barycenterAsync({ measures: [one], epsilon: 0.5, debiased: true });
 * console.log(same.marginal.weights[1]!.toFixed(6)); // → 0.500000
 * ```
 */
export async function barycenterAsync(
  problem: BarycenterProblem,
  options: BarycenterOptions & { readonly signal?: AbortSignal } = {},
): Promise<Barycenter> {
  return prepare('barycenterAsync', problem, options, [...OPTIONS, 'signal']).runAsync();
}

function prepare(
  path: string,
  problem: BarycenterProblem,
  options: BarycenterOptions & { readonly signal?: AbortSignal },
  known: readonly string[],
): PreparedSolve<Barycenter> {
  requireKnownOptions(path, options, known);
  requireIterationOptions(path, options);
  const { onFailure, tolerance = 1e-9, initial, threads, memory, engine, ...rest } = options;
  const checked = checkBarycenter(path, problem);
  if (checked.free && initial !== undefined) {
    throw new DomainError(`${path}: initial is for a fixed support; pass support: { free: earlier.marginal.points }`);
  }
  const compute = {
    ...(threads === undefined ? {} : { threads }),
    ...(memory === undefined ? {} : { memory }),
    ...(engine === undefined ? {} : { engine }),
  };
  const solve = checked.free
    ? prepareFreeBarycenter(path, checked, compute, { ...rest, tolerance })
    : prepareFixedBarycenter(path, checked, compute, { ...rest, tolerance, ...(initial === undefined ? {} : { initial }) });
  const finish = (made: Barycenter): Barycenter => {
    if (onFailure === 'throw' && made.status !== 'converged') {
      throw new ConvergenceError(
        `${path}: ${made.status} after ${made.iterations} iterations with error ${made.error}; raise maxIterations, tolerance or epsilon`,
      );
    }
    return made;
  };
  return { run: () => finish(solve.run()), runAsync: async () => finish(await solve.runAsync()) };
}
