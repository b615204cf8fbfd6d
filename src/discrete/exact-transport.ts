import { requireProblem } from '../couplings/require-problem.ts';
import type { TransportProblem } from '../couplings/transport-problem.ts';
import { ConvergenceError, DomainError, InfeasibleError } from '../errors.ts';
import { type IterationOptions, now, pause, requireIterationOptions, type Status } from '../numerics/iterate.ts';
import type { VectorLike } from '../numerics/points.ts';
import { requireKnownOptions, total } from '../numerics/vectors.ts';
import { type DenseProblem, denseProblem, requireDiscrete } from './dense-problem.ts';
import type { DiscreteCoupling } from './discrete-coupling.ts';
import { exactAnswer } from './exact-answer.ts';
import { onSupport } from './initial-potentials.ts';
import { networkSimplexSteps, type SimplexProgress, type SimplexSolution } from './network-simplex.ts';
import type { DualGuess } from './network-simplex-start.ts';
import { oneDimensionalTransport, type PricedSolution } from './one-dimensional.ts';
import { requireMemory, requireRoomForCosts } from './storage-limit.ts';

/** Options of `exactTransport`. The sorting solvers on line and circle need none of them and ignore all but their spelling. */
export interface ExactTransportOptions extends Pick<IterationOptions, 'timeLimit' | 'onFailure'> {
  /** Stop after this many pivots, with status `max-iterations`. @defaultValue none */
  readonly maxIterations?: number;
  /** Called every few milliseconds: pivots as `iteration`, as `error` the share of the mass that still uses forbidden pairs. */
  readonly onProgress?: IterationOptions['onProgress'];
  /** Most bytes that costs may take where points are not on a line or circle. @defaultValue 8e9 */
  readonly memory?: number;
  /** Potentials to start from: an earlier answer, or one of its sides; the better they are, the fewer pivots. */
  readonly initial?: DiscreteCoupling | { readonly f: VectorLike } | { readonly g: VectorLike };
}

const OPTIONS = ['timeLimit', 'onFailure', 'maxIterations', 'onProgress', 'memory', 'initial'];
const MEMORY = 8e9;
const SLICE_SECONDS = 0.016;
const STRANDED = 1e-12;

/**
 * Solves an optimal transport problem between discrete measures exactly: min ⟨P, C⟩ over P1 = a, Pᵀ1 = b. On the line and on the circle,
 * for convex costs of the distance, by sorting, without forming C; otherwise by the network simplex method. Potentials are dual
 * solutions: f_i + g_j ≤ C_ij, equal where mass flows.
 *
 * Below about 2000 points this is often faster than a small ε, and it is the better choice when the plan itself is wanted sharp. A run
 * that is stopped returns its feasible plan so far and feasible duals, so that `value.gap` bounds what is left to gain.
 *
 * @throws InfeasibleError when forbidden pairs leave no plan; DomainError when a marginal is not made of points, an option is wrong, or the
 *   costs need more than `memory`;
 *   ConvergenceError when stopped, with `onFailure: 'throw'`
 * @example
 * ```ts
 * import { discreteMarginal, exactTransport, transportProblem } from 'viaduct';
 * const source = discreteMarginal({ points: [[0, 0], [1, 0]] });
 * const target = discreteMarginal({ points: [[1, 1], [0, 1]] });
 * console.log(exactTransport(transportProblem({ source, target })).value.linear); // → 1
 * ```
 * @see [bonneel2011] [delon2010] [peyre2019]
 */
export function exactTransport(problem: TransportProblem, options: ExactTransportOptions = {}): DiscreteCoupling {
  const run = drive('exactTransport', problem, options, OPTIONS);
  for (;;) {
    const step = run.next();
    if (step.done) return step.value;
  }
}

/**
 * {@link exactTransport} without holding the thread: the simplex method gives it up every 16 ms, and stops with status `aborted` and the
 * plan so far when `signal` says so. (Evaluating the costs before, and sorting on line and circle, is done in one piece.)
 *
 * @example
 * ```ts
 * import { discreteMarginal, exactTransportAsync, transportProblem } from 'viaduct';
 * const point = discreteMarginal({ points: [[0]] });
 * console.log((await exactTransportAsync(transportProblem({ source: point, target: point }))).status); // → converged
 * ```
 */
export async function exactTransportAsync(
  problem: TransportProblem,
  options: ExactTransportOptions & { readonly signal?: AbortSignal } = {},
): Promise<DiscreteCoupling> {
  await pause();
  const run = drive('exactTransportAsync', problem, options, [...OPTIONS, 'signal']);
  let slice = now();
  for (;;) {
    const step = run.next();
    if (step.done) return step.value;
    if (now() - slice > SLICE_SECONDS) {
      await pause();
      slice = now();
    }
  }
}

/** Yields every few milliseconds, returns the answer. */
function* drive(
  path: string,
  problem: TransportProblem,
  options: ExactTransportOptions & { readonly signal?: AbortSignal },
  known: readonly string[],
): Generator<void, DiscreteCoupling, void> {
  requireProblem(path, problem, 'transport');
  requireKnownOptions(path, options, known);
  const { timeLimit = Number.POSITIVE_INFINITY, maxIterations = Number.POSITIVE_INFINITY, signal, onProgress, onFailure } = options;
  const { maxIterations: pivots, ...watch } = options;
  requireIterationOptions(path, pivots === Number.POSITIVE_INFINITY ? watch : options);
  const { memory = MEMORY } = options;
  requireMemory(path, memory, MEMORY);
  const start = now();
  const source = requireDiscrete(path, 'source', problem.source);
  const target = requireDiscrete(path, 'target', problem.target);
  const b = problem.targetRescaling === 1 ? target.weights : target.weights.map((w) => problem.targetRescaling * w);
  const sorted = oneDimensionalTransport(path, problem.cost, source, target, b);
  const finish = (solution: PricedSolution, status: Status, pivots = 0, forbiddenMass = 0): DiscreteCoupling =>
    exactAnswer(path, problem, source, target, b, solution, { status, pivots, forbiddenMass, seconds: now() - start });
  if (sorted !== undefined) return finish(sorted, 'converged');

  // A given matrix is there already.
  if (problem.cost.pointwise) {
    const carrying = (weights: Float64Array): number => weights.reduce((count, w) => count + (w > 0 ? 1 : 0), 0);
    requireRoomForCosts(path, carrying(source.weights), carrying(target.weights), memory, 'use sinkhorn');
  }
  const dense = denseProblem(path, problem);
  const mass = total(dense.a);
  let stopped: Status | undefined;
  const report = ({ pivots, forbiddenMass }: SimplexProgress): void => {
    const seconds = now() - start;
    onProgress?.({ iteration: pivots, error: forbiddenMass / mass, seconds });
    if (signal?.aborted) stopped = 'aborted';
    else if (seconds > timeLimit) stopped = 'time-limit';
  };
  const steps = networkSimplexSteps(dense.costs, dense.a, dense.b, guessOf(path, dense, options.initial), maxIterations);
  let step = steps.next(false);
  while (!step.done) {
    report(step.value);
    yield;
    if (signal?.aborted) stopped = 'aborted';
    step = steps.next(stopped !== undefined);
  }
  const solution = step.value;
  const status = solution.optimal ? 'converged' : (stopped ?? 'max-iterations');
  report(solution);
  if (solution.optimal && solution.forbiddenMass > STRANDED * mass) {
    throw new InfeasibleError(`${path}: no plan avoids the forbidden pairs, mass ${solution.forbiddenMass} is stranded; allow more pairs`);
  }
  const answer = finish(onAllPoints(dense, solution), status, solution.pivots, solution.forbiddenMass);
  if (status !== 'converged' && onFailure === 'throw') {
    throw new ConvergenceError(
      `${path}: ${status} after ${solution.pivots} pivots with gap ${answer.value.gap}; raise timeLimit or maxIterations`,
    );
  }
  return answer;
}

/** The given potentials on the points that carry weight. */
function guessOf(path: string, { source, target, rows, columns }: DenseProblem, initial: ExactTransportOptions['initial']): DualGuess {
  if (initial === undefined) return {};
  if (typeof initial !== 'object' || initial === null) {
    throw new DomainError(`${path}: initial is ${String(initial)}; pass an earlier answer, { f } or { g }`);
  }
  const given = 'potentials' in initial ? initial.potentials : initial;
  const f = 'f' in given ? { f: onSupport(path, 'f', given.f, rows, source.weights.length) } : {};
  const g = 'g' in given ? { g: onSupport(path, 'g', given.g, columns, target.weights.length) } : {};
  if (!('f' in f || 'g' in g)) throw new DomainError(`${path}: initial has neither f nor g; pass an earlier answer, { f } or { g }`);
  return { ...f, ...g };
}

/** The solution on the support as one on all points; those without weight get the largest potential that keeps the duals feasible. */
function onAllPoints(dense: DenseProblem, { entries, f, g }: SimplexSolution): PricedSolution {
  const { source, target, rows, columns, costs, cost } = dense;
  const [n, m] = [source.weights.length, target.weights.length];
  let linear = 0;
  entries.masses.forEach((p, k) => {
    linear += p * costs[entries.rows[k]! * columns.length + entries.columns[k]!]!;
  });
  if (rows.length === n && columns.length === m) return { entries, f, g, linear };
  const all = cost.between(source.points, target.points);
  const outF = new Float64Array(n).fill(Number.POSITIVE_INFINITY);
  const outG = new Float64Array(m).fill(Number.POSITIVE_INFINITY);
  columns.forEach((j, c) => {
    for (let i = 0; i < n; i++) outF[i] = Math.min(outF[i]!, all[i * m + j]! - g[c]!);
  });
  rows.forEach((i, r) => {
    outF[i] = f[r]!;
  });
  for (let i = 0, p = 0; i < n; i++) for (let j = 0; j < m; j++, p++) outG[j] = Math.min(outG[j]!, all[p]! - outF[i]!);
  columns.forEach((j, c) => {
    outG[j] = g[c]!;
  });
  const place = { rows: entries.rows.map((r) => rows[r]!), columns: entries.columns.map((c) => columns[c]!), masses: entries.masses };
  return { entries: place, f: outF, g: outG, linear };
}
