import { sparseCholesky } from '../numerics/sparse-cholesky.ts';
import { gramComplement } from '../numerics/sparse-matrix.ts';
import type { Ascent } from './ascent.ts';
import { LbfgsAscent } from './lbfgs.ts';
import type { SemiDual, SemiDualPoint } from './semi-dual.ts';

/** Entries of the plan below this share of their row's or column's mass are left out of the preconditioner. */
const KEEP = 1e-4;
/** Entries a row above which the plan is not sparse. */
const DENSEST = 100;
/** Entries a row up to which a factor is cheap enough to try at once. */
const FEW = 8;
/** Keeps the factor positive definite; constants are in the null space. */
const SHIFT = 1e-9;
/** Multiplications of a factorisation that take as long as one pass over one entry of the kernel. */
const FLOPS_AN_ENTRY = 0.2;
/** Longest step of a component, in units of ε. */
const LONGEST = 12;
/** Curvature below this share of Σ c d² is rounding. */
const FLATNESS = 1e-15;
/** Steps of conjugate gradients: at the most, and above which the factor is renewed. */
const CG_STEPS = 60;
const CG_SLOW = 25;
/** L-BFGS steps before its rate is judged, over how many, and passes it must still need. */
const TRIAL = 60;
const WINDOW = 30;
const TOO_MANY = 150;
/** L-BFGS crawls when it is this much slower than it has been. */
const CRAWL = 0.35;
/** Passes that a forecast is believed in at the most. */
const MOST_LEFT = 400;
/** Newton steps that may fail to halve the error, one after the other. */
const PATIENCE = 8;
/** L-BFGS steps after which Newton may be tried again although the error did not fall. */
const PAUSE = 200;
/** Newton starts below this error. */
const NEAR = 0.1;

/**
 * L-BFGS, and where it crawls on a nearly sparse plan, Newton's method: conjugate gradients on the exact Hessian
 * diag(c) − Pᵀ diag(1/a) P, preconditioned by a frozen Cholesky factor of the truncated plan's, with the mass that truncation drops left
 * on the diagonal. Steps that do not halve the error give the problem back to L-BFGS, which then has to gain a factor of ten.
 *
 * @see [tang2024]
 */
export class NewtonAscent implements Ascent {
  private readonly lbfgs: LbfgsAscent;
  private readonly dual: SemiDual;
  private readonly tolerance: number;
  private readonly inverseA: Float64Array;
  private readonly vectors: readonly Float64Array[];
  private precondition: ((r: Float64Array, out: Float64Array) => void) | undefined;
  private newton = false;
  /** Errors of the last L-BFGS steps. */
  private recent: number[] = [];
  /** Newton may start below this error; 0 when the plan cannot be factored. */
  private enter = NEAR;
  private best = 0;
  private idle = 0;
  private used = false;
  /** Multiplications that a factor may cost. */
  private budget = 0;
  private densest = DENSEST;
  private refused = false;
  /** The error below which the entries of the plan are counted. */
  private promising = NEAR;

  constructor(dual: SemiDual, tolerance: number) {
    const { engine } = dual.kernel;
    this.dual = dual;
    this.tolerance = tolerance;
    this.lbfgs = new LbfgsAscent(dual);
    const { weights, count } = dual.source;
    this.inverseA = engine.f64(weights.length);
    for (let i = 0; i < count; i++) this.inverseA[i] = 1 / weights[i]!;
    this.vectors = Array.from({ length: 5 }, () => engine.f64(dual.target.weights.length));
  }

  /** Bytes of the arrays above. */
  static bytes(height: number, width: number): number {
    return LbfgsAscent.bytes(height, width) + 8 * (height + 5 * width) + 6 * 64;
  }

  get point(): SemiDualPoint {
    return this.lbfgs.point;
  }

  get name(): string {
    return this.used ? 'newton' : 'lbfgs';
  }

  restart(anew: boolean): void {
    this.lbfgs.restart(anew);
    this.precondition = undefined;
    this.promising = NEAR;
    this.recent = [];
    this.enter = NEAR;
    if (!anew) return;
    this.newton = false;
    this.used = false;
    this.refused = false;
  }

  step(): void {
    if (this.newton) this.newtonStep();
    else {
      this.lbfgs.step();
      this.consider();
    }
  }

  /** Starts Newton where L-BFGS would need many more steps at its present rate. */
  private consider(): void {
    const { recent, point, tolerance } = this;
    recent.push(point.error);
    if (recent.length > PAUSE) this.enter = NEAR;
    if (point.error <= Math.min(this.enter, this.promising) && point.error > tolerance) {
      // A plan of few entries a row is cheap to try; it may become one as the error falls.
      this.promising = point.error / 10;
      if (this.start(FEW, FLOPS_AN_ENTRY * 100)) return;
    }
    if (this.refused || recent.length <= TRIAL || point.error > this.enter || this.dual.kernel.sparsePlan === undefined) return;
    const rate = Math.log(recent[recent.length - 1 - WINDOW]! / point.error) / WINDOW;
    const left = Math.log(point.error / tolerance);
    const passes = left / Math.max(rate, 1e-9);
    if (passes < TOO_MANY || rate > CRAWL * (Math.log(recent[0]! / point.error) / recent.length)) return;
    // What cannot be factored now will not be sparser later.
    this.refused = !this.start(DENSEST, FLOPS_AN_ENTRY * Math.min(passes, MOST_LEFT));
  }

  /** Factors the truncated plan and changes to Newton; false when it has more entries a row or costs more flops a pair. */
  private start(entries: number, flops: number): boolean {
    this.densest = entries;
    this.budget = flops * this.dual.source.count * this.dual.target.count;
    this.precondition = this.factor();
    if (this.precondition === undefined) return false;
    this.newton = true;
    this.used = true;
    this.best = this.point.error;
    this.idle = 0;
    return true;
  }

  /** Hands the problem back to L-BFGS. */
  private giveUp(): void {
    this.newton = false;
    this.enter = this.point.error / 10;
    this.recent = [];
    this.lbfgs.restart(true);
  }

  private newtonStep(): void {
    const { lbfgs } = this;
    const { point } = lbfgs;
    const wild = lbfgs.largestRatio() > 2;
    if (wild || this.idle >= PATIENCE) {
      this.giveUp();
      return;
    }
    this.precondition ??= this.factor();
    if (this.precondition === undefined) {
      this.giveUp();
      return;
    }
    const { x, steps, slope } = this.solve(this.precondition);
    let t = slope > 0 ? 1 : 0;
    let moved = false;
    for (let tries = 0; tries < 6 && t > 0 && !moved; tries++) {
      const trial = lbfgs.trial(x, t);
      moved = trial.value >= point.value + 1e-4 * t * slope || trial.error < point.error * (1 - 0.1 * t);
      if (moved) lbfgs.accept();
      else t *= 0.3;
    }
    if (!moved) lbfgs.sinkhornStep();
    const { error } = lbfgs.point;
    if (error < this.best / 2) {
      this.best = error;
      this.idle = 0;
    } else this.idle++;
    if (steps >= CG_SLOW || t < 1) this.precondition = undefined;
  }

  /** x = H⁻¹(b − c) by preconditioned conjugate gradients, and the slope of the dual along it. Constants are taken out: they move nothing. */
  private solve(precondition: (r: Float64Array, out: Float64Array) => void): { x: Float64Array; steps: number; slope: number } {
    const { dual, point } = this;
    const { target, kernel } = dual;
    const { c, F, G } = point;
    const [x, r, z, d, Hd] = this.vectors as [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array];
    const count = target.count;
    const mass = total(c, count);
    const centre = (v: Float64Array): void => {
      let mean = 0;
      for (let j = 0; j < count; j++) mean += v[j]! * c[j]!;
      mean /= mass;
      for (let j = 0; j < count; j++) v[j]! -= mean;
    };
    const balance = (v: Float64Array): void => {
      const excess = total(v, count) / mass;
      for (let j = 0; j < count; j++) v[j]! -= excess * c[j]!;
    };
    const size = (): number => {
      let sum = 0;
      for (let j = 0; j < count; j++) sum += (r[j]! * r[j]!) / c[j]!;
      return Math.sqrt(sum);
    };
    x.fill(0);
    for (let j = 0; j < count; j++) r[j] = point.wanted[j]! - c[j]!;
    balance(r);
    precondition(r, z);
    centre(z);
    d.set(z);
    let rz = inner(r, z, count);
    const goal = Math.min(0.1, Math.max(Math.sqrt(point.error), 1e-5)) * size();
    let steps = 0;
    while (steps < CG_STEPS) {
      steps++;
      kernel.gram(F, G, this.inverseA, d, Hd);
      for (let j = 0; j < count; j++) Hd[j] = c[j]! * d[j]! - Hd[j]!;
      const curvature = inner(d, Hd, count);
      // Clusters without any flow between them: along their shift the dual is a straight line, to rounding.
      if (!(curvature > FLATNESS * weightedSquares(c, d, count))) {
        if (steps === 1) {
          const scale = LONGEST / largest(d, count);
          for (let j = 0; j < count; j++) x[j] = scale * d[j]!;
          return { x, steps, slope: this.slopeAlong(x) };
        }
        break;
      }
      const alpha = rz / curvature;
      for (let j = 0; j < count; j++) {
        x[j]! += alpha * d[j]!;
        r[j]! -= alpha * Hd[j]!;
      }
      if (size() <= goal) break;
      balance(r);
      precondition(r, z);
      centre(z);
      const before = rz;
      rz = inner(r, z, count);
      for (let j = 0; j < count; j++) d[j] = z[j]! + (rz / before) * d[j]!;
    }
    // A cluster tied to the rest by too little mass asks for an enormous shift: the exponential makes much less of it enough.
    // (φ eˢ = b is solved by s = log(1 + x), x = b/φ − 1 Newton's step.)
    for (let j = 0; j < count; j++) {
      const move = Math.abs(x[j]!);
      if (move > 1) x[j] = Math.sign(x[j]!) * Math.min(LONGEST, 1 + Math.log(move));
    }
    return { x, steps, slope: this.slopeAlong(x) };
  }

  private slopeAlong(x: Float64Array): number {
    const { wanted, c } = this.point;
    let slope = 0;
    for (let j = 0; j < this.dual.target.count; j++) slope += (wanted[j]! - c[j]!) * x[j]!;
    return slope;
  }

  /** The inverse of the truncated Hessian; undefined when the plan is too dense or the factor singular. */
  private factor(): ((r: Float64Array, out: Float64Array) => void) | undefined {
    const { dual, point } = this;
    const { source, target, kernel } = dual;
    const Q = kernel.sparsePlan?.(point.F, point.G, KEEP, this.densest * source.count);
    if (Q === undefined) return undefined;
    // Divided by masses that the kept entries cannot exceed, so that rounding in single precision cannot make the matrix indefinite.
    const kept = { rows: new Float64Array(Q.rows), columns: new Float64Array(Q.columns) };
    const visit = (use: (i: number, p: number) => void): void => {
      for (let i = 0; i < Q.rows; i++) for (let p = Q.pointers[i]!; p < Q.pointers[i + 1]!; p++) use(i, p);
    };
    visit((i, p) => {
      kept.rows[i]! += Q.values[p]!;
      kept.columns[Q.indices[p]!]! += Q.values[p]!;
    });
    const rowRoot = kept.rows.map((sum, i) => Math.sqrt(Math.max(sum, source.weights[i]!)));
    const root = kept.columns.map((sum, j) => Math.sqrt(Math.max(sum, point.c[j]!)));
    visit((i, p) => {
      Q.values[p]! /= rowRoot[i]! * root[Q.indices[p]!]!;
    });
    const A = gramComplement(Q, SHIFT, this.budget);
    const cholesky = A === undefined ? undefined : sparseCholesky(A, { maxFlops: this.budget });
    if (cholesky === undefined) return undefined;
    const work = new Float64Array(target.count);
    return (r, out) => {
      for (let j = 0; j < work.length; j++) work[j] = r[j]! / root[j]!;
      cholesky.solve(work, work);
      for (let j = 0; j < work.length; j++) out[j] = work[j]! / root[j]!;
    };
  }
}

function inner(x: Float64Array, y: Float64Array, count: number): number {
  let sum = 0;
  for (let j = 0; j < count; j++) sum += x[j]! * y[j]!;
  return sum;
}

/** Σ c d². */
function weightedSquares(c: Float64Array, d: Float64Array, count: number): number {
  let sum = 0;
  for (let j = 0; j < count; j++) sum += c[j]! * d[j]! * d[j]!;
  return sum;
}

function total(x: Float64Array, count: number): number {
  let sum = 0;
  for (let j = 0; j < count; j++) sum += x[j]!;
  return sum;
}

function largest(x: Float64Array, count: number): number {
  let top = 0;
  for (let j = 0; j < count; j++) top = Math.max(top, Math.abs(x[j]!));
  return top;
}
