import { dot } from '../numerics/vectors.ts';
import type { Climber } from './bounded-ascent.ts';

/** A fixed-point map x → T(x), with the residual and how it is measured. */
export interface FixedPointMap {
  readonly size: number;
  /** Fills `image` with T(z) and `weights` with those of the least squares; returns the error of z. */
  evaluate(z: Float64Array, image: Float64Array, weights: Float64Array): number;
}

interface Remembered {
  readonly image: Float64Array;
  readonly residual: Float64Array;
}

const MEMORY = 20;
/** Growth of the error, against the best so far, at which an extrapolation is taken back. */
const GROWTH = 2;
/** Share of a difference of residuals that must be new for it to count. */
const DEPENDENT = 1e-10;

/**
 * Anderson's acceleration of a fixed-point map: the next point is the combination of the last images whose residuals combine to the
 * smallest. An extrapolation that makes things worse is taken back for the plain step.
 *
 * @see [anderson1965]
 */
export class AndersonAscent implements Climber {
  readonly point: { z: Float64Array; error: number };
  private readonly map: FixedPointMap;
  private readonly weights: Float64Array;
  private readonly image: Float64Array;
  private history: Remembered[] = [];
  private best = Number.POSITIVE_INFINITY;

  constructor(map: FixedPointMap) {
    const vector = (): Float64Array => new Float64Array(map.size);
    this.map = map;
    this.point = { z: vector(), error: Number.POSITIVE_INFINITY };
    this.weights = vector();
    this.image = vector();
  }

  restart(): void {
    this.history = [];
    this.best = Number.POSITIVE_INFINITY;
    this.evaluate();
  }

  step(): void {
    const { point, map, image } = this;
    this.best = Math.min(this.best, point.error);
    if (this.history.length === MEMORY) this.history.pop();
    this.history.unshift({ image: image.slice(), residual: image.map((t, j) => t - point.z[j]!) });
    const [newest, ...older] = this.history as [Remembered, ...Remembered[]];
    const gamma = this.combination();
    point.z.set(newest.image);
    older.forEach((other, k) => {
      const next = this.history[k]!;
      for (let j = 0; j < map.size; j++) point.z[j]! -= gamma[k]! * (next.image[j]! - other.image[j]!);
    });
    this.evaluate();
    if (older.length === 0 || point.error <= GROWTH * this.best) return;
    this.history = [];
    point.z.set(newest.image);
    this.evaluate();
  }

  private evaluate(): void {
    this.point.error = this.map.evaluate(this.point.z, this.image, this.weights);
  }

  /** γ that minimises |r_0 − Σ_k γ_k (r_k − r_{k+1})| in the weighted norm, by Gram-Schmidt; what depends on newer differences gets 0. */
  private combination(): Float64Array {
    const { weights, history } = this;
    const roots = weights.map(Math.sqrt);
    const count = history.length - 1;
    const basis: Float64Array[] = [];
    const upper = Array.from({ length: count }, () => new Float64Array(count));
    const kept: number[] = [];
    for (let k = 0; k < count; k++) {
      const [r, next] = [history[k]!.residual, history[k + 1]!.residual];
      const q = r.map((v, j) => roots[j]! * (v - next[j]!));
      const size = norm(q);
      for (let turn = 0; turn < 2; turn++) {
        kept.forEach((other, p) => {
          const along = dot(basis[p]!, q);
          upper[other]![k]! += along;
          for (let j = 0; j < q.length; j++) q[j]! -= along * basis[p]![j]!;
        });
      }
      const left = norm(q);
      if (!(left > DEPENDENT * size)) continue;
      upper[k]![k] = left;
      basis.push(q.map((v) => v / left));
      kept.push(k);
    }
    const r = history[0]!.residual.map((v, j) => roots[j]! * v);
    const gamma = new Float64Array(count);
    for (let p = kept.length - 1; p >= 0; p--) {
      const k = kept[p]!;
      let sum = dot(basis[p]!, r);
      for (let later = p + 1; later < kept.length; later++) sum -= upper[k]![kept[later]!]! * gamma[kept[later]!]!;
      gamma[k] = sum / upper[k]![k]!;
    }
    return gamma;
  }
}

function norm(x: Float64Array): number {
  return Math.sqrt(dot(x, x));
}
