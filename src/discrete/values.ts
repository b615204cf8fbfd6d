import type { DenseProblem } from './dense-problem.ts';
import { columnSums, roundOntoMarginals, rowSums, scaleRows } from './rounding.ts';

/** The named values of an answer, in units of cost but for `kl` and `entropy`. */
export interface DiscreteValue {
  /** ⟨P, C⟩. */
  readonly linear: number;
  /** KL(P | a ⊗ b) = Σ P log(P/ab) − ΣP + ΣaΣb. */
  readonly kl: number;
  /** −Σ P log P. */
  readonly entropy: number;
  /** The objective minimised, penalties included; +∞ when rounding the plan would need a forbidden pair. */
  readonly primal: number;
  /** The dual objective at the potentials: a lower bound. */
  readonly dual: number;
  /** primal − dual ≥ 0: the optimum lies between them. */
  readonly gap: number;
}

/** ρ of each side, +∞ when exact. */
export interface Penalties {
  readonly source: number;
  readonly target: number;
}

/** P_ij = a_i b_j exp((f_i + g_j − C_ij)/ε) on the support. */
export function planOfPotentials({ a, b, costs }: DenseProblem, epsilon: number, f: Float64Array, g: Float64Array): Float64Array {
  const plan = new Float64Array(costs.length);
  for (let i = 0, p = 0; i < a.length; i++) {
    for (let j = 0; j < b.length; j++, p++) plan[p] = a[i]! * b[j]! * Math.exp((f[i]! + g[j]! - costs[p]!) / epsilon);
  }
  return plan;
}

/**
 * The values of an entropic answer: `primal` of the plan moved onto its exact marginals, `dual` of the potentials, so that the gap bounds
 * the error rigorously.
 */
export function entropicValues(
  problem: DenseProblem,
  epsilon: number,
  penalties: Penalties,
  f: Float64Array,
  g: Float64Array,
): DiscreteValue {
  const { a, b, costs } = problem;
  const plan = planOfPotentials(problem, epsilon, f, g);
  const [massA, massB] = [total(a), total(b)];
  const mass = total(plan);
  const dual = dualSide(a, f, penalties.source) + dualSide(b, g, penalties.target) - epsilon * (mass - massA * massB);
  const possible = makeFeasible(plan, problem, penalties);
  const { linear, kl, entropy } = planValues(plan, a, b, costs);
  const penalty = sidePenalty(rowSums(plan, a.length), a, penalties.source) + sidePenalty(columnSums(plan, b.length), b, penalties.target);
  const primal = possible ? linear + epsilon * kl + penalty : Number.POSITIVE_INFINITY;
  return Object.freeze({ linear, kl, entropy, primal, dual, gap: primal - dual });
}

/** Exact sides are met exactly: both by rounding, one by scaling; penalised sides take any plan. */
function makeFeasible(plan: Float64Array, { a, b, costs }: DenseProblem, { source, target }: Penalties): boolean {
  if (source === Number.POSITIVE_INFINITY && target === Number.POSITIVE_INFINITY) {
    return roundOntoMarginals(plan, a, b, (p) => costs[p] === Number.POSITIVE_INFINITY);
  }
  if (source === Number.POSITIVE_INFINITY) scaleRows(plan, a, (have, want) => want / have);
  if (target === Number.POSITIVE_INFINITY) {
    const columns = columnSums(plan, b.length);
    for (let p = 0; p < plan.length; p++) plan[p]! *= b[p % b.length]! / columns[p % b.length]!;
  }
  return true;
}

/** ⟨P, C⟩, KL and entropy of a plan on the support. */
function planValues(
  plan: Float64Array,
  a: Float64Array,
  b: Float64Array,
  costs: Float64Array,
): { linear: number; kl: number; entropy: number } {
  let [linear, relative, entropy, mass] = [0, 0, 0, 0];
  for (let i = 0, p = 0; i < a.length; i++) {
    for (let j = 0; j < b.length; j++, p++) {
      const x = plan[p]!;
      if (!(x > 0)) continue;
      mass += x;
      linear += x * costs[p]!;
      entropy -= x * Math.log(x);
      relative += x * Math.log(x / (a[i]! * b[j]!));
    }
  }
  return { linear, kl: relative - mass + total(a) * total(b), entropy };
}

/** ⟨a, f⟩ on an exact side, −ρ⟨a, e^{−f/ρ} − 1⟩ on a penalised one. */
function dualSide(weights: Float64Array, potential: Float64Array, rho: number): number {
  let sum = 0;
  weights.forEach((w, i) => {
    sum += rho === Number.POSITIVE_INFINITY ? w * potential[i]! : -rho * w * Math.expm1(-potential[i]! / rho);
  });
  return sum;
}

/** ρ KL(actual | prescribed), 0 on an exact side. */
function sidePenalty(actual: Float64Array, prescribed: Float64Array, rho: number): number {
  if (rho === Number.POSITIVE_INFINITY) return 0;
  let sum = 0;
  actual.forEach((x, i) => {
    const w = prescribed[i]!;
    sum += (x > 0 ? x * Math.log(x / w) : 0) - x + w;
  });
  return rho * sum;
}

/** Σ w. */
export function total(weights: Float64Array): number {
  return weights.reduce((sum, w) => sum + w, 0);
}
