import type { EntropicProblem } from '../couplings/entropic-problem.ts';
import { requireProblem } from '../couplings/require-problem.ts';
import { ConvergenceError, DomainError, InfeasibleError, ShapeError } from '../errors.ts';
import { type Iterated, type IterationOptions, iterate, iterateAsync } from '../numerics/iterate.ts';
import type { VectorLike } from '../numerics/points.ts';
import { softMinRows } from '../numerics/soft-min.ts';
import { requireKnownOptions } from '../numerics/vectors.ts';
import { type DenseProblem, denseProblem } from './dense-problem.ts';
import type { DiscreteCoupling } from './discrete-coupling.ts';
import { entropicAnswer } from './entropic-answer.ts';
import { largest, logSinkhorn, type SinkhornState } from './log-sinkhorn.ts';
import { networkSimplex } from './network-simplex.ts';
import { type Penalties, total } from './values.ts';

/** Options of {@link sinkhorn}. */
export interface SinkhornOptions extends Omit<IterationOptions, 'signal'> {
  /**
   * `'log'`: Sinkhorn's iteration in the log domain from the start; `'auto'`: the same after warm starts at larger ε (ε-scaling) when ε is
   * small and no `initial` is given. @defaultValue `'auto'`
   */
  readonly method?: 'auto' | 'log';
  /** Potentials to start from: an earlier answer, or one side; the side not given is updated first. */
  readonly initial?: DiscreteCoupling | { readonly f: VectorLike } | { readonly g: VectorLike };
  /** 1; more come with a later version. */
  readonly threads?: 1;
}

const OPTIONS = ['tolerance', 'maxIterations', 'timeLimit', 'onProgress', 'onFailure', 'method', 'initial', 'threads'] as const;
/** Levels of ε-scaling: from 0.3 of the spread of the costs, divided by 4, each to a coarse error. */
const FIRST_LEVEL = 0.3;
const LEVEL_FACTOR = 4;
const LEVEL_TOLERANCE = 5e-2;
const LEVEL_ITERATIONS = 300;

/**
 * Solves an entropic optimal transport problem between discrete measures by Sinkhorn's algorithm in the log domain.
 *
 * Marginals may be exact or penalised by KL. Points of weight zero are left out of the work and get potentials from the usual soft-min. The
 * result says honestly how it ended: `converged` only when the error recomputed from the potentials is at most the tolerance.
 *
 * @param options `tolerance` 1e-9 (L1, both sides, relative to the mass), `maxIterations` 100 000, `method`, `initial`, `timeLimit`,
 *   `onProgress`, `onFailure`
 * @throws DomainError when ε is too small for doubles at this tolerance; InfeasibleError when forbidden pairs leave no plan
 * @example
 * ```ts
 * import { discreteMarginal, entropicProblem, sinkhorn } from 'viaduct';
 * const source = discreteMarginal({ points: [[0], [1]] });
 * const target = discreteMarginal({ points: [[0], [1]] });
 * const plan = sinkhorn(entropicProblem({ source, target, epsilon: 1 }));
 * console.log(plan.value.linear.toFixed(12)); // → 0.268941421370
 * ```
 * @see [cuturi2013] [sinkhorn1967]
 */
export function sinkhorn(problem: EntropicProblem, options: SinkhornOptions = {}): DiscreteCoupling {
  const run = prepare('sinkhorn', problem, options, OPTIONS);
  const levels = run.levels.map((epsilon) => iterate(run.at(epsilon), levelOptions(options)));
  return run.finish(levels, iterate(run.final(), { ...run.options }));
}

/**
 * {@link sinkhorn} without holding the thread: gives it up every 16 ms, and stops with status `aborted` and the potentials so far when
 * `signal` says so.
 *
 * @example
 * ```ts
 * import { discreteMarginal, entropicProblem, sinkhornAsync } from 'viaduct';
 * const both = discreteMarginal({ points: [[0], [1]] });
 * const plan = await sinkhornAsync(entropicProblem({ source: both, target: both, epsilon: 1 }));
 * console.log(plan.status); // → converged
 * ```
 */
export async function sinkhornAsync(
  problem: EntropicProblem,
  options: SinkhornOptions & { readonly signal?: AbortSignal } = {},
): Promise<DiscreteCoupling> {
  const run = prepare('sinkhornAsync', problem, options, [...OPTIONS, 'signal']);
  const levels: Iterated<SinkhornState>[] = [];
  for (const epsilon of run.levels) levels.push(await iterateAsync(run.at(epsilon), levelOptions(options)));
  return run.finish(levels, await iterateAsync(run.final(), { ...run.options }));
}

function levelOptions({ timeLimit, signal }: IterationOptions): IterationOptions {
  return {
    tolerance: LEVEL_TOLERANCE,
    maxIterations: LEVEL_ITERATIONS,
    ...(timeLimit === undefined ? {} : { timeLimit }),
    ...(signal === undefined ? {} : { signal }),
  };
}

/** A checked problem with the iterations that solve it. */
function prepare(path: string, problem: EntropicProblem, options: SinkhornOptions, known: readonly string[]) {
  requireProblem(path, problem, 'entropic');
  requireKnownOptions(path, options, known);
  const { method = 'auto', initial, threads = 1, onFailure, tolerance = 1e-9, ...rest } = options;
  if (method !== 'auto' && method !== 'log') {
    throw new DomainError(`${path}: method '${String(method)}' is not implemented yet; use 'auto' or 'log'`);
  }
  if (threads !== 1) throw new DomainError(`${path}: threads ${String(threads)} is not implemented yet; use 1 or leave it out`);
  const dense = denseProblem(path, problem);
  const { epsilon } = problem;
  const penalties = penaltiesOf(problem);
  requireRepresentable(path, dense, epsilon, tolerance);
  requireFeasible(path, dense, penalties);
  let start = startingPotential(path, dense, epsilon, initial);
  const levels = method === 'auto' && initial === undefined ? scalingLevels(dense, epsilon) : [];
  const at = (level: number) => {
    const iteration = logSinkhorn(dense, level, penalties, start);
    return { ...iteration, path };
  };
  const final = () => at(epsilon);
  return {
    levels,
    final,
    options: { ...rest, tolerance },
    at(level: number) {
      const iteration = at(level);
      // Each level hands its potential to the next.
      return {
        ...iteration,
        step(state: SinkhornState) {
          const next = iteration.step(state);
          start = next.f;
          return next;
        },
      };
    },
    finish(done: readonly Iterated<SinkhornState>[], last: Iterated<SinkhornState>): DiscreteCoupling {
      const coupling = entropicAnswer(path, problem, dense, penalties, done, last, tolerance);
      if (onFailure === 'throw' && coupling.status !== 'converged') throw new ConvergenceError(failure(path, coupling));
      return coupling;
    },
  };
}

function failure(path: string, { status, iterations, error }: DiscreteCoupling): string {
  return `${path}: ${status} after ${iterations} iterations with error ${error}; raise maxIterations, tolerance or epsilon`;
}

function penaltiesOf({ marginals }: EntropicProblem): Penalties {
  const rho = (side: EntropicProblem['marginals']['source']): number => (side === 'exact' ? Number.POSITIVE_INFINITY : side.kl);
  return { source: rho(marginals.source), target: rho(marginals.target) };
}

/** Decreasing ε from a share of the spread of the costs down to, not including, the wanted one; none when that is large. */
function scalingLevels({ costs }: DenseProblem, epsilon: number): number[] {
  let [sum, count, least] = [0, 0, Number.POSITIVE_INFINITY];
  for (const c of costs) {
    if (c === Number.POSITIVE_INFINITY) continue;
    sum += c;
    count++;
    least = Math.min(least, c);
  }
  const spread = sum / count - least;
  const levels: number[] = [];
  if (epsilon < 0.1 * spread) for (let level = FIRST_LEVEL * spread; level > 1.0001 * epsilon; level /= LEVEL_FACTOR) levels.push(level);
  return levels;
}

/** f on the support; when only g is given, f fits it, so that the side not given is updated first. */
function startingPotential(path: string, dense: DenseProblem, epsilon: number, initial: SinkhornOptions['initial']): Float64Array {
  const { a, b, rows, columns, costs, source, target } = dense;
  if (initial === undefined) return new Float64Array(a.length);
  const given = 'potentials' in initial ? initial.potentials : initial;
  const take = (values: VectorLike, indices: Int32Array, count: number, name: string): Float64Array => {
    if (values.length !== count)
      throw new ShapeError(`${path}: initial.${name} has ${values.length} entries for ${count} points; pass one a point`);
    const out = Float64Array.from(indices, (i) => values[i]!);
    if (!out.every(Number.isFinite))
      throw new DomainError(`${path}: initial.${name} has an entry that is not finite; pass finite potentials`);
    return out;
  };
  if ('f' in given) return take(given.f, rows, source.weights.length, 'f');
  if (!('g' in given)) throw new DomainError(`${path}: initial has neither f nor g; pass an earlier answer, { f } or { g }`);
  const g = take(given.g, columns, target.weights.length, 'g');
  const out = new Float64Array(a.length);
  softMinRows(
    costs,
    g.map((x, j) => x + epsilon * Math.log(b[j]!)),
    epsilon,
    out,
  );
  return out;
}

/** Refuses ε so small that rounding of the exponents alone exceeds the tolerance: typical rounding is a fiftieth of its bound. */
function requireRepresentable(path: string, { costs }: DenseProblem, epsilon: number, tolerance: number): void {
  const smallest = (2 * 2.220446049250313e-16 * largest(costs)) / (50 * Math.max(tolerance, 1e-300));
  if (tolerance > 0 && epsilon < smallest) {
    throw new DomainError(
      `${path}: epsilon ${epsilon} is too small for doubles at tolerance ${tolerance}; the smallest that works is about ${smallest.toPrecision(3)}, or use exactTransport`,
    );
  }
}

/** With forbidden pairs and exact sides, asks the simplex method whether any plan avoids them. */
function requireFeasible(path: string, { a, b, costs, forbidden }: DenseProblem, { source, target }: Penalties): void {
  if (!forbidden || source !== Number.POSITIVE_INFINITY || target !== Number.POSITIVE_INFINITY) return;
  const { forbiddenMass } = networkSimplex(
    costs.map((c) => (c === Number.POSITIVE_INFINITY ? c : 0)),
    a,
    b,
  );
  if (forbiddenMass > 1e-12 * total(a)) {
    throw new InfeasibleError(
      `${path}: no plan avoids the forbidden pairs, mass ${forbiddenMass} is stranded; allow more pairs, or relax a side with { kl: rho }`,
    );
  }
}
