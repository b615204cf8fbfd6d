import type { Cost } from '../costs/cost.ts';
import { axisCoordinates } from '../marginals/grid-marginal.ts';
import { allocatePoints } from '../numerics/points.ts';
import type { EntropicSolution } from './entropic-plan.ts';
import type { GridProblem } from './grid-problem.ts';
import { openGridWorkspace } from './grid-workspace.ts';
import { type PointGradients, widened } from './point-gradients.ts';

/** Weights of the pairs, Σ_r u_r v_rᵀ, on the points with weight; absent vectors are constant 1. */
export type OuterWeights = readonly { readonly u?: Float64Array; readonly v?: Float64Array }[];

/** How far the derivative is moved up, in its largest value: what is left of it is then at least a quarter of that. */
const LIFT = 1.25;

/**
 * The derivatives of Σ_r Σ_ij u_r,i P_ij v_r,j c(x_i, y_j) in the points with weight, for fixed u, P and v, between grids under a cost
 * Σ_k φ(x_k − y_k): Σ_j P_ij φ′(x_ik − y_jk) v_j is a product with the plan whose k-th factor is multiplied by φ′ + s, s > max|φ′|, less s
 * times one with the plan itself. Like every product there it goes one axis at a time, without a pass over pairs.
 *
 * Undefined where the problem has no such cost, or no derivative of it is known.
 *
 * @see [solomon2015]
 */
export function gridGradients(solution: EntropicSolution, outer: OuterWeights = [{}]): PointGradients | undefined {
  const { dense, epsilon } = solution;
  const { grid, cost, a, b } = dense;
  if (grid === undefined) return undefined;
  const slopes = grid.axes.map((_, k) => axisSlopes(cost, grid, k));
  if (slopes.some((slope) => slope === undefined)) return undefined;
  const d = grid.axes.length;
  const [x, y] = [allocatePoints(a.length, d), allocatePoints(b.length, d)];
  const plain = products(solution, grid, outer);
  slopes.forEach((slope, k) => {
    const largest = slope!.reduce((most, s) => Math.max(most, Math.abs(s)), 0);
    if (largest === 0) return;
    const lift = LIFT * largest;
    const axes = grid.axes.map((axis, l) =>
      l === k ? { ...axis, costs: axis.costs.map((c, p) => c - epsilon * Math.log((slope![p]! + lift) / lift)) } : axis,
    );
    const lifted = products(solution, { ...grid, axes }, outer);
    for (let i = 0; i < a.length; i++) x.data[i * d + k] = lift * (lifted.rows[i]! - plain.rows[i]!);
    for (let j = 0; j < b.length; j++) y.data[j * d + k] = lift * (plain.columns[j]! - lifted.columns[j]!);
  });
  return { x, y };
}

/** The derivatives of the value at all nodes; 0 at those without weight. */
export function widenedGradients(solution: EntropicSolution): PointGradients | undefined {
  const found = gridGradients(solution);
  if (found === undefined) return undefined;
  const { rows, columns, source, target } = solution.dense;
  return { x: widened(found.x, rows, source.weights.length), y: widened(found.y, columns, target.weights.length) };
}

/** Σ_r u_r ∘ P v_r and Σ_r v_r ∘ Pᵀu_r, P with the kernel of these axes. */
function products(
  { path, dense, epsilon, penalties, f, g, compute }: EntropicSolution,
  grid: GridProblem,
  outer: OuterWeights,
): { readonly rows: Float64Array; readonly columns: Float64Array } {
  const [n, m] = [dense.a.length, dense.b.length];
  const workspace = openGridWorkspace(path, dense, grid, penalties, {
    ...compute,
    memory: compute.memory ?? Number.POSITIVE_INFINITY,
    vectors: (height, width) => 8 * 4 * (height + width) + 64 * 8,
  });
  try {
    const { engine, kernel, source, target } = workspace;
    const [F, V, onRows] = [engine.f64(source.weights.length), engine.f64(target.weights.length), engine.f64(source.weights.length)];
    const [G, U, onColumns] = [engine.f64(target.weights.length), engine.f64(source.weights.length), engine.f64(target.weights.length)];
    F.fill(Number.NEGATIVE_INFINITY);
    G.fill(Number.NEGATIVE_INFINITY);
    for (let i = 0; i < n; i++) F[i] = f[i]! / epsilon + source.logs[i]!;
    for (let j = 0; j < m; j++) G[j] = g[j]! / epsilon + target.logs[j]!;
    kernel.setLevel(epsilon);
    const [rows, columns] = [new Float64Array(n), new Float64Array(m)];
    for (const { u, v } of outer) {
      U.fill(1, 0, n);
      V.fill(1, 0, m);
      if (u !== undefined) U.set(u);
      if (v !== undefined) V.set(v);
      kernel.apply(F, G, V, 1, onRows);
      kernel.applyTranspose(F, G, U, 1, onColumns);
      for (let i = 0; i < n; i++) rows[i]! += U[i]! * onRows[i]!;
      for (let j = 0; j < m; j++) columns[j]! += V[j]! * onColumns[j]!;
    }
    return { rows, columns };
  } finally {
    workspace.release();
  }
}

/** φ′ between the nodes of axis k, row-major; undefined where the derivatives in x and y are not opposite numbers. */
function axisSlopes(cost: Cost, { source, target, axes }: GridProblem, k: number): Float64Array | undefined {
  if (cost.gradient === undefined || cost.axis === undefined) return undefined;
  const { rows, columns } = axes[k]!;
  const [along, across] = [axisCoordinates(source, k), axisCoordinates(target, k)];
  const [p, q, dx, dy] = [0, 1, 2, 3].map(() => new Float64Array(axes.length)) as [Float64Array, Float64Array, Float64Array, Float64Array];
  const out = new Float64Array(rows * columns);
  for (let i = 0, at = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++, at++) {
      p[k] = along[i]!;
      q[k] = across[j]!;
      cost.gradient(p, q, dx, dy);
      if (!Number.isFinite(dx[k]!) || dx[k] !== -dy[k]!) return undefined;
      out[at] = dx[k]!;
    }
  }
  return out;
}
