import { takeRows } from '../numerics/points.ts';
import type { DenseProblem } from './dense-problem.ts';
import type { TransportPlan } from './transport-plan.ts';
import type { Penalties } from './values.ts';
import { type ComputeOptions, openWorkspace, type Workspace } from './workspace.ts';

/** A problem with potentials on its support, from which the plan follows: P_ij = a_i b_j exp((f_i + g_j − C_ij)/ε). */
export interface EntropicSolution {
  readonly path: string;
  readonly dense: DenseProblem;
  readonly epsilon: number;
  readonly penalties: Penalties;
  readonly f: Float64Array;
  readonly g: Float64Array;
  readonly compute: ComputeOptions;
}

/** F = f/ε + log a and G = g/ε + log b in an engine's memory. */
export interface LogPotentials {
  readonly F: Float64Array;
  readonly G: Float64Array;
}

/** Opens an engine with the problem and its potentials, for one use. `vectors`: how many of rows and columns together the use needs. */
export function withPotentials<T>(
  solution: EntropicSolution,
  vectors: number,
  use: (workspace: Workspace, potentials: LogPotentials) => T,
): T {
  const { path, dense, penalties, compute, epsilon, f, g } = solution;
  const workspace = openWorkspace(path, dense, penalties, {
    ...compute,
    storage: 'log',
    single: false,
    gauss: { epsilon, accuracy: 1e-8 },
    vectors: (height, width) => 8 * (vectors + 1) * (height + width) + 64 * 2 * (vectors + 2),
  });
  try {
    const { engine, source, target } = workspace;
    const F = engine.f64(source.weights.length).fill(Number.NEGATIVE_INFINITY);
    const G = engine.f64(target.weights.length);
    for (let i = 0; i < source.count; i++) F[i] = f[i]! / epsilon + source.logs[i]!;
    for (let j = 0; j < target.count; j++) G[j] = g[j]! / epsilon + target.logs[j]!;
    return use(workspace, { F, G });
  } finally {
    workspace.release();
  }
}

/** The plan of potentials, never formed: products go through the engine, rows are computed when asked for. */
export function entropicPlan(solution: EntropicSolution): TransportPlan {
  const { dense, epsilon, f, g } = solution;
  const { rows, columns, a, b } = dense;
  const [n, m] = [dense.source.weights.length, dense.target.weights.length];
  let places: Int32Array | undefined;
  const placesOfRows = (): Int32Array => {
    const place = new Int32Array(n).fill(-1);
    for (let r = 0; r < rows.length; r++) place[rows[r]!] = r;
    return place;
  };
  const costRow = (r: number): Float64Array =>
    dense.squared || dense.grid !== undefined
      ? dense.cost.between(takeRows(dense.x, [r]), dense.y)
      : dense.costs.subarray(r * b.length, (r + 1) * b.length);
  const product = (values: Float64Array, count: number, side: 'apply' | 'applyTranspose'): Float64Array => {
    const [from, to, size] = side === 'apply' ? [columns, rows, n] : [rows, columns, m];
    return withPotentials(solution, 2 * count, ({ engine, passes, source, target }, { F, G }) => {
      const [own, other] = side === 'apply' ? [target, source] : [source, target];
      const [stride, outStride] = [own.weights.length, other.weights.length];
      const length = values.length / count;
      const V = engine.f64(stride * count);
      const sums = engine.f64(outStride * count);
      for (let r = 0; r < count; r++) for (let j = 0; j < from.length; j++) V[r * stride + j] = values[r * length + from[j]!]!;
      passes(epsilon)[side](F, G, V, count, sums);
      const out = new Float64Array(size * count);
      for (let r = 0; r < count; r++) for (let i = 0; i < to.length; i++) out[r * size + to[i]!] = sums[r * outStride + i]!;
      return out;
    });
  };
  return {
    rows: n,
    columns: m,
    row(i) {
      const out = new Float64Array(m);
      places ??= placesOfRows();
      const r = places[i]!;
      if (r < 0) return out;
      const costs = costRow(r);
      columns.forEach((j, c) => {
        out[j] = a[r]! * b[c]! * Math.exp((f[r]! + g[c]! - costs[c]!) / epsilon);
      });
      return out;
    },
    apply: (V, count) => product(V, count, 'apply'),
    applyTranspose: (U, count) => product(U, count, 'applyTranspose'),
  };
}
