import type { EntropicProblem } from '../couplings/entropic-problem.ts';
import { DomainError } from '../errors.ts';
import { type Iteration, type IterationOptions, now } from '../numerics/iterate.ts';
import { type DenseProblem, denseProblem } from './dense-problem.ts';
import type { DiscreteCoupling } from './discrete-coupling.ts';
import { entropicAnswer } from './entropic-answer.ts';
import { type PreparedSolve, preparedSolve } from './prepared-solve.ts';
import { requireRepresentable } from './representable.ts';
import { DEFAULT_MEMORY } from './storage-limit.ts';
import { type ComputeOptions, openWorkspace } from './workspace.ts';

/** Share of the step f → soft-min(f) that is taken. For costs with a positive definite kernel the error then falls by 3 at every step. */
const STEP = 2 / 3;
/** Share of the tolerance at which the true error is computed. */
const SAFETY = 0.9;

interface SelfState {
  error: number;
}

/**
 * Transport of a measure to itself under a symmetric cost, by the symmetric iteration f ← f + ⅔(T f − f), T the soft-min update. T f − f has
 * the derivative −(1 + P/a), whose eigenvalues lie between −2 and −1 where exp(−C/ε) is positive definite: ⅔ is the best step for all of
 * them, whatever ε is.
 *
 * @see [feydy2019]
 */
export function prepareSelfTransport(
  path: string,
  problem: EntropicProblem,
  compute: ComputeOptions,
  options: IterationOptions,
): PreparedSolve<DiscreteCoupling> {
  const began = now();
  const { epsilon, marginals } = problem;
  const { tolerance = 1e-9 } = options;
  const dense = denseProblem(path, problem, compute.memory ?? DEFAULT_MEMORY);
  requireSymmetric(path, dense);
  requireRepresentable(path, dense.summary.largest, epsilon, tolerance, 'use exactTransport');
  const rho = typeof marginals.source === 'object' ? marginals.source.kl : Number.POSITIVE_INFINITY;
  const penalties = { source: rho, target: rho };
  const workspace = openWorkspace(path, dense, penalties, {
    ...compute,
    storage: dense.grid === undefined ? 'absorbed' : 'log',
    single: false,
    vectors: (height, width) => 8 * 3 * (height + width) + 6 * 64,
  });
  const { engine, kernel, source, target } = workspace;
  const { count, logs, weights, mass } = source;
  const ratio = source.exact ? 0 : epsilon / rho;
  const damping = 1 / (1 + ratio);
  const [F, H, rows] = [engine.f64(weights.length), engine.f64(weights.length), engine.f64(weights.length)];
  const [G, columns] = [engine.f64(target.weights.length), engine.f64(target.weights.length)];
  kernel.setLevel(epsilon, true);
  /** a·exp(−f/ρ), what row i should sum to. */
  const wanted = (i: number): number => weights[i]! * (ratio === 0 ? 1 : Math.exp(-ratio * (G[i]! - logs[i]!)));
  const trueError = (): number => {
    for (let i = 0; i < count; i++) F[i] = G[i]!;
    F.fill(Number.NEGATIVE_INFINITY, count);
    kernel.marginals(F, G, rows, columns);
    let sum = 0;
    for (let i = 0; i < count; i++) sum += Math.abs(rows[i]! - wanted(i));
    return (2 * sum) / mass;
  };
  const judge = (state: SelfState): SelfState => {
    kernel.softRows(G, H);
    let sum = 0;
    for (let i = 0; i < count; i++) sum += Math.abs(Math.exp(G[i]! - H[i]!) - wanted(i));
    state.error = (2 * sum) / mass;
    if (state.error <= SAFETY * tolerance) state.error = trueError();
    return state;
  };
  const iteration: Iteration<SelfState> = {
    path,
    initial() {
      for (let i = 0; i < count; i++) G[i] = logs[i]!;
      return judge({ error: Number.POSITIVE_INFINITY });
    },
    step(state) {
      for (let i = 0; i < count; i++) G[i]! += STEP * (logs[i]! + damping * H[i]! - G[i]!);
      return judge(state);
    },
    error: (state) => state.error,
    roundingFloor() {
      let top = 0;
      for (let i = 0; i < count; i++) top = Math.max(top, Math.abs(G[i]!));
      return 2 ** -51 * (top + dense.summary.largest / epsilon);
    },
  };
  return preparedSolve({
    iteration,
    options: { ...options, onFailure: 'return' },
    release: () => workspace.release(),
    finish(ended) {
      const f = Float64Array.from({ length: count }, (_, i) => epsilon * (G[i]! - logs[i]!));
      const side = trueError() / 2;
      const { matrix, exponential } = kernel.passes;
      const stats = {
        matrixPasses: matrix,
        exponentialPasses: exponential,
        threads: engine.threads(),
        engine: engine.kind,
        seconds: now() - began,
      };
      const solution = { path, dense, epsilon, penalties, f, g: f, compute };
      return entropicAnswer(problem, solution, { ended, sideErrors: { source: side, target: side }, tolerance, stats });
    },
  });
}

/** Costs of points are symmetric by their kind; others are looked at. */
function requireSymmetric(path: string, dense: DenseProblem): void {
  const { cost, a, summary } = dense;
  if (cost.pointwise && cost.kind !== 'function') return;
  const { costs, rows, columns } = dense;
  const n = a.length;
  // Points with only forbidden pairs are left out by rows and by columns.
  const alone = rows.length === columns.length ? rows.findIndex((i, r) => i !== columns[r]) : 0;
  if (alone >= 0) {
    throw new DomainError(`${path}: ${cost.name} forbids pairs within a measure in one direction only; make it symmetric`);
  }
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) {
      const [there, back] = [costs[i * n + j]!, costs[j * n + i]!];
      if (there === back || Math.abs(there - back) <= 1e-12 * summary.largest) continue;
      throw new DomainError(
        `${path}: ${cost.name} is not symmetric within a measure, c(${i}, ${j}) = ${there} and c(${j}, ${i}) = ${back}; make it symmetric`,
      );
    }
  }
}
