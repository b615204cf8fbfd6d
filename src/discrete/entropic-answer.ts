import type { EntropicProblem } from '../couplings/entropic-problem.ts';
import type { Iterated, Status } from '../numerics/iterate.ts';
import { type Points, takeRows } from '../numerics/points.ts';
import { softMinColumns, softMinRows } from '../numerics/soft-min.ts';
import type { DenseProblem } from './dense-problem.ts';
import { type DiscreteCoupling, discreteCoupling } from './discrete-coupling.ts';
import { recomputedError, type SinkhornState } from './log-sinkhorn.ts';
import { densePlan } from './transport-plan.ts';
import { entropicValues, type Penalties, planOfPotentials, total } from './values.ts';

/** Turns final potentials into an answer for all points, judged by what can be recomputed from them. */
export function entropicAnswer(
  path: string,
  problem: EntropicProblem,
  dense: DenseProblem,
  penalties: Penalties,
  levels: readonly Iterated<SinkhornState>[],
  last: Iterated<SinkhornState>,
  tolerance: number,
): DiscreteCoupling {
  const { epsilon } = problem;
  const { f, g } = last.state;
  const sideErrors = recomputedError(dense, epsilon, penalties, f, g);
  const error = sideErrors.source + sideErrors.target;
  const status = honest(last.status, error, tolerance);
  const warnings = [...problem.warnings];
  if (status !== 'converged') warnings.push(`${path}: ${status} with error ${error.toExponential(2)} above the tolerance ${tolerance}`);
  let masses: Float64Array | undefined;
  const planMasses = (): Float64Array => {
    masses ??= planOfPotentials(dense, epsilon, f, g);
    return masses;
  };
  const { source, target } = dense;
  const potentials = fullPotentials(problem, dense, epsilon, f, g);
  return discreteCoupling({
    path,
    source,
    target,
    cost: problem.cost,
    plan: densePlan(source.weights.length, target.weights.length, dense.rows, dense.columns, planMasses),
    status,
    iterations: levels.reduce((sum, level) => sum + level.iterations, last.iterations),
    warnings,
    errors: last.errors,
    sideErrors,
    value: entropicValues(dense, epsilon, penalties, f, g),
    potentials,
    weightGradients: () => ({
      a: weightGradient(potentials.f, penalties.source, epsilon, total(dense.b)),
      b: weightGradient(potentials.g, penalties.target, epsilon, total(dense.a)),
    }),
    stats: {
      matrixPasses: 0,
      exponentialPasses: levels.reduce((sum, { state }) => sum + state.passes, last.state.passes),
      seconds: levels.reduce((sum, { seconds }) => sum + seconds, last.seconds),
      threads: 1,
    },
    ...(problem.cost.pointwise
      ? {
          conditional: conditionalWeights(target.points, target.weights, potentials.g, epsilon, problem.cost.between),
          conditionalBack: conditionalWeights(source.points, source.weights, potentials.f, epsilon, (y, x) => problem.cost.between(x, y)),
        }
      : {}),
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
    const damp = (side: EntropicProblem['marginals']['source']): number => (side === 'exact' ? 1 : side.kl / (side.kl + epsilon));
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

/** The law of the partner of any point, ∝ b_j exp((g_j − c(x, y_j))/ε), scaled to a largest weight of 1. */
function conditionalWeights(
  partners: Points,
  weights: Float64Array,
  potential: Float64Array,
  epsilon: number,
  between: (x: Points, y: Points) => Float64Array,
): (x: Points, i: number) => Float64Array {
  return (x, i) => {
    const costs = between(takeRows(x, [i]), partners);
    const exponents = costs.map((c, j) =>
      weights[j]! > 0 ? (potential[j]! - c) / epsilon + Math.log(weights[j]!) : Number.NEGATIVE_INFINITY,
    );
    const top = exponents.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    return exponents.map((t) => Math.exp(t - top));
  };
}
