import { entropicProblem } from '../couplings/entropic-problem.ts';
import { discreteMarginal } from '../marginals/discrete-marginal.ts';
import type { Iteration, IterationOptions } from '../numerics/iterate.ts';
import { now } from '../numerics/iterate.ts';
import { wrapPoints } from '../numerics/points.ts';
import { AndersonAscent } from './anderson-ascent.ts';
import { type Barycenter, barycenterOf } from './barycenter-answer.ts';
import type { CheckedBarycenter } from './barycenter-problem.ts';
import type { DiscreteCoupling } from './discrete-coupling.ts';
import { coordinates } from './plan-moments.ts';
import { type PreparedSolve, preparedSolve } from './prepared-solve.ts';
import { prepareSelfTransport } from './self-transport.ts';
import { prepareSinkhorn, SINKHORN_OPTIONS } from './sinkhorn.ts';
import type { ComputeOptions } from './workspace.ts';

/** The plans of one turn are solved to this share of the tolerance. */
const INNER = 0.1;

/**
 * Points of equal weight that move to the mean Σ_k w_k T_k(x) of their barycentric images, which lowers Σ_k w_k OT_ε at every turn; debiased
 * they move by Σ_k w_k T_k(x) − T(x), T the image under transport to themselves, a gradient step on Σ_k w_k S_ε. Anderson's acceleration
 * shortens the way.
 *
 * @see [cuturi2014] [feydy2019]
 */
export function prepareFreeBarycenter(
  path: string,
  checked: CheckedBarycenter,
  compute: ComputeOptions,
  options: IterationOptions & { readonly tolerance: number },
): PreparedSolve<Barycenter> {
  const { measures, shares, support, cost, epsilon, mass, debiased } = checked;
  const { tolerance } = options;
  const began = now();
  const { count, dimension } = support.points;
  const weights = new Float64Array(count).fill(mass / count);
  const inner = { tolerance: Math.max(1e-13, Math.min(1e-6, INNER * tolerance)), ...compute };
  const spread = Math.sqrt(measures.reduce((sum, m, k) => sum + shares[k]! * m.covariance().trace(), 0) + 1e-300);
  let couplings: DiscreteCoupling[] = [];
  const image = (coupling: DiscreteCoupling, out: Float64Array, factor: number): void => {
    const { points } = coupling.target;
    const flat = coordinates(points);
    for (let k = 0; k < dimension; k++) {
      const sums = coupling.apply(flat.subarray(k * points.count, (k + 1) * points.count));
      for (let i = 0; i < count; i++) out[i * dimension + k]! += (factor * sums[i]!) / weights[i]!;
    }
  };
  const map = {
    size: count * dimension,
    evaluate(z: Float64Array, out: Float64Array, ones: Float64Array): number {
      const marginal = discreteMarginal({ points: wrapPoints(z.slice(), dimension), weights });
      ones.fill(1);
      out.fill(0);
      couplings = measures.map((target, k) => {
        const problem = entropicProblem({ source: marginal, target, epsilon, cost });
        const before = couplings[k];
        const initial = before === undefined ? {} : { initial: before };
        const coupling = prepareSinkhorn(path, problem, { ...inner, ...initial }, SINKHORN_OPTIONS).run();
        image(coupling, out, shares[k]!);
        return coupling;
      });
      if (debiased) {
        const own = entropicProblem({ source: marginal, target: marginal, epsilon, cost });
        image(prepareSelfTransport(path, own, compute, { tolerance: inner.tolerance }).run(), out, -1);
        for (let p = 0; p < out.length; p++) out[p]! += z[p]!;
      }
      let squares = 0;
      for (let p = 0; p < out.length; p++) squares += (out[p]! - z[p]!) ** 2;
      return Math.sqrt(squares / count) / spread;
    },
  };
  const ascent = new AndersonAscent(map);
  const iteration: Iteration<AndersonAscent> = {
    path,
    initial() {
      ascent.point.z.set(support.points.data);
      ascent.restart();
      return ascent;
    },
    step(state) {
      state.step();
      return state;
    },
    error: (state) => state.point.error,
    roundingFloor: () => 1e-12,
  };
  return preparedSolve({
    iteration,
    options,
    release: () => {},
    finish: (ended) =>
      barycenterOf({
        path,
        marginal: discreteMarginal({ points: wrapPoints(ascent.point.z.slice(), dimension), weights }),
        couplings,
        weights: shares,
        ended: ended.status,
        iterations: ended.iterations,
        error: ended.error,
        errors: ended.errors,
        tolerance,
        seconds: now() - began,
      }),
  });
}
