import { type Ascent, type Patience, SMALL_STEPS, translation } from './ascent.ts';
import type { SemiDual, SemiDualPoint } from './semi-dual.ts';

/** A column whose sum is off by more than e² takes Sinkhorn's step: curvature says nothing that far away. */
const WILD = 2;
/** Eight units in the last place of all mass: an error below has no curvature to learn from, and Sinkhorn's step keeps it there. */
const NOISE = 2 ** -49;
/** Longest step of a component, in units of ε. */
const LONGEST = 6;

/**
 * Pairs to remember for so many columns. Near the answer a plan has as many slow directions as memory can hold, but a pair costs what four
 * rows of the kernel cost: a hundred or a fortieth of the columns, and beyond forty never above 64 MB.
 */
function memoryFor(width: number): number {
  return Math.max(40, Math.floor(Math.min(Math.max(100, width / 40), 4e6 / width)));
}

/**
 * L-BFGS on the semi-dual with the safeguards that make it work on weights over 12 decades, duplicated points and tiny ε: Sinkhorn steps
 * until every column is within a factor e² and for single columns that are not, the initial Hessian 1/max(b, c), steps of at most 6ε and
 * Armijo's rule on the dual. What fails restarts with a Sinkhorn step, which always climbs.
 *
 * @see [liu1989] [blondel2018] [hager2005]
 */
export class LbfgsAscent implements Ascent {
  readonly name: string = 'lbfgs';
  readonly patience: Patience = SMALL_STEPS;
  point: SemiDualPoint;
  private spare: SemiDualPoint;
  private readonly dual: SemiDual;
  private readonly S: Float64Array;
  private readonly Y: Float64Array;
  private readonly rho: Float64Array;
  private readonly direction: Float64Array;
  private newest = -1;
  private pairs = 0;
  /** Plain steps left before the first pair is taken. */
  private warmUp = 30;

  constructor(dual: SemiDual) {
    const { engine } = dual.kernel;
    const width = dual.target.weights.length;
    const memory = memoryFor(width);
    this.dual = dual;
    this.point = dual.allocate();
    this.spare = dual.allocate();
    this.S = engine.f64(memory * width);
    this.Y = engine.f64(memory * width);
    this.rho = engine.f64(memory);
    this.direction = engine.f64(width);
  }

  /** Bytes of the arrays above. */
  static bytes(height: number, width: number): number {
    const memory = memoryFor(width);
    return 8 * (2 * memory * width + width + 2 * (4 * width + height) + memory) + 17 * 64;
  }

  restart(anew: boolean): void {
    if (anew) {
      this.pairs = 0;
      this.warmUp = 30;
    }
    this.dual.evaluate(this.point);
  }

  step(): void {
    if (this.pairs === 0 || this.point.error < NOISE) this.sinkhornStep();
    else if (!this.quasiNewtonStep()) this.pairs = 0;
  }

  /** max|log(wanted/c)|. */
  largestRatio(): number {
    let top = 0;
    for (let j = 0; j < this.dual.target.count; j++) top = Math.max(top, Math.abs(this.point.logRatio[j]!));
    return top;
  }

  /** Evaluates the point a step t along a direction, without moving there; `accept` moves. */
  trial(direction: Float64Array, t: number): SemiDualPoint {
    const { dual, point, spare } = this;
    dual.kernel.engine.along(point.G, t, direction, spare.G);
    spare.G.fill(0, dual.target.count);
    dual.evaluate(spare);
    return spare;
  }

  sinkhornStep(): void {
    const { dual, point, spare } = this;
    const shift = translation(dual, point);
    let largest = 0;
    for (let j = 0; j < dual.target.count; j++) {
      const move = dual.tau * point.logRatio[j]!;
      spare.G[j] = point.G[j]! + move - shift;
      largest = Math.max(largest, Math.abs(move));
    }
    dual.evaluate(spare);
    if (this.warmUp > 0 && largest > WILD) {
      this.warmUp--;
      this.swap();
    } else this.accept();
  }

  /** False when the line search finds nothing better. */
  private quasiNewtonStep(): boolean {
    const { dual, point, spare, direction, S, Y, rho, newest } = this;
    const { engine } = dual.kernel;
    engine.lbfgsDirection({ S, Y, rho, newest, count: this.pairs }, point, direction);
    const { slope, longest } = engine.guardStep(direction, point, dual.tau, WILD);
    if (!(slope < 0)) return false;
    let t = Math.min(1, LONGEST / longest);
    // Where the gain expected is below the rounding of the dual, the slope along the step is compared, as Hager and Zhang do.
    const rounding = dual.valueRounding(point);
    for (let tries = 0; tries < 8; tries++, t *= 0.4) {
      this.trial(direction, t);
      const flat = -t * slope < 10 * rounding;
      if (flat ? this.slopeAtTrial(direction) <= -0.8 * slope : spare.value >= point.value - 1e-4 * t * slope - rounding) {
        this.accept();
        return true;
      }
    }
    return false;
  }

  /** The dual's slope along a direction at the trial point. */
  private slopeAtTrial(direction: Float64Array): number {
    const { c, wanted } = this.spare;
    let slope = 0;
    for (let j = 0; j < this.dual.target.count; j++) slope += (c[j]! - wanted[j]!) * direction[j]!;
    return slope;
  }

  /** Moves to the spare point and remembers the pair when its curvature is positive. */
  accept(): void {
    const { point, spare, dual, S, Y } = this;
    const width = point.G.length;
    const memory = this.rho.length;
    const row = (this.newest + 1) % memory;
    const [s, y] = [S.subarray(row * width, (row + 1) * width), Y.subarray(row * width, (row + 1) * width)];
    const { sy, ss, yy } = dual.kernel.engine.secantPair(spare, point, s, y);
    if (sy > 1e-12 * Math.sqrt(ss * yy)) {
      this.newest = row;
      this.rho[row] = 1 / sy;
      this.pairs = Math.min(memory, this.pairs + 1);
    } else this.pairs = Math.min(memory - 1, this.pairs); // The row that was written to was the oldest pair's.
    this.swap();
  }

  private swap(): void {
    [this.point, this.spare] = [this.spare, this.point];
  }
}
