import type { Iteration } from '../numerics/iterate.ts';
import { softMinColumns, softMinRows } from '../numerics/soft-min.ts';
import type { DenseProblem } from './dense-problem.ts';
import { type Penalties, total } from './values.ts';

/** Potentials on the support and, ready for the next step, the soft-min of the rows at the current g. */
export interface SinkhornState {
  readonly f: Float64Array;
  readonly g: Float64Array;
  /** −ε log Σ_j b_j exp((g_j − C_ij)/ε): where f would go if its side were exact. */
  readonly next: Float64Array;
  error: number;
  /** Passes of n·m exponentials so far. */
  passes: number;
}

/** 2⁻⁵². */
const UNIT = 2.220446049250313e-16;

/**
 * Sinkhorn's iteration in the log domain: f ← −τ₁ ε log Σ_j b_j exp((g_j − C_ij)/ε), then g likewise, τ = ρ/(ρ + ε) on a penalised side
 * and 1 on an exact one. The state starts with g fitted to the given f.
 *
 * The error after a step is that of the source side, P1 against a (or a·e^{−f/ρ}); the target side was updated last and is exact to
 * rounding. The answer's error is recomputed from the potentials on both sides.
 *
 * @see [cuturi2013] [chizat2018]
 */
export function logSinkhorn(problem: DenseProblem, epsilon: number, penalties: Penalties, start: Float64Array): Iteration<SinkhornState> {
  const { a, b, costs } = problem;
  const logA = a.map((w) => epsilon * Math.log(w));
  const logB = b.map((w) => epsilon * Math.log(w));
  const [tauF, tauG] = [penalties.source, penalties.target].map((rho) =>
    rho === Number.POSITIVE_INFINITY ? 1 : rho / (rho + epsilon),
  ) as [number, number];
  const weighted = { f: new Float64Array(a.length), g: new Float64Array(b.length) };
  const fitTarget = (state: SinkhornState): SinkhornState => {
    for (let i = 0; i < a.length; i++) weighted.f[i] = state.f[i]! + logA[i]!;
    softMinColumns(costs, weighted.f, epsilon, state.g);
    for (let j = 0; j < b.length; j++) {
      state.g[j]! *= tauG;
      weighted.g[j] = state.g[j]! + logB[j]!;
    }
    softMinRows(costs, weighted.g, epsilon, state.next);
    state.error = sideError(a, state.f, state.next, epsilon, penalties.source);
    state.passes += 2;
    return state;
  };
  return {
    path: 'sinkhorn',
    initial: () => {
      const state = { f: Float64Array.from(start), g: new Float64Array(b.length), next: new Float64Array(a.length), error: 0, passes: 0 };
      return fitTarget(state);
    },
    step(state) {
      for (let i = 0; i < a.length; i++) state.f[i] = tauF * state.next[i]!;
      return fitTarget(state);
    },
    error: (state) => state.error,
    roundingFloor: (state) => roundingFloor(costs, state.f, state.g, epsilon),
  };
}

/** Σ |P1 − a|/Σa where P1 = a exp((f − next)/ε); on a penalised side against a·exp(−f/ρ). */
function sideError(weights: Float64Array, potential: Float64Array, next: Float64Array, epsilon: number, rho: number): number {
  let sum = 0;
  for (let i = 0; i < weights.length; i++) {
    const actual = Math.exp((potential[i]! - next[i]!) / epsilon);
    const wanted = rho === Number.POSITIVE_INFINITY ? 1 : Math.exp(-potential[i]! / rho);
    sum += weights[i]! * Math.abs(actual - wanted);
  }
  return sum / total(weights);
}

/** The error below which rounding of the exponents hides progress: 2⁻⁵² max(|f| + |g| + |C|)/ε. */
function roundingFloor(costs: Float64Array, f: Float64Array, g: Float64Array, epsilon: number): number {
  return (UNIT * (largest(f) + largest(g) + largest(costs))) / epsilon;
}

/** Largest finite absolute value. */
export function largest(values: Float64Array): number {
  let top = 0;
  for (const value of values) if (Number.isFinite(value)) top = Math.max(top, Math.abs(value));
  return top;
}

/** The L1 error of both sides together, relative to the total mass, recomputed from the potentials. */
export function recomputedError(
  problem: DenseProblem,
  epsilon: number,
  penalties: Penalties,
  f: Float64Array,
  g: Float64Array,
): { source: number; target: number } {
  const { a, b, costs } = problem;
  const rows = new Float64Array(a.length);
  const columns = new Float64Array(b.length);
  softMinRows(
    costs,
    g.map((x, j) => x + epsilon * Math.log(b[j]!)),
    epsilon,
    rows,
  );
  softMinColumns(
    costs,
    f.map((x, i) => x + epsilon * Math.log(a[i]!)),
    epsilon,
    columns,
  );
  return { source: sideError(a, f, rows, epsilon, penalties.source), target: sideError(b, g, columns, epsilon, penalties.target) };
}
