import { entropicProblem } from '../couplings/entropic-problem.ts';
import { transportProblem } from '../couplings/transport-problem.ts';
import { type DiscreteMarginal, discreteMarginal } from '../marginals/discrete-marginal.ts';
import { wrapPoints } from '../numerics/points.ts';
import type { CheckedBarycenter } from './barycenter-problem.ts';
import type { DiscreteCoupling } from './discrete-coupling.ts';
import { exactTransport } from './exact-transport.ts';
import { coordinates } from './plan-moments.ts';
import { prepareSelfTransport } from './self-transport.ts';
import { prepareSinkhorn, SINKHORN_OPTIONS } from './sinkhorn.ts';
import type { ComputeOptions } from './workspace.ts';

/** Points of equal weight at a place, with all that follows from it. */
export interface Placement {
  /** Coordinates, point after point. */
  readonly z: Float64Array;
  readonly marginal: DiscreteMarginal;
  /** Where the points move next. */
  readonly image: Float64Array;
  /** Root mean square of that move, relative to the spread of the measures. */
  readonly error: number;
  /** Σ_k w_k OT(bar, a_k), less ½ OT(bar, bar) when debiased; for exact or entropic transport. */
  readonly objective: number;
  /** What the objective may be off by: the duality gaps of its parts, and rounding. */
  readonly slack: number;
  readonly couplings: readonly DiscreteCoupling[];
}

/**
 * The objective of a barycenter of moving points and the step that lowers it: to the mean Σ_k w_k T_k(x) of the barycentric images;
 * debiased by Σ_k w_k T_k(x) − T(x), T the image under transport to themselves. Either is x − ∇/(2 · weight) for |x − y|².
 *
 * @see [cuturi2014] [feydy2019]
 */
export class MovingPoints {
  /** √Σ_k w_k tr cov(a_k). */
  readonly spread: number;
  /** The gradient of the objective over z − T(z): 2 · weight of a point · scale of the cost. */
  readonly unit: number;
  private readonly path: string;
  private readonly checked: CheckedBarycenter;
  private readonly compute: ComputeOptions;
  private readonly tolerance: number;
  private readonly weights: Float64Array;

  /** `tolerance`: of every plan. */
  constructor(path: string, checked: CheckedBarycenter, compute: ComputeOptions, tolerance: number) {
    const { measures, shares, support, mass } = checked;
    this.path = path;
    this.checked = checked;
    this.compute = compute;
    this.tolerance = tolerance;
    this.weights = new Float64Array(support.points.count).fill(mass / support.points.count);
    this.unit = 2 * this.weights[0]! * checked.cost.squaredScale!;
    this.spread = Math.sqrt(measures.reduce((sum, m, k) => sum + shares[k]! * m.covariance().trace(), 0) + 1e-300);
  }

  /** Everything at z; the plans start from those `near` it. */
  at(z: Float64Array, near?: Placement): Placement {
    const { checked, compute, path, tolerance, weights } = this;
    const { measures, shares, support, epsilon, cost, debiased } = checked;
    const { count, dimension } = support.points;
    const marginal = discreteMarginal({ points: wrapPoints(z.slice(), dimension), weights });
    const image = new Float64Array(z.length);
    let objective = 0;
    let slack = 0;
    const add = (coupling: DiscreteCoupling, share: number): void => {
      this.move(coupling, image, share > 0 ? share : 2 * share);
      const { dual, gap } = coupling.value;
      objective += share * dual;
      slack += Math.abs(share) * (Math.abs(gap) + 1e-14 * Math.abs(dual));
    };
    const couplings = measures.map((target, k) => {
      const before = near?.couplings[k];
      const initial = before === undefined ? {} : { initial: before };
      const coupling =
        epsilon === 0
          ? exactTransport(transportProblem({ source: marginal, target, cost }), initial)
          : prepareSinkhorn(
              path,
              entropicProblem({ source: marginal, target, epsilon, cost }),
              { tolerance, ...compute, ...initial },
              SINKHORN_OPTIONS,
            ).run();
      add(coupling, shares[k]!);
      return coupling;
    });
    if (debiased && epsilon > 0) {
      const own = entropicProblem({ source: marginal, target: marginal, epsilon, cost });
      add(prepareSelfTransport(path, own, compute, { tolerance }).run(), -0.5);
      for (let p = 0; p < z.length; p++) image[p]! += z[p]!;
    }
    let squares = 0;
    for (let p = 0; p < z.length; p++) squares += (image[p]! - z[p]!) ** 2;
    return { z: z.slice(), marginal, image, error: Math.sqrt(squares / count) / this.spread, objective, slack, couplings };
  }

  /** Adds a share of the barycentric images. */
  private move(coupling: DiscreteCoupling, out: Float64Array, share: number): void {
    const { points } = coupling.target;
    const flat = coordinates(points);
    const { count, dimension } = this.checked.support.points;
    for (let k = 0; k < dimension; k++) {
      const sums = coupling.apply(flat.subarray(k * points.count, (k + 1) * points.count));
      for (let i = 0; i < count; i++) out[i * dimension + k]! += (share * sums[i]!) / this.weights[i]!;
    }
  }
}
