import type { Matrix } from 'ml-matrix';
import { type EntropicProblem, penaltyOf } from '../couplings/entropic-problem.ts';
import { requireProblem } from '../couplings/require-problem.ts';
import { ConvergenceError, ShapeError } from '../errors.ts';
import { type IterationOptions, requireIterationOptions, type Status } from '../numerics/iterate.ts';
import type { Points } from '../numerics/points.ts';
import { requireKnownOptions, total } from '../numerics/vectors.ts';
import { ADJOINT_VECTORS, type AdjointSystem, adjointSystem } from './adjoint-system.ts';
import { denseProblem } from './dense-problem.ts';
import type { DiscreteCoupling } from './discrete-coupling.ts';
import { implicitDerivatives, weightedPlan } from './implicit-derivatives.ts';
import { EXACT_SIDES, partialSides } from './partial-transport.ts';
import { checkCotangent, type PlanCotangent, requireInvariant } from './plan-cotangent.ts';
import { type PreparedSolve, preparedSolve } from './prepared-solve.ts';
import { type ComputeOptions, openWorkspace } from './workspace.ts';

/** Options of {@link implicitGradient}. */
export interface ImplicitGradientOptions extends Omit<IterationOptions, 'signal'>, ComputeOptions {}

/** Derivatives of L through the solution of the problem. */
export interface ImplicitGradient {
  readonly kind: 'implicit-gradient';
  /**
   * dL/dx_i, n × d; a pair at which the cost has a kink, such as |x − y| at x = y, adds 0.
   *
   * @throws DomainError when no derivative of the cost is known: of a matrix, and of a function without `gradient`
   */
  readonly x: Points;
  /** dL/dy_j, m × d. */
  readonly y: Points;
  /** dL/da_i; between exact sides up to a constant, the same with the other sign in b: weights may only change together. */
  readonly a: Float64Array;
  readonly b: Float64Array;
  /** dL/dC_ij, formed when asked for. */
  readonly cost: Matrix;
  readonly status: Status;
  /** Products with the Hessian. */
  readonly iterations: number;
  /** Residual of the linear system relative to its right-hand side. */
  readonly error: number;
  readonly warnings: readonly string[];
  /** A summary. */
  toJSON(): object;
}

type Options = ImplicitGradientOptions & { readonly signal?: AbortSignal };
const OPTIONS = ['tolerance', 'maxIterations', 'timeLimit', 'onProgress', 'onFailure', 'threads', 'memory', 'engine'] as const;

/**
 * Differentiates a function L(P, f, g) of an entropic plan and its potentials with respect to points, weights and costs, by the implicit
 * function theorem: one linear system whatever L is, with the Hessian of the dual,
 *
 * [diag(r) P; Pᵀ diag(c)] (λ, μ) = (∂L/∂f + W1/ε, ∂L/∂g + Wᵀ1/ε), W = P ∘ ∂L/∂P, then dL/dC = P ∘ (λ ⊕ μ) − W/ε,
 *
 * solved by conjugate gradients on diag(c) − Pᵀ diag(1/r) P (penalised sides add to the diagonals). The plan is never formed.
 *
 * Of a partial plan the points whose bound binds stay full, those with slack keep theirs, and where the mass is given its potential is one
 * more unknown. Points that change from one to the other just there have derivatives on one side only; a warning counts them.
 *
 * @param problem the problem that was solved
 * @param coupling its answer, at a tight tolerance: the derivative is that of an exact solution
 * @param cotangent the derivatives of L, at least one
 * @param options `tolerance` 1e-10 (relative residual), `maxIterations` 10 000
 * @throws DomainError when L depends on the constant in the potentials, or a partial plan moves all that a side `'at-most'` has; ShapeError on
 *   a wrong shape
 * @example
 * ```ts
 * import { discreteMarginal, entropicProblem, implicitGradient, sinkhorn } from 'viaduct';
 * const source = discreteMarginal({ points: [[0], [1]] });
 * const problem = entropicProblem({ source, target: source, epsilon: 1 });
 * const coupling = sinkhorn(problem, { tolerance: 1e-13 });
 * // L = P_00 = 1/(2 + 2e^{−1/ε}) changes with C_01 by P_00 (1 − 2 P_00)/2ε.
 * const { cost } = implicitGradient(problem, coupling, { plan: [[1, 0], [0, 0]] });
 * console.log(cost.get(0, 1).toFixed(6)); // → 0.049153
 * ```
 * @see [luise2018]
 */
export function implicitGradient(
  problem: EntropicProblem,
  coupling: DiscreteCoupling,
  cotangent: PlanCotangent,
  options: ImplicitGradientOptions = {},
): ImplicitGradient {
  return prepare('implicitGradient', problem, coupling, cotangent, options, OPTIONS).run();
}

/**
 * {@link implicitGradient} without holding the thread; `signal` stops it.
 *
 * @example
 * ```ts
 * import { discreteMarginal, entropicProblem, implicitGradientAsync, sinkhorn } from 'viaduct';
 * const both = discreteMarginal({ points: [[0], [1]] });
 * const problem = entropicProblem({ source: both, target: both, epsilon: 1 });
 * console.log((await implicitGradientAsync(problem, sinkhorn(problem), { plan: [[1, 0], [0, 1]] })).status); // → converged
 * ```
 */
export async function implicitGradientAsync(
  problem: EntropicProblem,
  coupling: DiscreteCoupling,
  cotangent: PlanCotangent,
  options: Options = {},
): Promise<ImplicitGradient> {
  return prepare('implicitGradientAsync', problem, coupling, cotangent, options, [...OPTIONS, 'signal']).runAsync();
}

function prepare(
  path: string,
  problem: EntropicProblem,
  coupling: DiscreteCoupling,
  given: PlanCotangent,
  options: Options,
  known: readonly string[],
): PreparedSolve<ImplicitGradient> {
  requireProblem(path, problem, 'entropic');
  requireKnownOptions(path, options, known);
  requireIterationOptions(path, options);
  const { onFailure, tolerance = 1e-10, maxIterations = 10_000, threads, memory, engine: kind, ...rest } = options;
  const compute = {
    ...(threads === undefined ? {} : { threads }),
    ...(memory === undefined ? {} : { memory }),
    ...(kind === undefined ? {} : { engine: kind }),
  };
  const { epsilon } = problem;
  const dense = denseProblem(path, problem);
  const sides = partialSides(problem, dense);
  const penalties =
    sides === undefined ? { source: penaltyOf(path, 'source', problem), target: penaltyOf(path, 'target', problem) } : EXACT_SIDES;
  const [n, m] = [dense.source.weights.length, dense.target.weights.length];
  if (coupling?.kind !== 'discrete-coupling' || coupling.potentials.f.length !== n || coupling.potentials.g.length !== m) {
    throw new ShapeError(`${path}: the coupling is no answer to this problem of ${n} × ${m} points; pass sinkhorn(problem)`);
  }
  const cotangent = checkCotangent(path, given, dense);
  const f = Float64Array.from(dense.rows, (i) => coupling.potentials.f[i]!);
  const g = Float64Array.from(dense.columns, (j) => coupling.potentials.g[j]!);
  const solution = { path, dense, epsilon, penalties, f, g, compute };
  const W = weightedPlan(solution, cotangent);
  const u = cotangent.f.map((v, i) => v + W.rows[i]! / epsilon);
  const v = cotangent.g.map((w, j) => w + W.columns[j]! / epsilon);
  const t = 0.5 * (total(cotangent.f) + total(cotangent.g)) + total(W.rows) / epsilon;
  if (sides === undefined && penalties.source === Number.POSITIVE_INFINITY && penalties.target === Number.POSITIVE_INFINITY) {
    requireInvariant(path, cotangent);
  }
  const workspace = openWorkspace(path, dense, penalties, {
    ...compute,
    storage: dense.grid === undefined ? 'absorbed' : 'log',
    single: false,
    vectors: (height, width) => 8 * (ADJOINT_VECTORS + 1) * (height + width) + 10 * 64,
  });
  let system: AdjointSystem;
  try {
    system = adjointSystem(solution, workspace, { u, v, t }, sides);
  } catch (error) {
    workspace.release();
    throw error;
  }
  const { diagonal, scale, singular, direction } = system;
  const mass = total(diagonal);
  /** Constants are in the null space between exact sides. */
  const centre = (x: Float64Array): void => {
    if (!singular) return;
    let mean = 0;
    for (let j = 0; j < diagonal.length; j++) mean += diagonal[j]! * x[j]!;
    for (let j = 0; j < diagonal.length; j++) x[j]! -= mean / mass;
  };
  const [mu, product, residual] = [new Float64Array(diagonal.length), new Float64Array(diagonal.length), system.right.slice()];
  let rz = 0;
  const size = (): number => Math.sqrt(residual.reduce((sum, r, j) => sum + (r * r) / diagonal[j]!, 0));
  const conjugate = (first: boolean): void => {
    const z = residual.map((r, j) => r / diagonal[j]!);
    centre(z);
    const before = rz;
    rz = z.reduce((sum, value, j) => sum + value * residual[j]!, 0);
    for (let j = 0; j < z.length; j++) direction[j] = z[j]! + (first ? 0 : (rz / before) * direction[j]!);
  };
  const state = { error: 0 };
  return preparedSolve({
    iteration: {
      path,
      initial() {
        conjugate(true);
        state.error = size() / scale;
        return state;
      },
      step() {
        system.multiply(product);
        let curvature = 0;
        for (let j = 0; j < product.length; j++) curvature += direction[j]! * product[j]!;
        const alpha = curvature > 0 ? rz / curvature : 0;
        for (let j = 0; j < product.length; j++) {
          mu[j]! += alpha * direction[j]!;
          residual[j]! -= alpha * product[j]!;
        }
        if (singular) {
          const excess = total(residual) / mass;
          for (let j = 0; j < residual.length; j++) residual[j]! -= excess * diagonal[j]!;
        }
        conjugate(false);
        state.error = size() / scale;
        return state;
      },
      error: () => state.error,
      roundingFloor: () => 1e-13,
    },
    options: { ...rest, tolerance, maxIterations },
    release: () => workspace.release(),
    finish(ended) {
      centre(mu);
      const vectors = system.complete(mu);
      const { status, iterations, error } = ended;
      const warnings = [...system.warnings];
      if (status !== 'converged') {
        warnings.unshift(`${path}: ${status} with residual ${error.toExponential(2)} above the tolerance ${tolerance}`);
      }
      if (coupling.status !== 'converged')
        warnings.push(`${path}: the coupling is ${coupling.status}, error ${coupling.error}; solve it first`);
      if (onFailure === 'throw' && status !== 'converged') throw new ConvergenceError(`${warnings[0]}; raise maxIterations or tolerance`);
      return gradientOf({ status, iterations, error, warnings }, implicitDerivatives(solution, W, vectors));
    },
  });
}

function gradientOf(
  report: { readonly status: Status; readonly iterations: number; readonly error: number; readonly warnings: readonly string[] },
  derivatives: ReturnType<typeof implicitDerivatives>,
): ImplicitGradient {
  const json = (): object => ({ kind: 'implicit-gradient', ...report });
  const made = Object.defineProperties(
    { kind: 'implicit-gradient', ...report, toJSON: json },
    Object.getOwnPropertyDescriptors(derivatives),
  );
  Object.defineProperty(made, Symbol.for('nodejs.util.inspect.custom'), { value: json, enumerable: false });
  return Object.freeze(made) as unknown as ImplicitGradient;
}
