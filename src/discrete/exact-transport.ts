import type { LpCost } from '../costs/lp.ts';
import { requireProblem } from '../couplings/require-problem.ts';
import type { TransportProblem } from '../couplings/transport-problem.ts';
import { InfeasibleError } from '../errors.ts';
import { now, pause } from '../numerics/iterate.ts';
import { type DenseProblem, denseProblem } from './dense-problem.ts';
import { type DiscreteCoupling, discreteCoupling } from './discrete-coupling.ts';
import { lineTransport } from './line-transport.ts';
import { networkSimplex, type SimplexSolution } from './network-simplex.ts';
import { sparsePlan } from './transport-plan.ts';
import { total } from './values.ts';

/**
 * Solves an optimal transport problem between discrete measures exactly: by sorting on the line for convex costs, otherwise by the network
 * simplex method. Potentials are dual solutions: f_i + g_j ≤ C_ij, equal where mass flows.
 *
 * Below about 2000 points this is often faster than a small ε, and it is the better choice when the plan itself is wanted sharp.
 *
 * @throws InfeasibleError when forbidden pairs leave no plan; DomainError when a marginal is not made of points
 * @example
 * ```ts
 * import { discreteMarginal, exactTransport, transportProblem } from 'viaduct';
 * const source = discreteMarginal({ points: [[0, 0], [1, 0]] });
 * const target = discreteMarginal({ points: [[1, 1], [0, 1]] });
 * console.log(exactTransport(transportProblem({ source, target })).value.linear); // → 1
 * ```
 * @see [peyre2019]
 */
export function exactTransport(problem: TransportProblem): DiscreteCoupling {
  const path = 'exactTransport';
  requireProblem(path, problem, 'transport');
  const start = now();
  const dense = denseProblem(path, problem);
  const solution = solve(dense);
  if (solution.forbiddenMass > 1e-12 * total(dense.a)) {
    throw new InfeasibleError(`${path}: no plan avoids the forbidden pairs, mass ${solution.forbiddenMass} is stranded; allow more pairs`);
  }
  return answer(path, problem, dense, solution, now() - start);
}

/**
 * {@link exactTransport}, started in a later turn of the event loop. The solver itself keeps the thread until it is done.
 *
 * @example
 * ```ts
 * import { discreteMarginal, exactTransportAsync, transportProblem } from 'viaduct';
 * const point = discreteMarginal({ points: [[0]] });
 * console.log((await exactTransportAsync(transportProblem({ source: point, target: point }))).status); // → converged
 * ```
 */
export async function exactTransportAsync(problem: TransportProblem): Promise<DiscreteCoupling> {
  await pause();
  return exactTransport(problem);
}

function solve(dense: DenseProblem): SimplexSolution {
  const { source, target, cost, rows, columns, costs, a, b } = dense;
  const convex = cost.squaredScale !== undefined || cost.kind === 'euclidean' || (cost.kind === 'lp' && (cost as LpCost).p >= 1);
  if (!convex || source.dimension !== 1 || source.kind !== 'discrete' || target.kind !== 'discrete') return networkSimplex(costs, a, b);
  const positions = (indices: Int32Array, data: Float64Array): Float64Array => Float64Array.from(indices, (i) => data[i]!);
  return lineTransport(
    positions(rows, source.points.data),
    positions(columns, target.points.data),
    a,
    b,
    (i, j) => costs[i * b.length + j]!,
  );
}

function answer(
  path: string,
  problem: TransportProblem,
  dense: DenseProblem,
  solution: SimplexSolution,
  seconds: number,
): DiscreteCoupling {
  const { source, target, rows, columns, a, b, costs } = dense;
  const rowSums = new Float64Array(a.length);
  const columnSums = new Float64Array(b.length);
  let [linear, relative, entropy, mass] = [0, 0, 0, 0];
  for (const { row, column, mass: p } of solution.entries) {
    rowSums[row]! += p;
    columnSums[column]! += p;
    linear += p * costs[row * b.length + column]!;
    entropy -= p * Math.log(p);
    relative += p * Math.log(p / (a[row]! * b[column]!));
    mass += p;
  }
  const dual = inner(a, solution.f) + inner(b, solution.g);
  const sideError = (sums: Float64Array, weights: Float64Array): number =>
    sums.reduce((sum, have, i) => sum + Math.abs(have - weights[i]!), 0) / total(weights);
  const full = (values: Float64Array, indices: Int32Array, size: number, rest: (i: number) => number): Float64Array => {
    const place = new Map(Array.from(indices, (i, r) => [i, values[r]!] as const));
    return Float64Array.from({ length: size }, (_, i) => place.get(i) ?? rest(i));
  };
  const all =
    rows.length < source.weights.length || columns.length < target.weights.length
      ? problem.cost.between(source.points, target.points)
      : undefined;
  const m = target.weights.length;
  // Points without weight: the largest value that keeps the duals feasible.
  const g0 = full(solution.g, columns, m, () => Number.NEGATIVE_INFINITY);
  const f = full(solution.f, rows, source.weights.length, (i) => leastOf(columns, (j) => all![i * m + j]! - g0[j]!));
  const everyRow = Int32Array.from(f.keys());
  const g = full(solution.g, columns, m, (j) => leastOf(everyRow, (i) => all![i * m + j]! - f[i]!));
  return discreteCoupling({
    path,
    source,
    target,
    cost: problem.cost,
    plan: sparsePlan(
      source.weights.length,
      m,
      solution.entries.map(({ row, column, mass: p }) => ({ row: rows[row]!, column: columns[column]!, mass: p })),
    ),
    status: 'converged',
    iterations: solution.pivots,
    warnings: problem.warnings,
    errors: new Float64Array(0),
    sideErrors: { source: sideError(rowSums, a), target: sideError(columnSums, b) },
    value: () => Object.freeze({ linear, kl: relative - mass + total(a) * total(b), entropy, primal: linear, dual, gap: linear - dual }),
    potentials: { f, g },
    weightGradients: () => ({ a: f, b: g }),
    stats: { matrixPasses: 0, exponentialPasses: 0, seconds, threads: 1 },
  });
}

function inner(x: Float64Array, y: Float64Array): number {
  return x.reduce((sum, value, i) => sum + value * y[i]!, 0);
}

function leastOf(indices: Int32Array, value: (i: number) => number): number {
  return indices.reduce((least, i) => Math.min(least, value(i)), Number.POSITIVE_INFINITY);
}
