import type { Ascent, Patience } from './ascent.ts';
import { LbfgsAscent } from './lbfgs.ts';
import { NewtonSystem } from './newton-direction.ts';
import type { SemiDual, SemiDualPoint } from './semi-dual.ts';
import { type FactorLimits, type Preconditioner, truncatedHessian } from './truncated-hessian.ts';

/** A plan that is not sparse has more entries a row than this; of the others a factor keeps the large ones, for each costs much fill. */
const SPARSE = { keep: 3e-3, entries: 100 };
/** Up to so many entries a row a factor is cheap enough to try at once, and to keep weak links between clusters. */
const FEW = { keep: 1e-4, entries: 8 };
/** Multiplications of a factorisation that take as long as one pass over one entry of the kernel. */
const FLOPS_AN_ENTRY = 0.2;
/** A factor that is a Newton step older takes this many times the steps of conjugate gradients, a new one takes FRESH. */
const AGEING = 5;
const FRESH = 3;
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
const NEWTON_PATIENCE: Patience = { share: 0.5, steps: 3 };
/** L-BFGS steps after which Newton may be tried again although the error did not fall. */
const PAUSE = 200;
/** Newton starts below this error. */
const NEAR = 0.1;
/** The plan's entries are counted again when the error has fallen by this factor. */
const FALL = 30;

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
  private readonly sharp: boolean;
  private readonly epsilon: number;
  private readonly system: NewtonSystem;
  private precondition: Preconditioner | undefined;
  private newton = false;
  /** Errors of the last L-BFGS steps. */
  private recent: number[] = [];
  /** Newton may start below this error; 0 when the plan cannot be factored. */
  private enter = NEAR;
  private best = 0;
  private idle = 0;
  private used = false;
  /** What a factor may cost. */
  private limits: FactorLimits = { ...FEW, flops: 0 };
  private refused = false;
  /** The error below which the entries of the plan are counted. */
  private promising = NEAR;

  /** `epsilon`: the last one, coarser plans are left to L-BFGS; `sharp`: so small that the plan may have few entries a row. */
  constructor(dual: SemiDual, tolerance: number, { epsilon, sharp }: { readonly epsilon: number; readonly sharp: boolean }) {
    this.sharp = sharp;
    this.epsilon = epsilon;
    this.dual = dual;
    this.tolerance = tolerance;
    this.lbfgs = new LbfgsAscent(dual);
    this.system = new NewtonSystem(dual);
  }

  /** Bytes of the arrays above. */
  static bytes(height: number, width: number): number {
    return LbfgsAscent.bytes(height, width) + NewtonSystem.bytes(height, width);
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

  /** Newton's steps halve the error, or single precision lets them go no further. */
  get patience(): Patience {
    return this.newton ? NEWTON_PATIENCE : this.lbfgs.patience;
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
    if (this.dual.epsilon !== this.epsilon) return;
    recent.push(point.error);
    if (recent.length > PAUSE) this.enter = NEAR;
    if (this.sharp && point.error <= Math.min(this.enter, this.promising) && point.error > tolerance) {
      // A plan of few entries a row is cheap to try; it may become one as the error falls.
      this.promising = point.error / FALL;
      if (this.start(FEW, FLOPS_AN_ENTRY * 100)) return;
    }
    if (this.refused || recent.length <= TRIAL || point.error > this.enter || this.dual.kernel.sparsePlan === undefined) return;
    const rate = Math.log(recent[recent.length - 1 - WINDOW]! / point.error) / WINDOW;
    const left = Math.log(point.error / tolerance);
    const passes = left / Math.max(rate, 1e-9);
    if (passes < TOO_MANY || rate > CRAWL * (Math.log(recent[0]! / point.error) / recent.length)) return;
    // What cannot be factored now will not be sparser later.
    this.refused = !this.start(SPARSE, FLOPS_AN_ENTRY * Math.min(passes, MOST_LEFT));
  }

  /** Factors the truncated plan and changes to Newton; false when it has more entries a row or costs more flops a pair. */
  private start(kept: typeof FEW, flops: number): boolean {
    this.limits = { ...kept, flops: flops * this.dual.source.count * this.dual.target.count };
    this.precondition = truncatedHessian(this.dual, this.point, this.limits);
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
    this.precondition ??= truncatedHessian(this.dual, point, this.limits);
    if (this.precondition === undefined) {
      this.giveUp();
      return;
    }
    const { x, steps, slope } = this.system.solve(point, this.precondition);
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
    if (AGEING * steps > FRESH + this.precondition.passes || t < 1) this.precondition = undefined;
  }
}
