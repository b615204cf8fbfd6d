import { axisSums } from '../marginals/grid-marginal.ts';
import type { GridProblem } from './grid-problem.ts';
import type { RoundedSums } from './plan-passes.ts';

/** A plan R_ij = exp(F_i + G_j − C_ij/ε) between grids with what separable sums tell of it. */
interface ScaledPlan {
  readonly F: Float64Array;
  readonly G: Float64Array;
  readonly epsilon: number;
  readonly rows: Float64Array;
  readonly columns: Float64Array;
  /** ⟨R, C⟩. */
  readonly linear: number;
}

/**
 * Sums over Q = R + E, E = ea ⊗ eb. Costs separate for both terms. Σ Q log Q does not, and is bounded from above: by convexity of t log t,
 * (r + e) log(r + e) ≤ r log(r/(1 − λ)) + e log(e/λ) for every λ, which may depend on the row; the best one gives
 *
 *     Σ Q log Q ≤ Σ R log R + Σ E log E + Σ_i h(R_i·, E_i·),  h(p, q) = (p + q) log(p + q) − p log p − q log q,
 *
 * and the same by columns, of which the smaller is taken. Σ R log R = Σ R (F + G − C/ε) and Σ E log E are exact. With mass m of a total
 * of 1 missing from R, the bound is too large by less than m log(e/m).
 */
export function roundedGridSums(
  { source, target, axes }: GridProblem,
  nodes: { readonly rows: Int32Array; readonly columns: Int32Array },
  plan: ScaledPlan,
  { ea, eb }: { readonly ea: Float64Array; readonly eb: Float64Array },
  { a, b }: { readonly a: Float64Array; readonly b: Float64Array },
): RoundedSums {
  const whole = (values: Float64Array, places: Int32Array, count: number): Float64Array => {
    const out = new Float64Array(count);
    places.forEach((at, p) => {
      out[at] = values[p]!;
    });
    return out;
  };
  const [left, right] = [whole(ea, nodes.rows, source.weights.length), whole(eb, nodes.columns, target.weights.length)];
  const [leftMass, rightMass] = [sum(left), sum(right)];
  let linear = plan.linear;
  if (leftMass * rightMass > 0) {
    axes.forEach(({ costs, columns }, k) => {
      const [p, q] = [axisSums(source.shape, left, k), axisSums(target.shape, right, k)];
      costs.forEach((c, at) => {
        linear += p[Math.floor(at / columns)]! * q[at % columns]! * c;
      });
    });
  }
  const rows = sideSums(plan.rows, plan.F, ea, rightMass, a, nodes.rows.length);
  const columns = sideSums(plan.columns, plan.G, eb, leftMass, b, nodes.columns.length);
  const scaled = rows.exponent + columns.exponent - plan.linear / plan.epsilon;
  const spread = rows.spread * rightMass + columns.spread * leftMass;
  return {
    linear,
    logs: scaled + spread + Math.min(rows.mixing, columns.mixing),
    mass: rows.mass + leftMass * rightMass,
    cross: rows.cross + columns.cross,
    forbidden: false,
  };
}

/** Sums over one side: of the plan's masses with their exponents, Σ e log e, Σ h, and of all mass with the logarithms of the weights. */
function sideSums(
  masses: Float64Array,
  exponents: Float64Array,
  extra: Float64Array,
  otherMass: number,
  logs: Float64Array,
  count: number,
): { mass: number; exponent: number; spread: number; mixing: number; cross: number } {
  let [mass, exponent, spread, mixing, cross] = [0, 0, 0, 0, 0];
  for (let i = 0; i < count; i++) {
    const [p, q] = [masses[i]!, extra[i]! * otherMass];
    mass += p;
    if (p > 0) exponent += p * exponents[i]!;
    spread += entropyTerm(extra[i]!);
    // (p + q) log(p + q) − p log p − q log q without cancellation.
    if (p > 0 && q > 0) mixing += p * Math.log1p(q / p) + q * Math.log1p(p / q);
    cross += (p + q) * logs[i]!;
  }
  return { mass, exponent, spread, mixing, cross };
}

function entropyTerm(x: number): number {
  return x > 0 ? x * Math.log(x) : 0;
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}
