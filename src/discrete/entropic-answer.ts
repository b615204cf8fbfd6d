import type { EntropicProblem } from '../couplings/entropic-problem.ts';
import type { Iterated, Status } from '../numerics/iterate.ts';
import { total } from '../numerics/vectors.ts';
import { type ConditionalLaw, conditionalLaw } from './conditional-law.ts';
import { type DiscreteCoupling, discreteCoupling, type SolverStats } from './discrete-coupling.ts';
import { type EntropicSolution, entropicPlan } from './entropic-plan.ts';
import { extendedPotentials } from './extended-potentials.ts';
import { gridLaw, gridPotentials } from './grid-answer.ts';
import { widenedGradients } from './grid-gradients.ts';
import { entropicValues, roundingWarnings } from './values.ts';

/** How a solve ended. */
export interface SolveReport {
  readonly ended: Pick<Iterated<unknown>, 'status' | 'iterations' | 'errors'>;
  /** The error of both sides, recomputed in double precision from the potentials. */
  readonly sideErrors: { readonly source: number; readonly target: number };
  readonly tolerance: number;
  readonly stats: SolverStats;
}

/** Turns final potentials into an answer for all points, judged by what can be recomputed from them. */
export function entropicAnswer(problem: EntropicProblem, solution: EntropicSolution, report: SolveReport): DiscreteCoupling {
  const { path, dense, epsilon, penalties } = solution;
  const { ended, sideErrors, tolerance, stats } = report;
  const error = sideErrors.source + sideErrors.target;
  const status = honest(ended.status, error, tolerance);
  const warnings = [...problem.warnings, ...roundingWarnings(path, epsilon, dense)];
  if (status !== 'converged') warnings.push(`${path}: ${status} with error ${error.toExponential(2)} above the tolerance ${tolerance}`);
  const { source, target } = dense;
  const { cost } = problem;
  const potentials = dense.grid === undefined ? extendedPotentials(solution) : gridPotentials(solution);
  const laws = (): { conditional: ConditionalLaw; conditionalBack: ConditionalLaw } => {
    const there = conditionalLaw(target.points, target.weights, potentials.g, epsilon, cost, cost.between);
    const back = conditionalLaw(source.points, source.weights, potentials.f, epsilon, cost, (y, x) => cost.between(x, y));
    if (dense.grid === undefined) return { conditional: there, conditionalBack: back };
    return { conditional: gridLaw(solution, 'columns', there), conditionalBack: gridLaw(solution, 'rows', back) };
  };
  return discreteCoupling({
    path,
    source,
    target,
    cost,
    plan: entropicPlan(solution),
    status,
    iterations: ended.iterations,
    warnings,
    errors: ended.errors,
    sideErrors,
    value: () => entropicValues(solution),
    potentials,
    weightGradients: () => ({
      a: weightGradient(potentials.f, penalties.source, epsilon, total(dense.b) + dense.stays.target),
      b: weightGradient(potentials.g, penalties.target, epsilon, total(dense.a) + dense.stays.source),
    }),
    stats,
    derivatives: () => widenedGradients(solution),
    ...(cost.pointwise ? laws() : {}),
  });
}

/** `converged` is only said of the recomputed error. */
function honest(status: Status, error: number, tolerance: number): Status {
  if (Number.isNaN(error)) return 'diverged';
  if (error <= tolerance) return 'converged';
  return status === 'converged' ? 'stagnated' : status;
}

/** Envelope theorem on the dual: f_i − ε(1 − m_b) on an exact side, −ρ(e^{−f/ρ} − 1) − ε(e^{−f/ρ} − m_b) on a penalised one. */
function weightGradient(potential: Float64Array, rho: number, epsilon: number, otherMass: number): Float64Array {
  return potential.map((f) => {
    if (rho === Number.POSITIVE_INFINITY) return f - epsilon * (1 - otherMass);
    return -rho * Math.expm1(-f / rho) - epsilon * (Math.exp(-f / rho) - otherMass);
  });
}
