import { total } from '../numerics/vectors.ts';
import type { DenseProblem } from './dense-problem.ts';
import { type EntropicSolution, withPotentials } from './entropic-plan.ts';

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

/**
 * The values of an entropic answer: `primal` of the plan moved onto its exact marginals, `dual` of the potentials, so that the gap bounds
 * the error rigorously. The plan is scaled down to a by rows and to b by columns, and what is missing is spread as a rank-one term; with one
 * exact side its rows or columns are scaled; without one the plan stays. Between grids ⟨P, C⟩ is exact and `kl` of the moved plan an upper
 * bound, above the truth by less than m·log(e/m) when mass m had to move, so that the gap stays rigorous.
 *
 * @see [altschuler2017]
 */
export function entropicValues(solution: EntropicSolution): DiscreteValue {
  const { dense, epsilon, penalties, f, g } = solution;
  const { a, b } = dense;
  return withPotentials(solution, 5, ({ engine, passes, source, target }, { F, G }) => {
    const plan = passes(epsilon);
    const [height, width] = [F.length, G.length];
    const [x, rows, ea] = [engine.f64(height), engine.f64(height), engine.f64(height)];
    const [y, columns, eb] = [engine.f64(width), engine.f64(width), engine.f64(width)];
    plan.marginals(F, G, rows, columns);
    const mass = total(rows);
    const both = source.exact && target.exact;
    const scale = (have: number, want: number): number => (both ? Math.min(1, want / have) : want / have);
    x.fill(1);
    y.fill(1);
    if (source.exact) for (let i = 0; i < a.length; i++) x[i] = finite(scale(rows[i]!, a[i]!));
    plan.applyTranspose(F, G, x, 1, columns);
    if (target.exact) for (let j = 0; j < b.length; j++) y[j] = finite(scale(columns[j]!, b[j]!));
    plan.apply(F, G, y, 1, rows);
    for (let i = 0; i < a.length; i++) rows[i]! *= x[i]!;
    for (let j = 0; j < b.length; j++) columns[j]! *= y[j]!;
    let missing = 0;
    if (both) {
      for (let i = 0; i < a.length; i++) missing += ea[i] = Math.max(0, a[i]! - rows[i]!);
      for (let j = 0; j < b.length; j++) eb[j] = missing > 0 ? Math.max(0, b[j]! - columns[j]!) / missing : 0;
    }
    const sums = plan.roundedSums(F, G, { x, y, ea, eb }, { a: source.logs, b: target.logs });
    const { stays } = dense;
    // Mass that cannot move is penalised as such, in both values alike.
    const lost = staying(stays.source, penalties.source) + staying(stays.target, penalties.target);
    const penalty = sidePenalty(rows, a, penalties.source) + sidePenalty(columns, b, penalties.target) + lost;
    const product = (source.mass + stays.source) * (target.mass + stays.target);
    const kl = sums.logs - sums.cross - sums.mass + product;
    const primal = sums.forbidden ? Number.POSITIVE_INFINITY : sums.linear + epsilon * kl + penalty;
    const dual = dualSide(a, f, penalties.source) + dualSide(b, g, penalties.target) + lost - epsilon * (mass - product);
    const left = source.mass * (plan.leftOut?.(F, G) ?? 0);
    const slack = leftOutOfValues(solution, left, largest(x, 1) * largest(y, 1));
    return Object.freeze({ linear: sums.linear, kl, entropy: -sums.logs, ...bracket(primal + slack.primal, dual - slack.dual) });
  });
}

/**
 * How far the sums over an approximation P̃ of the plan, Σ|P − P̃| ≤ D = `left`, may have moved the values. The dual contains −εΣP. In the
 * primal ⟨Q, C⟩ + ε KL(Q) = Σ Q (f + g + ε log xy) + const, Q = xPy, moves by D max|f ⊕ g + ε log xy|; and its marginals are off by 2D, so
 * that up to 4D of mass would have to move again: at the largest cost and potentials, for an entropy of at most 4D log(m/D).
 *
 * @param scaling the largest factor max(1, x)·max(1, y)
 */
export function leftOutOfValues(
  { dense, epsilon, f, g }: Pick<EntropicSolution, 'dense' | 'epsilon' | 'f' | 'g'>,
  left: number,
  scaling: number,
): { readonly primal: number; readonly dual: number } {
  if (!(left > 0)) return { primal: 0, dual: 0 };
  const potentials = largest(f, 0) + largest(g, 0);
  const logs = 2 + Math.log(scaling) + Math.max(0, Math.log(total(dense.a) / left));
  return { primal: scaling * left * (5 * (potentials + dense.summary.largest) + 8 * epsilon * logs), dual: epsilon * left };
}

/** The largest |v_k|, at least `least`. */
function largest(values: Float64Array, least: number): number {
  let most = least;
  for (const v of values) if (Math.abs(v) > most) most = Math.abs(v);
  return most;
}

/**
 * The interval that holds the optimum. A dual value above the primal one is rounding, and shows how large it is: the interval then reaches as
 * far below. What is not a number bounds nothing.
 */
export function bracket(primal: number, dual: number): Pick<DiscreteValue, 'primal' | 'dual' | 'gap'> {
  const upper = Number.isNaN(primal) ? Number.POSITIVE_INFINITY : primal;
  const lower = dual < Number.POSITIVE_INFINITY ? Math.min(dual, upper - (dual - upper)) : Number.NEGATIVE_INFINITY;
  return { primal: upper, dual: lower, gap: lower === upper ? 0 : upper - lower };
}

/** Share of the costs that rounding of ε·kl may reach before an answer says so. */
const VISIBLE_ROUNDING = 1e-6;

const ROUNDED = 'kl, primal and dual are rounded';

/** A warning where ε is so far above the costs that the values are differences of much larger numbers. */
export function roundingWarnings(path: string, epsilon: number, { a, b, summary: { least, largest } }: DenseProblem): string[] {
  const size = Math.max(Math.abs(least), Math.abs(largest));
  const rounding = 2 ** -50 * epsilon * total(a) * total(b);
  if (!(size > 0 && rounding > VISIBLE_ROUNDING * size * Math.min(total(a), total(b)))) return [];
  return [
    `${path}: epsilon ${epsilon} is far above the costs, at most ${size.toPrecision(3)}; ${ROUNDED} by about ${rounding.toPrecision(2)}: take a smaller epsilon, or read value.linear and the plan`,
  ];
}

/** True of a warning of {@link roundingWarnings}. */
export function ofRounding(warning: string): boolean {
  return warning.includes(ROUNDED);
}

/** A row without mass cannot be scaled; what it lacks is spread. */
function finite(factor: number): number {
  return Number.isFinite(factor) ? factor : 1;
}

/** ρ KL(0 | mass). */
function staying(mass: number, rho: number): number {
  return mass > 0 ? rho * mass : 0;
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
  prescribed.forEach((w, i) => {
    const x = actual[i]!;
    const excess = x - w;
    // Near w the logarithm of the difference keeps what a large ρ would make of its rounding.
    const logRatio = Math.abs(excess) < 0.5 * w ? Math.log1p(excess / w) : Math.log(x / w);
    sum += (x > 0 ? x * logRatio : 0) - excess;
  });
  return rho * sum;
}
