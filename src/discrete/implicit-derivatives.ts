import { Matrix } from 'ml-matrix';
import type { Points } from '../numerics/points.ts';
import { squaredPull } from './discrete-gradients.ts';
import { type EntropicSolution, entropicPlan } from './entropic-plan.ts';
import { gridGradients } from './grid-gradients.ts';
import type { Cotangent } from './plan-cotangent.ts';
import { type PointGradients, pointGradients, visitRows, widened } from './point-gradients.ts';
import type { TransportPlan } from './transport-plan.ts';

/** Solution of the adjoint system, on the points with weight. */
export interface AdjointVectors {
  readonly lambda: Float64Array;
  readonly mu: Float64Array;
  /** What a change of the weights does besides, where they are bounds of a partial plan. */
  readonly a?: Float64Array;
  readonly b?: Float64Array;
}

/** W = P ∘ ∂L/∂P seen through its products, on the points with weight. */
export interface WeightedPlan {
  /** W1. */
  readonly rows: Float64Array;
  /** Wᵀ1. */
  readonly columns: Float64Array;
  readonly apply: (h: Float64Array) => Float64Array;
  readonly applyTranspose: (h: Float64Array) => Float64Array;
  readonly row: (i: number) => Float64Array;
  /** ∂L/∂P = Σ u vᵀ, where that is how it was given. */
  readonly outer: Cotangent['outer'] | undefined;
}

/** The plan between the points with weight. */
function supportPlan(solution: EntropicSolution): TransportPlan {
  const { rows, columns } = solution.dense;
  const plan = entropicPlan(solution);
  const widen = (values: Float64Array, indices: Int32Array, size: number): Float64Array => {
    const out = new Float64Array(size);
    indices.forEach((i, r) => {
      out[i] = values[r]!;
    });
    return out;
  };
  const take = (values: Float64Array, indices: Int32Array): Float64Array => Float64Array.from(indices, (i) => values[i]!);
  return {
    rows: rows.length,
    columns: columns.length,
    row: (r) => take(plan.row(rows[r]!), columns),
    apply: (v) => take(plan.apply(widen(v, columns, plan.columns), 1), rows),
    applyTranspose: (u) => take(plan.applyTranspose(widen(u, rows, plan.rows), 1), columns),
  };
}

/** W of a cotangent: outer products by products with P, a matrix row by row. */
export function weightedPlan(solution: EntropicSolution, { outer, matrix }: Cotangent): WeightedPlan {
  const plan = supportPlan(solution);
  const [n, m] = [plan.rows, plan.columns];
  const row = (i: number): Float64Array => {
    const p = plan.row(i);
    return p.map((mass, j) => mass * ((matrix?.[i * m + j] ?? 0) + outer.reduce((sum, { u, v }) => sum + u[i]! * v[j]!, 0)));
  };
  const apply = (h: Float64Array): Float64Array => {
    const out = new Float64Array(n);
    for (const { u, v } of outer) {
      const product = plan.apply(
        h.map((x, j) => x * v[j]!),
        1,
      );
      for (let i = 0; i < n; i++) out[i]! += u[i]! * product[i]!;
    }
    if (matrix !== undefined) {
      for (let i = 0; i < n; i++) {
        const p = plan.row(i);
        for (let j = 0; j < m; j++) out[i]! += p[j]! * matrix[i * m + j]! * h[j]!;
      }
    }
    return out;
  };
  const applyTranspose = (h: Float64Array): Float64Array => {
    const out = new Float64Array(m);
    for (const { u, v } of outer) {
      const product = plan.applyTranspose(
        h.map((x, i) => x * u[i]!),
        1,
      );
      for (let j = 0; j < m; j++) out[j]! += v[j]! * product[j]!;
    }
    if (matrix !== undefined) {
      for (let i = 0; i < n; i++) {
        const p = plan.row(i);
        for (let j = 0; j < m; j++) out[j]! += p[j]! * matrix[i * m + j]! * h[i]!;
      }
    }
    return out;
  };
  return {
    rows: apply(new Float64Array(m).fill(1)),
    columns: applyTranspose(new Float64Array(n).fill(1)),
    apply,
    applyTranspose,
    row,
    outer: matrix === undefined ? outer : undefined,
  };
}

/** Everything that follows from the adjoint: dL/dC = P ∘ (λ ⊕ μ) − W/ε and its chains to points and weights; 0 at points without weight. */
export function implicitDerivatives(
  solution: EntropicSolution,
  W: WeightedPlan,
  { lambda, mu, a, b }: AdjointVectors,
): { readonly x: Points; readonly y: Points; readonly a: Float64Array; readonly b: Float64Array; readonly cost: Matrix } {
  const { path, dense, epsilon } = solution;
  const { source, target, rows, columns, cost } = dense;
  const plan = supportPlan(solution);
  /** (dL/dC) h. */
  const forward = (h: Float64Array): Float64Array => {
    const [own, weighted, rest] = [
      plan.apply(h, 1),
      plan.apply(
        h.map((v, j) => v * mu[j]!),
        1,
      ),
      W.apply(h),
    ];
    return own.map((v, i) => lambda[i]! * v + weighted[i]! - rest[i]! / epsilon);
  };
  const backward = (h: Float64Array): Float64Array => {
    const [own, weighted, rest] = [
      plan.applyTranspose(h, 1),
      plan.applyTranspose(
        h.map((v, i) => v * lambda[i]!),
        1,
      ),
      W.applyTranspose(h),
    ];
    return own.map((v, j) => mu[j]! * v + weighted[j]! - rest[j]! / epsilon);
  };
  const scale = cost.squaredScale;
  /** The derivatives in the points with weight, by products with D = dL/dC. */
  const squared = (own: Points, other: Points, product: (h: Float64Array) => Float64Array): Points => {
    const each = (V: Float64Array, count: number): Float64Array => {
      const out = new Float64Array(own.count * count);
      for (let k = 0; k < count; k++) out.set(product(V.subarray(k * other.count, (k + 1) * other.count)), k * own.count);
      return out;
    };
    return squaredPull(scale!, own, other, product(new Float64Array(other.count).fill(1)), each);
  };
  const costRow = (r: number): Float64Array => {
    const w = W.row(r);
    return plan.row(r).map((p, c) => p * (lambda[r]! + mu[c]!) - w[c]! / epsilon);
  };
  let sums: PointGradients | undefined;
  /** Between grids, unless W is given pair by pair. */
  const alongAxes = (): PointGradients | undefined => {
    if (W.outer === undefined) return undefined;
    const terms = W.outer.map(({ u, v }) => ({ u: u.map((value) => -value / epsilon), v }));
    return gridGradients(solution, [{ u: lambda }, { v: mu }, ...terms]);
  };
  /** The same by the derivatives of the cost, for both sides in one pass over the pairs. */
  const byPairs = (): PointGradients => {
    sums ??= alongAxes() ?? pointGradients(path, cost, dense.x, dense.y, visitRows(rows.length, costRow));
    return sums;
  };
  const weights = (
    size: number,
    at: Int32Array,
    w: Float64Array,
    direct: Float64Array,
    through: Float64Array,
    besides: Float64Array | undefined,
  ): Float64Array => {
    const out = new Float64Array(size);
    at.forEach((i, r) => {
      out[i] = (direct[r]! - epsilon * through[r]!) / w[r]! + (besides?.[r] ?? 0);
    });
    return out;
  };
  return {
    get x() {
      return widened(scale === undefined ? byPairs().x : squared(dense.x, dense.y, forward), rows, source.weights.length);
    },
    get y() {
      return widened(scale === undefined ? byPairs().y : squared(dense.y, dense.x, backward), columns, target.weights.length);
    },
    get a() {
      return weights(source.weights.length, rows, dense.a, W.rows, plan.apply(mu, 1), a);
    },
    get b() {
      return weights(target.weights.length, columns, dense.b, W.columns, plan.applyTranspose(lambda, 1), b);
    },
    get cost() {
      const out = Matrix.zeros(source.weights.length, target.weights.length);
      rows.forEach((i, r) => {
        const values = costRow(r);
        columns.forEach((j, c) => {
          out.set(i, j, values[c]!);
        });
      });
      return out;
    },
  };
}
