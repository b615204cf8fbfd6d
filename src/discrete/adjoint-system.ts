import { DomainError } from '../errors.ts';
import type { EntropicSolution } from './entropic-plan.ts';
import type { AdjointVectors } from './implicit-derivatives.ts';
import type { PartialSides } from './partial-dual.ts';
import { tightBounds } from './tight-bounds.ts';
import type { Workspace } from './workspace.ts';

/** The linear system of an implicit derivative, reduced to the columns. */
export interface AdjointSystem {
  /** The part without the plan: what preconditions it. */
  readonly diagonal: Float64Array;
  /** The right-hand side. */
  readonly right: Float64Array;
  /** Norm of the right-hand side of rows and columns together. */
  readonly scale: number;
  /** True when constants are in the null space, as between exact sides. */
  readonly singular: boolean;
  readonly warnings: readonly string[];
  /** A vector of the engine's for the first argument of `multiply`, zero beyond the columns. */
  readonly direction: Float64Array;
  /** Writes the product of `direction` to `out`. */
  multiply(out: Float64Array): void;
  /** The adjoint of rows and columns from that of the columns. */
  complete(mu: Float64Array): AdjointVectors;
}

/** Vectors of rows and of columns together that a system takes in its workspace. */
export const ADJOINT_VECTORS = 4;

/**
 * The system [diag(r) P; Pᵀ diag(c)] (λ, μ) = (u, v), with the rows eliminated: (diag(c) − Pᵀ diag(1/r) P) μ = v − Pᵀ(u/r). Penalised sides
 * add ε/ρ times what their sums should be to the diagonals.
 *
 * Of a partial plan only the tight rows and columns take part; λ and μ are 0 at the others. Where the mass is given there is one more unknown
 * θ, of its potential, whose equation Σ_i r_i λ_i + Σ_j c_j μ_j + θ ΣP = t loses the tight rows by elimination and is then that of
 * all rows with slack taken as one: qᵀμ + Qθ = t − Σ_tight u, q their sum and Q its mass. Eliminated like a row, it leaves −qqᵀ/Q.
 *
 * @param right u = ∂L/∂f + W1/ε, v = ∂L/∂g + Wᵀ1/ε, t = ½Σ(∂L/∂f) + ½Σ(∂L/∂g) + ΣW/ε
 * @param sides of a partial plan
 */
export function adjointSystem(
  solution: EntropicSolution,
  workspace: Workspace,
  { u, v, t }: { readonly u: Float64Array; readonly v: Float64Array; readonly t: number },
  sides: PartialSides | undefined,
): AdjointSystem {
  const { path, epsilon, f, g, dense } = solution;
  const { engine, kernel, source, target } = workspace;
  const [n, m] = [source.count, target.count];
  const [F, rows, inverse, onRows] = vectors(engine, source.weights.length);
  const [G, columns, direction, onColumns] = vectors(engine, target.weights.length);
  kernel.setLevel(epsilon, true);
  F.fill(Number.NEGATIVE_INFINITY);
  for (let i = 0; i < n; i++) F[i] = f[i]! / epsilon + source.logs[i]!;
  for (let j = 0; j < m; j++) G[j] = g[j]! / epsilon + target.logs[j]!;
  kernel.marginals(F, G, rows, columns);
  const bounds =
    sides === undefined ? undefined : tightBounds(solution, sides, { rows: rows.subarray(0, n), columns: columns.subarray(0, m) });
  const singular = bounds === undefined && source.exact && target.exact;
  /** r + ε·a e^{−f/ρ}/ρ. */
  const stiff = (sum: number, weight: number, potential: number, rho: number): number =>
    rho === Number.POSITIVE_INFINITY ? sum : sum + (epsilon / rho) * weight * Math.exp(-potential / rho);
  for (let i = 0; i < n; i++) {
    inverse[i] = bounds?.rows[i] === 0 ? 0 : 1 / stiff(rows[i]!, source.weights[i]!, f[i]!, source.rho);
  }
  const diagonal = Float64Array.from({ length: m }, (_, j) => stiff(columns[j]!, target.weights[j]!, g[j]!, target.rho));
  const passes = workspace.passes(epsilon);
  /** The rows with slack as one. */
  const slackRow = (): { readonly q: Float64Array; readonly Q: number; readonly t: number } => {
    let [Q, rest] = [0, t];
    for (let i = 0; i < n; i++) {
      onRows[i] = inverse[i] === 0 ? 1 : 0;
      Q += onRows[i]! * rows[i]!;
      rest -= inverse[i] === 0 ? 0 : u[i]!;
    }
    if (!(Q > 0)) {
      throw new DomainError(
        `${path}: source points that are not emptied give nothing that doubles can tell, so that nothing fixes the potential of the mass; raise epsilon`,
      );
    }
    passes.applyTranspose(F, G, onRows, 1, onColumns);
    return { q: Float64Array.from(onColumns.subarray(0, m)), Q, t: rest };
  };
  const slack = bounds?.open ? slackRow() : undefined;
  const held = (out: Float64Array): void => {
    if (bounds !== undefined) for (let j = 0; j < m; j++) if (bounds.columns[j] === 0) out[j] = 0;
  };

  for (let i = 0; i < n; i++) onRows[i] = inverse[i]! * u[i]!;
  passes.applyTranspose(F, G, onRows, 1, onColumns);
  const right = Float64Array.from(
    { length: m },
    (_, j) => v[j]! - onColumns[j]! - (slack === undefined ? 0 : (slack.q[j]! * slack.t) / slack.Q),
  );
  held(right);
  let weight = slack === undefined ? 0 : slack.t ** 2 / slack.Q;
  for (let j = 0; j < m; j++) weight += bounds?.columns[j] === 0 ? 0 : v[j]! ** 2 / diagonal[j]!;
  for (let i = 0; i < n; i++) weight += u[i]! ** 2 * inverse[i]!;

  return {
    diagonal,
    right,
    scale: Math.sqrt(weight) || 1,
    singular,
    warnings:
      bounds === undefined || bounds.undecided === 0
        ? []
        : [`${path}: ${bounds.undecided} bounds only just bind or only just do not; derivatives there are those of one side`],
    direction,
    multiply(out) {
      kernel.gram(F, G, inverse, direction, onColumns);
      let share = 0;
      if (slack !== undefined) {
        for (let j = 0; j < m; j++) share += slack.q[j]! * direction[j]!;
        share /= slack.Q;
      }
      for (let j = 0; j < m; j++) out[j] = diagonal[j]! * direction[j]! - onColumns[j]! - (slack === undefined ? 0 : slack.q[j]! * share);
      held(out);
    },
    complete(mu) {
      direction.set(mu);
      passes.apply(F, G, direction, 1, onRows);
      let theta = 0;
      if (slack !== undefined) {
        theta = slack.t;
        for (let j = 0; j < m; j++) theta -= slack.q[j]! * mu[j]!;
        theta /= slack.Q;
      }
      const half = theta / 2;
      const own = Float64Array.from({ length: n }, (_, i) => (inverse[i] === 0 ? 0 : inverse[i]! * (u[i]! - onRows[i]!) - theta));
      const shifted = (values: Float64Array): Float64Array => values.map((value) => value + half);
      if (bounds === undefined) return { lambda: own, mu: mu.slice() };
      /** ε(λ_i − (λ_i + θ/2) r_i/a_i): the bound moves with the weight, where it is tight. */
      const moved = (values: Float64Array, sums: Float64Array, weights: Float64Array): Float64Array =>
        values.map((value, i) => epsilon * (value - ((value + half) * sums[i]!) / weights[i]!));
      return { lambda: shifted(own), mu: shifted(mu), a: moved(own, rows, dense.a), b: moved(mu, columns, dense.b) };
    },
  };
}

function vectors(engine: Workspace['engine'], length: number): [Float64Array, Float64Array, Float64Array, Float64Array] {
  return [engine.f64(length), engine.f64(length), engine.f64(length), engine.f64(length)];
}
