import { largestRitzPair } from '../numerics/lanczos.ts';
import { randomSource } from '../numerics/random.ts';
import type { MovingPoints, Placement } from './moving-points.ts';

/** Pairs remembered. */
const MEMORY = 20;
/** Plain moves before the first quasi-Newton step, which far from rest may end in another valley. */
const PLAIN = 5;
/** Armijo's share of the descent expected. */
const ARMIJO = 1e-4;
const HALVINGS = 8;
/** Growth of the error at which a move between places of equal objective is taken back. */
const GROWTH = 1.5;
/** Products with the derivative of the map in a test for saddles. */
const PRODUCTS = 16;
/** A direction grows when its eigenvalue exceeds 1 by more than this. */
const MARGIN = 1e-3;
/** Steps from a saddle to be tried, relative to the spread. */
const ESCAPES = [0.2, 0.05, 0.0125, 0.003];

/** One pair of L-BFGS: a step and the change of the gradient. */
interface Pair {
  readonly s: Float64Array;
  readonly y: Float64Array;
  readonly sy: number;
}

/** What a descent is told. */
export interface DescentOptions {
  readonly tolerance: number;
  /** The step of finite differences, relative to the spread. */
  readonly nudge: number;
  /** Whether the map has a derivative; otherwise only plain moves are taken. */
  readonly smooth: boolean;
}

/**
 * Moves points downhill: by L-BFGS on the objective, whose gradient is 2 · weight · scale times z − T(z), where that descends, otherwise by the
 * plain move z → T(z). Where they rest, the largest eigenvalue of T' = 1 − ∇²/(2 · weight · scale) says whether a nudge would grow, above 1:
 * then this is a saddle, and the points go on along its eigenvector. Points that have met part again this way.
 *
 * @see [liu1989]
 */
export class DescentOfPoints {
  point: Placement;
  /** Whether the test for saddles has been passed here. */
  stable = false;
  private readonly map: MovingPoints;
  private readonly options: DescentOptions;
  private pairs: Pair[] = [];
  private plain = PLAIN;

  constructor(map: MovingPoints, start: Float64Array, options: DescentOptions) {
    this.map = map;
    this.options = options;
    this.point = map.at(start);
    this.stable = !options.smooth;
  }

  step(): void {
    if (this.point.error <= this.options.tolerance) this.leave();
    else if (!this.quasiNewton()) this.descend();
  }

  private quasiNewton(): boolean {
    const { point, map, pairs } = this;
    if (this.plain-- > 0 || pairs.length === 0) return false;
    const residual = difference(point.image, point.z);
    const direction = this.direction(residual);
    const slope = map.inner(residual, direction);
    const longest = Math.sqrt(map.inner(direction, direction) / point.marginal.points.count);
    if (!(slope > 0)) return false;
    let t = Math.min(1, map.spread / longest);
    for (let tries = 0; tries < 3; tries++, t *= 0.3) {
      const next = map.at(along(point.z, t, direction), point);
      if (this.rises(next, ARMIJO * t * slope)) continue;
      this.accept(next);
      return true;
    }
    this.pairs = [];
    return false;
  }

  /** The two loops of L-BFGS in units where the plain move is minus the gradient. */
  private direction(residual: Float64Array): Float64Array {
    const { map } = this;
    const d = residual.slice();
    const alphas = this.pairs.map(({ s, y, sy }) => {
      const alpha = map.inner(s, d) / sy;
      for (let p = 0; p < d.length; p++) d[p]! -= alpha * y[p]!;
      return alpha;
    });
    const { y, sy } = this.pairs[0]!;
    const scale = sy / map.inner(y, y);
    for (let p = 0; p < d.length; p++) d[p]! *= scale;
    for (let k = this.pairs.length - 1; k >= 0; k--) {
      const pair = this.pairs[k]!;
      const beta = alphas[k]! - map.inner(pair.y, d) / pair.sy;
      for (let p = 0; p < d.length; p++) d[p]! += beta * pair.s[p]!;
    }
    return d;
  }

  private descend(): void {
    const { point, map } = this;
    const move = difference(point.image, point.z);
    for (let t = 1, tries = 0; ; t /= 2, tries++) {
      const next = map.at(along(point.z, t, move), point);
      if (tries < HALVINGS && this.rises(next, 0)) continue;
      this.accept(next);
      return;
    }
  }

  private accept(next: Placement): void {
    const { point, map } = this;
    const s = difference(next.z, point.z);
    const y = difference(difference(point.image, point.z), difference(next.image, next.z));
    const sy = map.inner(s, y);
    if (sy > 1e-12 * Math.sqrt(map.inner(s, s) * map.inner(y, y))) this.pairs = [{ s, y, sy }, ...this.pairs.slice(0, MEMORY - 1)];
    this.point = next;
  }

  /** Whether a move falls short of the gain asked for; where that is less than the objectives are known to, whether the error grows. */
  private rises(next: Placement, gain: number): boolean {
    const { objective, slack, error } = this.point;
    const unsure = next.slack + slack;
    const flat = Math.abs(next.objective - objective) <= unsure;
    return flat ? !(next.error <= GROWTH * error) : !(next.objective <= objective - this.map.unit * gain + unsure);
  }

  /** Leaves a saddle, or finds that this is none. */
  private leave(): void {
    const { map, point, options } = this;
    const rootCount = Math.sqrt(point.marginal.points.count);
    const h = options.nudge * map.spread * rootCount;
    // T' is symmetric in the inner product by weight.
    const product = (v: Float64Array): Float64Array =>
      map.symmetric(
        difference(map.at(along(point.z, h, map.symmetric(v, -1)), point).image, point.image).map((change) => change / h),
        1,
      );
    const { value, vector } = largestRitzPair(product, randomSource(1).fillNormal(new Float64Array(point.z.length)), PRODUCTS);
    this.stable = true;
    if (!(value > 1 + MARGIN)) return;
    for (const escape of ESCAPES) {
      for (const sign of [1, -1]) {
        const next = map.at(along(point.z, sign * escape * map.spread * rootCount, map.symmetric(vector, -1)), point);
        if (!(next.objective < point.objective - next.slack - point.slack)) continue;
        this.pairs = [];
        this.plain = PLAIN;
        this.point = next;
        this.stable = false;
        return;
      }
    }
  }
}

function difference(x: Float64Array, y: Float64Array): Float64Array {
  return x.map((v, p) => v - y[p]!);
}

/** z + t d. */
function along(z: Float64Array, t: number, d: Float64Array): Float64Array {
  return z.map((v, p) => v + t * d[p]!);
}
