import { openTransportEngine } from '../kernels/open-transport-engine.ts';
import { discreteMarginal } from '../marginals/discrete-marginal.ts';
import { iterate } from '../numerics/iterate.ts';
import { type Points, takeRows } from '../numerics/points.ts';
import { total } from '../numerics/vectors.ts';
import { type DenseProblem, denseProblem } from './dense-problem.ts';
import { openSolver } from './solver.ts';
import type { ComputeOptions } from './workspace.ts';

/** Points of the smaller problem on either side, and the error to which it is solved: its own sampling error is larger. */
const POINTS = 1000;
const TOLERANCE = 1e-2;

/**
 * f on the support from the same problem between every k-th point: its g, extended to all source points by the soft-min. For squared
 * Euclidean costs.
 */
export function subsampleStart(path: string, dense: DenseProblem, epsilon: number, compute: ComputeOptions): Float64Array {
  const mass = total(dense.a);
  const thin = (points: Points, weights: Float64Array) => {
    const stride = Math.max(1, Math.floor(points.count / POINTS));
    const kept = Array.from({ length: Math.ceil(points.count / stride) }, (_, k) => k * stride);
    const share = mass / kept.reduce((sum, i) => sum + weights[i]!, 0);
    return discreteMarginal({ points: takeRows(points, kept), weights: kept.map((i) => share * weights[i]!) });
  };
  const small = denseProblem(path, {
    source: thin(dense.x, dense.a),
    target: thin(dense.y, dense.b),
    cost: dense.cost,
    targetRescaling: 1,
  });
  const exact = { source: Number.POSITIVE_INFINITY, target: Number.POSITIVE_INFINITY };
  const solver = openSolver(path, small, epsilon, exact, { method: 'auto', tolerance: TOLERANCE, start: undefined, compute });
  let g: Float64Array;
  try {
    g = solver.finish(iterate(solver.iteration, { tolerance: TOLERANCE, maxIterations: 1000 }).state).g;
  } finally {
    solver.release();
  }
  const [n, m, d] = [dense.a.length, g.length, dense.x.dimension];
  const engine = openTransportEngine({ ...compute, bytes: 8 * (n + m + 128) * (d + 2) + 4096 });
  try {
    const costs = engine.pointCosts(dense.x.data, small.y.data, d, dense.cost.squaredScale!);
    const [F, G] = [engine.f64(engine.height(n)), engine.f64(engine.width(m))];
    for (let j = 0; j < m; j++) G[j] = g[j]! / epsilon + Math.log(small.b[j]!);
    engine.softMinRows(costs, G, 1 / epsilon, F);
    return Float64Array.from({ length: n }, (_, i) => epsilon * F[i]!);
  } finally {
    engine.release();
  }
}
