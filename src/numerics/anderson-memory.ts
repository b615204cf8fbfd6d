import { dot } from './vectors.ts';

interface Remembered {
  readonly image: Float64Array;
  readonly residual: Float64Array;
}

/** Share of a difference of residuals that must be new for it to count. */
const DEPENDENT = 1e-10;
/** Share that is left of a vector after its parts along others were taken away, below which they are taken away again. */
const CANCELLED = 0.5;

/**
 * Anderson's extrapolation of a fixed-point map x → T(x): the combination of the last images whose residuals T(x) − x combine to the smallest.
 *
 * @see [anderson1965]
 */
export class AndersonMemory {
  private readonly most: number;
  private history: Remembered[] = [];

  /** @param most images that it holds at most */
  constructor(most: number) {
    this.most = most;
  }

  /** How many images it holds. */
  get length(): number {
    return this.history.length;
  }

  clear(): void {
    this.history = [];
  }

  /** Remembers T(z) for a z. */
  add(z: Float64Array, image: Float64Array): void {
    if (this.history.length === this.most) this.history.pop();
    this.history.unshift({ image: image.slice(), residual: image.map((t, j) => t - z[j]!) });
  }

  /** Writes the extrapolation to `out`: the newest image itself when there is no other. */
  extrapolate(weights: Float64Array, out: Float64Array): void {
    const { history } = this;
    const gamma = this.combination(weights);
    out.set(history[0]!.image);
    for (let k = 0; k + 1 < history.length; k++) {
      const [next, other] = [history[k]!, history[k + 1]!];
      for (let j = 0; j < out.length; j++) out[j]! -= gamma[k]! * (next.image[j]! - other.image[j]!);
    }
  }

  /** γ that minimises |r_0 − Σ_k γ_k (r_k − r_{k+1})| in the weighted norm, by Gram-Schmidt; what depends on newer differences gets 0. */
  private combination(weights: Float64Array): Float64Array {
    const { history } = this;
    const roots = weights.map(Math.sqrt);
    const n = roots.length;
    const count = history.length - 1;
    const basis: Float64Array[] = [];
    const upper = Array.from({ length: count }, () => new Float64Array(count));
    const kept: number[] = [];
    for (let k = 0; k < count; k++) {
      const [r, next] = [history[k]!.residual, history[k + 1]!.residual];
      const q = new Float64Array(n);
      for (let j = 0; j < n; j++) q[j] = roots[j]! * (r[j]! - next[j]!);
      const size = norm(q);
      let [before, left] = [size, size];
      // Again where the first turn has left rounding errors of what it took away.
      do {
        before = left;
        for (let p = 0; p < kept.length; p++) {
          const b = basis[p]!;
          const along = dot(b, q);
          upper[kept[p]!]![k]! += along;
          for (let j = 0; j < n; j++) q[j]! -= along * b[j]!;
        }
        left = norm(q);
      } while (left < CANCELLED * before && left > DEPENDENT * size);
      if (!(left > DEPENDENT * size)) continue;
      upper[k]![k] = left;
      for (let j = 0; j < n; j++) q[j]! /= left;
      basis.push(q);
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
