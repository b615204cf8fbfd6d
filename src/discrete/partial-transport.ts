import type { EntropicProblem } from '../couplings/entropic-problem.ts';
import { InfeasibleError } from '../errors.ts';
import { type IterationOptions, now, type Status } from '../numerics/iterate.ts';
import { total } from '../numerics/vectors.ts';
import { BoundedAscent, climb } from './bounded-ascent.ts';
import { conditionalLaw } from './conditional-law.ts';
import type { DenseProblem } from './dense-problem.ts';
import { type DiscreteCoupling, discreteCoupling, type SolverStats } from './discrete-coupling.ts';
import { entropicPlan } from './entropic-plan.ts';
import { type FeasibilityTest, feasibilityTest } from './feasibility.ts';
import { widenedGradients } from './grid-gradients.ts';
import { frozenLevels } from './level-record.ts';
import { PartialDual, type PartialSides } from './partial-dual.ts';
import { type PartialSolution, partialValues } from './partial-values.ts';
import { type PreparedSolve, preparedSolve } from './prepared-solve.ts';
import { scalingSchedule } from './scaling-schedule.ts';
import { columnMasses, rowMasses } from './transport-plan.ts';
import { roundingWarnings } from './values.ts';
import { type ComputeOptions, openWorkspace } from './workspace.ts';

/** No side of a partial plan is penalised. */
export const EXACT_SIDES: { readonly source: number; readonly target: number } = {
  source: Number.POSITIVE_INFINITY,
  target: Number.POSITIVE_INFINITY,
};

/** The sides of a partial problem; undefined when no side is `'at-most'`. */
export function partialSides({ marginals }: EntropicProblem, { a, b }: DenseProblem): PartialSides | undefined {
  const { source, target, mass } = marginals;
  if (source !== 'at-most' && target !== 'at-most') return undefined;
  const moved = mass ?? (source === 'at-most' ? total(b) : total(a));
  return { source: source === 'at-most' ? source : 'exact', target: target === 'at-most' ? target : 'exact', mass: moved };
}

/** Partial transport by L-BFGS with bounds on the dual, through decreasing ε. */
export function preparePartialTransport(
  path: string,
  problem: EntropicProblem,
  dense: DenseProblem,
  sides: PartialSides,
  compute: ComputeOptions,
  options: IterationOptions & { readonly tolerance: number; readonly start: Float64Array | undefined },
): PreparedSolve<DiscreteCoupling> {
  const { timeLimit, signal, ...others } = options;
  const watch = { ...(timeLimit === undefined ? {} : { timeLimit }), ...(signal === undefined ? {} : { signal }) };
  const began = now();
  const open = (limits: Pick<IterationOptions, 'timeLimit' | 'signal'>): PreparedSolve<DiscreteCoupling> =>
    openPartialTransport(path, problem, dense, sides, compute, { ...others, ...limits, began });
  return roomTest(path, dense, sides, watch)?.before(watch, open) ?? open(watch);
}

function openPartialTransport(
  path: string,
  problem: EntropicProblem,
  dense: DenseProblem,
  sides: PartialSides,
  compute: ComputeOptions,
  options: Parameters<typeof preparePartialTransport>[5] & { readonly began: number },
): PreparedSolve<DiscreteCoupling> {
  const { epsilon } = problem;
  const { tolerance, start, began, ...iterationOptions } = options;
  const workspace = openWorkspace(path, dense, EXACT_SIDES, {
    ...compute,
    storage: dense.grid === undefined ? 'absorbed' : 'log',
    single: false,
    vectors: (height, width) => 8 * 3 * (height + width) + 6 * 64,
  });
  const { engine, kernel, source } = workspace;
  const dual = new PartialDual(workspace, sides);
  const ascent = new BoundedAscent(dual);
  const schedule = scalingSchedule(dense.summary, epsilon, tolerance, { scaling: start === undefined, single: false });
  let sideErrors: { readonly source: number; readonly target: number } | undefined;
  const trueError = (): number => {
    const { z } = ascent.point;
    dual.spread(z);
    sideErrors = dual.errors(z);
    return sideErrors.source + sideErrors.target;
  };
  if (start !== undefined) {
    const top = sides.source === 'at-most' && dual.bounded ? start.reduce((most, g) => Math.max(most, g), Number.NEGATIVE_INFINITY) : 0;
    start.forEach((g, j) => {
      ascent.point.z[j] = dual.bounded ? Math.min(0, (g - top) / epsilon) : g / epsilon;
    });
  }
  return preparedSolve({
    iteration: {
      ...climb(path, ascent, (level) => dual.setLevel(level), schedule, tolerance, trueError),
      roundingFloor() {
        const top = ascent.point.z.reduce((most, z) => Math.max(most, Math.abs(z)), Math.abs(dual.lambda));
        return 2 ** -52 * (top + dense.summary.largest / epsilon);
      },
    },
    options: { ...iterationOptions, tolerance },
    release: () => workspace.release(),
    finish(ended) {
      if (ended.status !== 'converged' || sideErrors === undefined) {
        dual.setLevel(epsilon);
        trueError();
      }
      const half = 0.5 * epsilon * dual.lambda;
      const f = Float64Array.from({ length: source.count }, (_, i) => epsilon * (dual.F[i]! - source.logs[i]!) - half);
      const g = ascent.point.z.map((z) => epsilon * z + half);
      const solution = { path, dense, epsilon, penalties: EXACT_SIDES, f, g, compute, sides, lambda: epsilon * dual.lambda };
      const stats = {
        matrixPasses: kernel.passes.matrix,
        exponentialPasses: kernel.passes.exponential,
        seconds: now() - began,
        threads: engine.threads(),
        engine: engine.kind,
        levels: frozenLevels(ended.state.levels),
      };
      return partialAnswer(problem, solution, sideErrors!, { ...ended, tolerance, stats });
    },
  });
}

function partialAnswer(
  problem: EntropicProblem,
  solution: PartialSolution,
  sideErrors: { readonly source: number; readonly target: number },
  report: {
    readonly status: Status;
    readonly iterations: number;
    readonly errors: Float64Array;
    readonly tolerance: number;
    readonly stats: SolverStats;
  },
): DiscreteCoupling {
  const { path, dense, epsilon, lambda } = solution;
  const { source, target, rows, columns, a, b, stays } = dense;
  const { cost, warnings } = problem;
  const { tolerance, iterations, errors, stats } = report;
  const error = sideErrors.source + sideErrors.target;
  const ended = report.status === 'converged' ? 'stagnated' : report.status;
  const status = Number.isNaN(error) ? 'diverged' : error <= tolerance ? 'converged' : ended;
  const plan = entropicPlan(solution);
  // Points without weight: nothing flows, and no bound holds them back.
  const whole = (values: Float64Array, indices: Int32Array, count: number): Float64Array => {
    const out = new Float64Array(count).fill(lambda / 2);
    indices.forEach((i, r) => {
      out[i] = values[r]!;
    });
    return out;
  };
  const potentials = { f: whole(solution.f, rows, source.weights.length), g: whole(solution.g, columns, target.weights.length) };
  /** f − ε((P1)_i/a_i − m_b). */
  const slope = (potential: Float64Array, sums: Float64Array, weights: Float64Array, other: number): Float64Array =>
    potential.map((f, i) => f - lambda / 2 - epsilon * ((weights[i]! > 0 ? sums[i]! / weights[i]! : 0) - other));
  return discreteCoupling({
    path,
    source,
    target,
    cost,
    plan,
    status,
    iterations,
    warnings: [
      ...warnings,
      ...roundingWarnings(path, epsilon, dense),
      ...(status === 'converged' ? [] : [`${path}: ${status} with error ${error.toExponential(2)} above the tolerance ${tolerance}`]),
    ],
    errors,
    sideErrors,
    value: () => partialValues(solution),
    potentials,
    weightGradients: () => ({
      a: slope(potentials.f, rowMasses(plan), source.weights, total(b) + stays.target),
      b: slope(potentials.g, columnMasses(plan), target.weights, total(a) + stays.source),
    }),
    stats,
    derivatives: () => widenedGradients(solution),
    ...(cost.pointwise
      ? {
          conditional: conditionalLaw(target.points, target.weights, potentials.g, epsilon, cost, cost.between),
          conditionalBack: conditionalLaw(source.points, source.weights, potentials.f, epsilon, cost, (y, x) => cost.between(x, y)),
        }
      : {}),
  });
}

/** Refuses a mass that the sides cannot move; with forbidden pairs, asks whether those that are allowed can. */
function roomTest(
  path: string,
  dense: DenseProblem,
  { mass, source, target }: PartialSides,
  watch: Pick<IterationOptions, 'timeLimit' | 'signal'>,
): FeasibilityTest | undefined {
  const { a, b } = dense;
  const [massA, massB] = [total(a), total(b)];
  const most = Math.min(massA, massB);
  if (mass > most * (1 + 1e-12)) {
    throw new InfeasibleError(
      `${path}: mass ${mass} is more than the ${most} that both sides can move; move less, or relax a side with { kl: rho }`,
    );
  }
  if (!dense.forbidden) return undefined;
  // A dummy point on either side takes what stays behind.
  const restA = source === 'at-most' ? massA - mass : 0;
  const restB = target === 'at-most' ? massB - mass : 0;
  const [n, m] = [a.length + (restB > 0 ? 1 : 0), b.length + (restA > 0 ? 1 : 0)];
  const costs = new Float64Array(n * m).fill(0);
  for (let i = 0; i < a.length; i++) {
    for (let j = 0; j < b.length; j++)
      if (dense.costs[i * b.length + j] === Number.POSITIVE_INFINITY) costs[i * m + j] = Number.POSITIVE_INFINITY;
  }
  if (n > a.length && m > b.length) costs[n * m - 1] = Number.POSITIVE_INFINITY;
  return feasibilityTest(
    costs,
    Float64Array.from({ length: n }, (_, i) => a[i] ?? restB),
    Float64Array.from({ length: m }, (_, j) => b[j] ?? restA),
    watch,
    (stranded) => {
      throw new InfeasibleError(
        `${path}: no plan of mass ${mass} avoids the forbidden pairs, ${stranded} is stranded; allow more pairs or move less`,
      );
    },
  );
}
