import { entropicProblem } from '../couplings/entropic-problem.ts';
import { transportProblem } from '../couplings/transport-problem.ts';
import { type DiscreteMarginal, discreteMarginal } from '../marginals/discrete-marginal.ts';
import { wrapPoints } from '../numerics/points.ts';
import { dot } from '../numerics/vectors.ts';
import type { CheckedBarycenter } from './barycenter-problem.ts';
import type { DiscreteCoupling } from './discrete-coupling.ts';
import { exactTransport } from './exact-transport.ts';
import { coordinates } from './plan-moments.ts';
import { prepareSelfTransport } from './self-transport.ts';
import { prepareSinkhorn, SINKHORN_OPTIONS } from './sinkhorn.ts';
import type { ComputeOptions } from './workspace.ts';

/** Points at a place, with all that follows from it. */
export interface Placement {
  /** Coordinates, point after point. */
  readonly z: Float64Array;
  readonly marginal: DiscreteMarginal;
  /** Where the points move next. */
  readonly image: Float64Array;
  /** Root mean square of that move (by weight), relative to the spread of the measures. */
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
  /** The gradient of the objective over z − T(z), in the inner product by weight: 2 · mean weight of a point · scale of the cost. */
  readonly unit: number;
  /** Weights of the points over their mean; absent when they are equal. */
  readonly relative: Float64Array | undefined;
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
    this.weights = support.weights;
    const mean = mass / this.weights.length;
    const equal = this.weights.every((w) => w === this.weights[0]);
    this.relative = equal ? undefined : this.weights.map((w) => w / mean);
    this.unit = 2 * (equal ? this.weights[0]! : mean) * checked.cost.squaredScale!;
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
    const move = image.map((value, p) => value - z[p]!);
    const squares = this.inner(move, move);
    return { z: z.slice(), marginal, image, error: Math.sqrt(squares / count) / this.spread, objective, slack, couplings };
  }

  /** Σ_i w_i u_i·v_i over the mean weight. */
  inner(u: Float64Array, v: Float64Array): number {
    const { relative } = this;
    if (relative === undefined) return dot(u, v);
    const { dimension } = this.checked.support.points;
    let sum = 0;
    for (let i = 0, p = 0; i < relative.length; i++) for (let k = 0; k < dimension; k++, p++) sum += relative[i]! * u[p]! * v[p]!;
    return sum;
  }

  /** Multiplies by the roots of the relative weights, or divides by them: the inner product by weight becomes the plain one. */
  symmetric(v: Float64Array, power: 1 | -1): Float64Array {
    const { relative } = this;
    if (relative === undefined) return v;
    const { dimension } = this.checked.support.points;
    return v.map((value, p) => value * relative[Math.floor(p / dimension)]! ** (power / 2));
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
