import { type EntropicProblem, penaltyOf } from '../couplings/entropic-problem.ts';
import { requireProblem } from '../couplings/require-problem.ts';
import { ConvergenceError, DomainError, InfeasibleError } from '../errors.ts';
import { type IterationOptions, now, requireIterationOptions } from '../numerics/iterate.ts';
import { requireKnownOptions } from '../numerics/vectors.ts';
import { type DenseProblem, denseProblem } from './dense-problem.ts';
import type { DiscreteCoupling } from './discrete-coupling.ts';
import { entropicAnswer } from './entropic-answer.ts';
import { type FeasibilityTest, feasibilityTest } from './feasibility.ts';
import { type InitialPotentials, startingPotential } from './initial-potentials.ts';
import { partialSides, preparePartialTransport } from './partial-transport.ts';
import type { PreparedSolve } from './prepared-solve.ts';
import { requireRepresentable } from './representable.ts';
import { prepareTask, type SolvedTask, type SolveTask } from './solve-task.ts';
import { METHODS, type Method } from './solver.ts';
import { DEFAULT_MEMORY } from './storage-limit.ts';
import type { Penalties } from './values.ts';
import type { ComputeOptions } from './workspace.ts';

/** Options of {@link sinkhorn}. */
export interface SinkhornOptions extends Omit<IterationOptions, 'signal'>, ComputeOptions {
  /**
   * - `'lbfgs'`: L-BFGS on the semi-dual with the kernel absorbed;
   * - `'newton'`: the same, then Newton's method with a sparse preconditioner where L-BFGS crawls;
   * - `'sinkhorn'`: Sinkhorn's iteration with the kernel absorbed; `'log'`: the same in the log domain;
   * - `'over-relaxed'`: Sinkhorn's iteration with steps `relaxation` times as long;
   * - `'auto'`: `'newton'` where it applies, `'lbfgs'` otherwise.
   *
   * @defaultValue `'auto'`
   */
  readonly method?: Method;
  /** Solve at larger ε first. @defaultValue true for `'auto'`, `'lbfgs'` and `'newton'` without `initial`, otherwise false */
  readonly scaling?: boolean;
  /** Length of an over-relaxed step; above 2 it is taken, and the status says `diverged`. @defaultValue 1.5 */
  readonly relaxation?: number;
  /**
   * Potentials to start from: an earlier answer, or one side (the side not given is updated first), or for squared Euclidean costs the name
   * of a start that is computed: `'gaussian'` from the first and second moments, `'sorting'` from exact transport on the line, `'subsample'`
   * from the same problem between every k-th point. @defaultValue none: 0 at the largest ε
   */
  readonly initial?: InitialPotentials;
}

/** The options that {@link sinkhorn} reads. */
export const SINKHORN_OPTIONS = [
  'tolerance',
  'maxIterations',
  'timeLimit',
  'onProgress',
  'onFailure',
  'method',
  'scaling',
  'relaxation',
  'initial',
  'threads',
  'memory',
  'engine',
] as const;

/**
 * Solves an entropic optimal transport problem between discrete measures.
 *
 * Marginals may be exact, penalised by KL, or bounds that the plan stays under: `marginals: { source: 'at-most', target: 'at-most', mass }`
 * is partial transport, min ⟨P, C⟩ + ε KL(P | a ⊗ b) over P1 ≤ a, Pᵀ1 ≤ b, ΣP = mass, solved by L-BFGS with bounds on the dual. Points of
 * weight zero are left out of the work and get potentials from the usual soft-min. The result says honestly how it ended: `converged` only
 * when the error recomputed from the potentials is at most the tolerance.
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
 *
 * // Half the mass: the cheapest half.
 * const far = discreteMarginal({ points: [[0], [9]] });
 * const half = entropicProblem({ source, target: far, epsilon: 0.1, marginals: { source: 'at-most', target: 'at-most', mass: 0.5 } });
 * console.log(sinkhorn(half).applyTranspose([1, 1])[0]!.toFixed(6)); // → 0.500000
 * ```
 * @see [cuturi2013] [sinkhorn1967] [caffarelli2010] [chapel2020]
 */
export function sinkhorn(problem: EntropicProblem, options: SinkhornOptions = {}): DiscreteCoupling {
  return prepareSinkhorn('sinkhorn', problem, options, SINKHORN_OPTIONS).run();
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
  return prepareSinkhorn('sinkhornAsync', problem, options, [...SINKHORN_OPTIONS, 'signal']).runAsync();
}

const UNBOUNDED = { source: Number.POSITIVE_INFINITY, target: Number.POSITIVE_INFINITY };

/** A problem that is ready to be solved: here, or, where it is a task, anywhere. */
export interface PreparedSinkhorn extends PreparedSolve<DiscreteCoupling> {
  /** Absent where another method than that of {@link openSolver} solves it. */
  readonly task?: SolveTask;
  /** The answer of the solved task, which took `seconds`; `batchThread`: the one of a batch that solved it. */
  answer?(solved: SolvedTask, seconds: number, batchThread?: number): DiscreteCoupling;
}

/** A checked problem with the iteration that solves it; `path` is the public function that messages name. */
export function prepareSinkhorn(
  path: string,
  problem: EntropicProblem,
  options: SinkhornOptions & { readonly signal?: AbortSignal },
  known: readonly string[],
): PreparedSinkhorn {
  requireProblem(path, problem, 'entropic');
  requireKnownOptions(path, options, known);
  const { method = 'auto', scaling, relaxation, initial, onFailure, tolerance = 1e-9, threads, memory, engine, ...rest } = options;
  if (!METHODS.includes(method)) throw new DomainError(`${path}: unknown method '${String(method)}'; use one of ${METHODS.join(', ')}`);
  if (scaling !== undefined && typeof scaling !== 'boolean') {
    throw new DomainError(`${path}: scaling must be true or false, got ${String(scaling)}; leave it out`);
  }
  if (relaxation !== undefined && !(typeof relaxation === 'number' && relaxation > 0 && relaxation < Number.POSITIVE_INFINITY)) {
    throw new DomainError(
      `${path}: relaxation must be > 0 and finite, got ${String(relaxation)}; pass 1.5, say: below 2 it converges, above 2 it diverges`,
    );
  }
  requireIterationOptions(path, options);
  const began = now();
  const dense = denseProblem(path, problem, memory ?? DEFAULT_MEMORY);
  const { epsilon } = problem;
  requireRepresentable(path, dense.summary.largest, epsilon, tolerance, 'use exactTransport');
  const compute = {
    ...(threads === undefined ? {} : { threads }),
    ...(memory === undefined ? {} : { memory }),
    ...(engine === undefined ? {} : { engine }),
  };
  const checked = (coupling: DiscreteCoupling): DiscreteCoupling => {
    if (onFailure === 'throw' && coupling.status !== 'converged') throw new ConvergenceError(failure(path, coupling));
    return coupling;
  };
  const sides = partialSides(problem, dense);
  if (sides !== undefined) {
    if (method !== 'auto' && method !== 'lbfgs') {
      throw new DomainError(`${path}: method '${method}' knows no side 'at-most'; use 'auto' or 'lbfgs'`);
    }
    const bounded = sides.source === 'at-most' && sides.target === 'at-most';
    const start = startingPotential(path, dense, epsilon, UNBOUNDED, initial, compute, bounded);
    const partial = preparePartialTransport(path, problem, dense, sides, compute, { ...rest, tolerance, start });
    return { run: () => checked(partial.run()), runAsync: async () => checked(await partial.runAsync()) };
  }
  const penalties = penaltiesOf(path, problem);
  const { maxIterations, ...watch } = rest;
  const test = feasibility(path, dense, penalties, watch);
  const task: SolveTask = {
    path,
    dense,
    epsilon,
    penalties,
    options: {
      method,
      tolerance,
      start: startingPotential(path, dense, epsilon, penalties, initial, compute),
      compute,
      ...(scaling === undefined ? {} : { scaling }),
      ...(relaxation === undefined ? {} : { relaxation }),
    },
    ...(maxIterations === undefined ? {} : { maxIterations }),
  };
  const answer = ({ f, g, sideErrors, stats: work, ...ended }: SolvedTask, seconds: number, batchThread?: number): DiscreteCoupling => {
    const stats = { ...work, seconds, ...(batchThread === undefined ? {} : { batchThread }) };
    const solution = { path, dense, epsilon, penalties, f, g, compute };
    return checked(entropicAnswer(problem, solution, { ended, sideErrors, tolerance, stats }));
  };
  const { onProgress } = watch;
  const open = (limits: Pick<IterationOptions, 'timeLimit' | 'signal'>): PreparedSolve<SolvedTask> =>
    prepareTask(task, { ...limits, ...(onProgress === undefined ? {} : { onProgress }) });
  const solve = test === undefined ? open(watch) : test.before(watch, open);
  return {
    // What may yet turn out to have no answer is nobody else's.
    ...(test === undefined || test.answered ? { task, answer } : {}),
    run: () => answer(solve.run(), now() - began),
    runAsync: async () => answer(await solve.runAsync(), now() - began),
  };
}

function failure(path: string, { status, iterations, error }: DiscreteCoupling): string {
  return `${path}: ${status} after ${iterations} iterations with error ${error}; raise maxIterations, tolerance or epsilon`;
}

function penaltiesOf(path: string, problem: EntropicProblem): Penalties {
  return { source: penaltyOf(path, 'source', problem), target: penaltyOf(path, 'target', problem) };
}

/** With forbidden pairs and exact sides, asks whether any plan avoids them. */
function feasibility(
  path: string,
  dense: DenseProblem,
  { source, target }: Penalties,
  watch: Pick<IterationOptions, 'timeLimit' | 'signal'>,
): FeasibilityTest | undefined {
  if (!dense.forbidden || source !== Number.POSITIVE_INFINITY || target !== Number.POSITIVE_INFINITY) return undefined;
  return feasibilityTest(dense.costs, dense.a, dense.b, watch, (stranded) => {
    throw new InfeasibleError(
      `${path}: no plan avoids the forbidden pairs, mass ${stranded} is stranded; allow more pairs, or relax a side with { kl: rho }`,
    );
  });
}
