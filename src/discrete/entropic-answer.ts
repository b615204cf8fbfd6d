import type { EntropicProblem } from '../couplings/entropic-problem.ts';
import type { Iterated, Status } from '../numerics/iterate.ts';
import { softMinColumns, softMinRows } from '../numerics/soft-min.ts';
import { type ConditionalLaw, conditionalLaw } from './conditional-law.ts';
import type { DenseProblem } from './dense-problem.ts';
import { type DiscreteCoupling, discreteCoupling, type SolverStats } from './discrete-coupling.ts';
import { type EntropicSolution, entropicPlan } from './entropic-plan.ts';
import { gridLaw, gridPotentials } from './grid-answer.ts';
import { entropicValues, total } from './values.ts';

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
  const { path, dense, epsilon, penalties, f, g } = solution;
  const { ended, sideErrors, tolerance, stats } = report;
  const error = sideErrors.source + sideErrors.target;
  const status = honest(ended.status, error, tolerance);
  const warnings = [...problem.warnings];
  if (status !== 'converged') warnings.push(`${path}: ${status} with error ${error.toExponential(2)} above the tolerance ${tolerance}`);
  const { source, target } = dense;
  const { cost } = problem;
  const potentials = dense.grid === undefined ? fullPotentials(problem, dense, epsilon, f, g) : gridPotentials(solution);
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
      a: weightGradient(potentials.f, penalties.source, epsilon, total(dense.b)),
      b: weightGradient(potentials.g, penalties.target, epsilon, total(dense.a)),
    }),
    stats,
    ...(cost.pointwise ? laws() : {}),
  });
}

/** `converged` is only said of the recomputed error. */
function honest(status: Status, error: number, tolerance: number): Status {
  if (Number.isNaN(error)) return 'diverged';
  if (error <= tolerance) return 'converged';
  return status === 'converged' ? 'stagnated' : status;
}

/** Potentials of all points; those without weight by the usual update from the other side. */
function fullPotentials(
  { cost, marginals }: EntropicProblem,
  { source, target, rows, columns, a, b }: DenseProblem,
  epsilon: number,
  f: Float64Array,
  g: Float64Array,
): { f: Float64Array; g: Float64Array } {
  const outF = new Float64Array(source.weights.length);
  const outG = new Float64Array(target.weights.length);
  const missing = outF.length > rows.length || outG.length > columns.length;
  if (missing) {
    const costs = cost.between(source.points, target.points);
    const logs = (weights: Float64Array, indices: Int32Array, potential: Float64Array, size: number): Float64Array => {
      const out = new Float64Array(size).fill(Number.NEGATIVE_INFINITY);
      indices.forEach((i, r) => {
        out[i] = potential[r]! + epsilon * Math.log(weights[r]!);
      });
      return out;
    };
    const damp = (side: EntropicProblem['marginals']['source']): number => (typeof side === 'object' ? side.kl / (side.kl + epsilon) : 1);
    softMinRows(costs, logs(b, columns, g, outG.length), epsilon, outF);
    softMinColumns(costs, logs(a, rows, f, outF.length), epsilon, outG);
    outF.forEach((x, i) => {
      outF[i] = damp(marginals.source) * x;
    });
    outG.forEach((x, j) => {
      outG[j] = damp(marginals.target) * x;
    });
  }
  rows.forEach((i, r) => {
    outF[i] = f[r]!;
  });
  columns.forEach((j, c) => {
    outG[j] = g[c]!;
  });
  return { f: outF, g: outG };
}

/** Envelope theorem on the dual: f_i − ε(1 − m_b) on an exact side, −ρ(e^{−f/ρ} − 1) − ε(e^{−f/ρ} − m_b) on a penalised one. */
function weightGradient(potential: Float64Array, rho: number, epsilon: number, otherMass: number): Float64Array {
  return potential.map((f) => {
    if (rho === Number.POSITIVE_INFINITY) return f - epsilon * (1 - otherMass);
    return -rho * Math.expm1(-f / rho) - epsilon * (Math.exp(-f / rho) - otherMass);
  });
}
