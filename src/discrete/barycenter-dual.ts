import type { Cost } from '../costs/cost.ts';
import { entropicProblem } from '../couplings/entropic-problem.ts';
import type { DiscreteMarginal } from '../marginals/discrete-marginal.ts';
import type { FixedPointMap } from './anderson-ascent.ts';
import type { ConcaveFunction, ConcavePoint } from './bounded-ascent.ts';
import { type DenseProblem, denseProblem } from './dense-problem.ts';
import { DEFAULT_MEMORY } from './storage-limit.ts';
import { type ComputeOptions, openWorkspace, type Workspace } from './workspace.ts';

/** The smallest column sum that double precision still tells from an underflow. */
const LOST = 1e-200;

/** One measure with its kernel to the support. */
interface Branch {
  readonly share: number;
  readonly dense: DenseProblem;
  readonly workspace: Workspace;
  /** Where its z begins. */
  readonly at: number;
  readonly G: Float64Array;
  readonly F: Float64Array;
  /** −log Σ_j exp(G_j − C_sj/ε). */
  readonly H: Float64Array;
  readonly c: Float64Array;
  readonly rows: Float64Array;
}

/** What a barycenter is computed from. */
export interface BarycenterInput {
  readonly measures: readonly DiscreteMarginal[];
  readonly shares: Float64Array;
  /** A measure whose positive weights mark the support. */
  readonly support: DiscreteMarginal;
  readonly cost: Cost;
  readonly epsilon: number;
  readonly mass: number;
}

/**
 * The dual of an entropic barycenter, in z_k = g_k/ε: φ(z) = Σ_k w_k ⟨a_k, z_k⟩ − Σ_s bar_s with
 * bar_s = d_s exp(Σ_k w_k log Σ_j a_kj exp(z_kj − C_sj/ε)), d = 1 without debiasing. It is concave with the gradient w_k (a_k − c_k), c_k the
 * column sums of the plans whose rows are bar; z_k + log(a_k/c_k) is one turn of iterative Bregman projections.
 *
 * @see [benamou2015] [janati2020b]
 */
export class BarycenterDual implements ConcaveFunction {
  readonly size: number;
  readonly bounded = false;
  /** log bar. */
  readonly logBar: Float64Array;
  /** log d, all 0 without debiasing. */
  readonly logD: Float64Array;
  readonly branches: readonly Branch[];
  private readonly mass: number;
  private readonly count: number;

  constructor(path: string, input: BarycenterInput, compute: ComputeOptions) {
    const { measures, shares, support, cost, epsilon, mass } = input;
    let at = 0;
    const opened: Branch[] = [];
    this.branches = opened;
    this.count = support.weights.reduce((count, w) => count + (w > 0 ? 1 : 0), 0);
    this.mass = mass;
    const penalties = { source: Number.POSITIVE_INFINITY, target: Number.POSITIVE_INFINITY };
    try {
      measures.forEach((target, k) => {
        const dense = denseProblem(path, entropicProblem({ source: support, target, epsilon, cost }), compute.memory ?? DEFAULT_MEMORY);
        const workspace = openWorkspace(path, dense, penalties, {
          ...compute,
          storage: dense.grid === undefined ? 'absorbed' : 'log',
          single: false,
          vectors: (height, width) => 8 * 3 * (height + width) + 6 * 64,
        });
        const { engine, source, target: side } = workspace;
        const [rows, columns] = [source.weights.length, side.weights.length];
        const [G, c] = [engine.f64(columns), engine.f64(columns)];
        const [F, H, sums] = [engine.f64(rows), engine.f64(rows), engine.f64(rows)];
        opened.push({ share: shares[k]!, dense, workspace, at, G, F, H, c, rows: sums });
        at += side.count;
      });
    } catch (error) {
      this.release();
      throw error;
    }
    this.size = at;
    this.logBar = new Float64Array(this.count);
    this.logD = new Float64Array(this.count);
  }

  setLevel(epsilon: number): void {
    for (const { workspace } of this.branches) workspace.kernel.setLevel(epsilon, true);
  }

  evaluate(point: ConcavePoint): void {
    this.spread(point.z);
    let [value, error] = [0, 0];
    for (const { share, workspace, at, G, F, c } of this.branches) {
      const { kernel, target } = workspace;
      for (let j = 0; j < target.count; j++) {
        const [have, want] = [c[j]!, target.weights[j]!];
        const logC = have > LOST ? Math.log(have) : kernel.logColumnSum(j, F, G);
        point.plain[at + j] = target.logs[j]! - logC;
        point.gradient[at + j] = share * (want - have);
        point.curvature[at + j] = share * Math.max(want, have);
        value += share * want * point.z[at + j]!;
        error += share * Math.abs(want - have);
      }
    }
    for (const l of this.logBar) value -= Math.exp(l);
    point.value = value;
    point.error = error / this.mass;
  }

  /** |P1 − bar| and |Pᵀ1 − a| of every branch relative to the mass, recomputed, for bar scaled to the mass. */
  errors(): { readonly source: number; readonly target: number }[] {
    const bar = this.weights();
    return this.branches.map(({ workspace, F, G, rows, c }) => {
      workspace.kernel.marginals(F, G, rows, c);
      const { weights, count } = workspace.target;
      let [source, target] = [0, 0];
      for (let s = 0; s < this.count; s++) source += Math.abs(rows[s]! - bar[s]!);
      for (let j = 0; j < count; j++) target += Math.abs(c[j]! - weights[j]!);
      return { source: source / this.mass, target: target / this.mass };
    });
  }

  /** The barycenter on the support, scaled to the mass of the measures. */
  weights(): Float64Array {
    const { top, scale } = this.scale();
    return this.logBar.map((l) => scale * Math.exp(l - top));
  }

  /** Potentials divided by ε of branch k: f of the whole support, g of the measure's own. */
  potentials(k: number): { readonly f: Float64Array; readonly g: Float64Array } {
    const { top, scale } = this.scale();
    const shift = Math.log(scale) - top;
    const { H, G, workspace } = this.branches[k]!;
    const { logs, count } = workspace.target;
    return {
      f: Float64Array.from({ length: this.count }, (_, s) => H[s]! - shift),
      g: Float64Array.from({ length: count }, (_, j) => G[j]! - logs[j]!),
    };
  }

  release(): void {
    for (const { workspace } of this.branches) workspace.release();
  }

  /** bar · scale / e^top has the mass of the measures; `top` is 0 where bar itself can be summed. */
  private scale(): { readonly top: number; readonly scale: number } {
    const sum = (top: number): number => this.logBar.reduce((all, l) => all + Math.exp(l - top), 0);
    const plain = sum(0);
    const top = plain > LOST && plain < 1 / LOST ? 0 : this.logBar.reduce((most, l) => Math.max(most, l), Number.NEGATIVE_INFINITY);
    return { top, scale: this.mass / (top === 0 ? plain : sum(top)) };
  }

  /** Everything that follows from z and d: bar, F and the column sums. */
  spread(z: Float64Array): void {
    const { logBar, logD, count } = this;
    logBar.set(logD);
    for (const { share, workspace, at, G, H } of this.branches) {
      const { kernel, target } = workspace;
      for (let j = 0; j < target.count; j++) G[j] = target.logs[j]! + z[at + j]!;
      kernel.softRows(G, H);
      for (let s = 0; s < count; s++) logBar[s]! -= share * H[s]!;
    }
    for (const { workspace, G, F, H, c } of this.branches) {
      F.fill(Number.NEGATIVE_INFINITY);
      for (let s = 0; s < count; s++) if (logBar[s]! > Number.NEGATIVE_INFINITY) F[s] = logBar[s]! + H[s]!;
      workspace.kernel.columnSums(F, G, c);
    }
  }
}

/**
 * The fixed-point map of a debiased barycenter in (z, log d): z_k + log(a_k/c_k), and d ← √(d·bar/Kd), which makes d ⊗ d·K a transport of bar
 * to itself.
 *
 * @see [janati2020b]
 */
export class DebiasedMap implements FixedPointMap {
  readonly size: number;
  /** The support to itself. */
  readonly dense: DenseProblem;
  readonly dual: BarycenterDual;
  /** −log Kd at the point evaluated last. */
  readonly soft: Float64Array;
  private readonly point: ConcavePoint;
  private readonly own: Workspace;
  private readonly D: Float64Array;
  private readonly mass: number;

  constructor(path: string, dual: BarycenterDual, { support, cost, epsilon, mass }: BarycenterInput, compute: ComputeOptions) {
    const count = dual.logBar.length;
    const vector = (): Float64Array => new Float64Array(dual.size);
    this.dual = dual;
    this.mass = mass;
    this.size = dual.size + count;
    this.point = { z: vector(), gradient: vector(), curvature: vector(), plain: vector(), value: 0, error: 0 };
    const dense = denseProblem(
      path,
      entropicProblem({ source: support, target: support, epsilon, cost }),
      compute.memory ?? DEFAULT_MEMORY,
    );
    this.dense = dense;
    const penalties = { source: Number.POSITIVE_INFINITY, target: Number.POSITIVE_INFINITY };
    this.own = openWorkspace(path, dense, penalties, {
      ...compute,
      storage: dense.grid === undefined ? 'absorbed' : 'log',
      single: false,
      vectors: (height, width) => 8 * (height + width) + 2 * 64,
    });
    this.D = this.own.engine.f64(this.own.target.weights.length);
    this.soft = this.own.engine.f64(this.own.source.weights.length);
  }

  setLevel(epsilon: number): void {
    this.dual.setLevel(epsilon);
    this.own.kernel.setLevel(epsilon, true);
  }

  /** Makes bar follow from (z, log d) again, and recomputes how far it is from the debiased one. */
  refresh(z: Float64Array): number {
    const { dual, own, D, soft } = this;
    dual.logD.set(z.subarray(dual.size));
    dual.spread(z.subarray(0, dual.size));
    D.set(dual.logD);
    own.kernel.softRows(D, soft);
    return this.selfError();
  }

  /**
   * |d·Kd − bar| of the self-transport; where bar has run empty although bar/d > Kd says that it should not, the mass that is missing, were
   * there no neighbours: a barycenter on the edge of the simplex is one only where bar/d ≤ Kd.
   */
  private selfError(): number {
    const { logBar, logD } = this.dual;
    let error = 0;
    for (let s = 0; s < logD.length; s++) {
      const [d, wanted] = [Math.exp(logD[s]!), Math.exp(logBar[s]! - logD[s]!)];
      const excess = wanted - Math.exp(-this.soft[s]!);
      error += excess > d ? wanted * excess : d * Math.abs(excess);
    }
    return error / this.mass;
  }

  evaluate(z: Float64Array, image: Float64Array, weights: Float64Array): number {
    const { dual, point, D, soft, own } = this;
    const { size, logBar, logD } = dual;
    point.z.set(z.subarray(0, size));
    logD.set(z.subarray(size));
    dual.evaluate(point);
    for (let j = 0; j < size; j++) {
      image[j] = z[j]! + point.plain[j]!;
      weights[j] = point.curvature[j]!;
    }
    D.set(logD);
    own.kernel.softRows(D, soft);
    for (let s = 0; s < logD.length; s++) {
      const bar = Math.exp(logBar[s]!);
      image[size + s] = 0.5 * (logD[s]! + logBar[s]! + soft[s]!);
      weights[size + s] = bar;
    }
    return point.error + this.selfError();
  }

  release(): void {
    this.own.release();
  }
}
