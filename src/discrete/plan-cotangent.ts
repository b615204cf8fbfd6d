import { DomainError } from '../errors.ts';
import type { VectorLike } from '../numerics/points.ts';
import { type MatrixLike, requireKnownOptions, toMatrix, toVector } from '../numerics/vectors.ts';
import type { DenseProblem } from './dense-problem.ts';

/** Derivatives of a function of the plan and its potentials with respect to what each of them can be. */
export interface PlanCotangent {
  /** ∂L/∂P_ij, n × m; or a list of u, v for Σ u vᵀ, which forms no matrix: the derivative of L in P v is the u beside that v. */
  readonly plan?: MatrixLike | readonly { readonly u: VectorLike; readonly v: VectorLike }[];
  /** ∂L/∂f_i. Between exact sides, f + t and g − t are the same: L must not depend on t, so Σ f = Σ g here. */
  readonly f?: VectorLike;
  /** ∂L/∂g_j. */
  readonly g?: VectorLike;
}

/** The derivatives of a function of plan and potentials, on the points with weight. */
export interface Cotangent {
  /** Σ u vᵀ of the plan. */
  readonly outer: readonly { readonly u: Float64Array; readonly v: Float64Array }[];
  /** Row-major, of the plan. */
  readonly matrix?: Float64Array;
  readonly f: Float64Array;
  readonly g: Float64Array;
}

/** Copies of what was given, on the points with weight. */
export function checkCotangent(path: string, given: PlanCotangent, dense: DenseProblem): Cotangent {
  requireKnownOptions(`${path}: cotangent`, given, ['plan', 'f', 'g']);
  const { plan, f, g } = given;
  if (plan === undefined && f === undefined && g === undefined) {
    throw new DomainError(`${path}: cotangent names neither plan, f nor g; pass the derivative of your function in one of them`);
  }
  const { rows, columns, source, target } = dense;
  const [n, m] = [source.weights.length, target.weights.length];
  const take = (name: string, values: VectorLike | undefined, count: number, indices: Int32Array): Float64Array => {
    if (values === undefined) return new Float64Array(indices.length);
    const all = toVector(`${path}: cotangent.${name}`, values, count);
    return Float64Array.from(indices, (i) => all[i]!);
  };
  const outer =
    Array.isArray(plan) && plan.every((term) => typeof term === 'object' && term !== null && 'u' in term && 'v' in term)
      ? (plan as readonly { readonly u: VectorLike; readonly v: VectorLike }[]).map(({ u, v }) => ({
          u: take('plan.u', u, n, rows),
          v: take('plan.v', v, m, columns),
        }))
      : undefined;
  const matrix = plan === undefined || outer !== undefined ? undefined : toMatrix(`${path}: cotangent.plan`, plan as MatrixLike, n, m);
  return {
    outer: outer ?? [],
    ...(matrix === undefined
      ? {}
      : {
          matrix: Float64Array.from({ length: rows.length * columns.length }, (_, q) =>
            matrix.get(rows[Math.floor(q / columns.length)]!, columns[q % columns.length]!),
          ),
        }),
    f: take('f', f, n, rows),
    g: take('g', g, m, columns),
  };
}

/** Refuses a function of the constant that potentials between exact sides are free in. */
export function requireInvariant(path: string, { f, g }: Cotangent): void {
  const [sumF, sumG] = [f, g].map((values) => values.reduce((sum, v) => sum + v, 0)) as [number, number];
  const size = f.reduce((sum, v) => sum + Math.abs(v), 0) + g.reduce((sum, v) => sum + Math.abs(v), 0);
  if (Math.abs(sumF - sumG) <= 1e-9 * size) return;
  throw new DomainError(
    `${path}: the function depends on the constant in the potentials, Σ∂L/∂f = ${sumF} and Σ∂L/∂g = ${sumG}; fix it in your function, for example by subtracting the mean of f and adding it to g`,
  );
}
