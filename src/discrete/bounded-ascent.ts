import type { Iteration } from '../numerics/iterate.ts';
import type { LevelRecord } from './level-record.ts';
import type { Level } from './scaling-schedule.ts';

/** A point on a concave function φ, with all that an ascent needs to know about it. */
export interface ConcavePoint {
  readonly z: Float64Array;
  /** ∇φ. */
  readonly gradient: Float64Array;
  /** About −∂²φ/∂z_j², positive. */
  readonly curvature: Float64Array;
  /** A step that is known to climb: one iteration of the plain method. */
  readonly plain: Float64Array;
  value: number;
  error: number;
}

/** A concave function in units of ε, on z ≤ 0 where `bounded`. */
export interface ConcaveFunction {
  readonly size: number;
  readonly bounded: boolean;
  setLevel(epsilon: number): void;
  /** Fills in the rest of a point whose z is set. */
  evaluate(point: ConcavePoint): void;
}

const MEMORY = 40;
/** A component whose plain step is longer takes it: curvature says nothing that far away. */
const WILD = 2;
/** Longest step of a component. */
const LONGEST = 6;
/** Below this error the function is flat to rounding, and the error itself is compared. */
const FLAT = 1e-5;
const WARM_UP = 30;

/** One pair of L-BFGS: a step and the change of the gradient, turned round. */
interface Pair {
  readonly s: Float64Array;
  readonly y: Float64Array;
}

/**
 * L-BFGS for a smooth concave function, without bounds or on z ≤ 0: components at 0 that want to rise stay there, the pairs are restricted
 * to the others, and trial points are projected. Steps that fail fall back on the plain method, which always climbs.
 *
 * @see [liu1989] [bertsekas1982]
 */
export class BoundedAscent implements Climber {
  readonly name = 'bounded-lbfgs';
  point: ConcavePoint;
  private spare: ConcavePoint;
  private pairs: Pair[] = [];
  private warmUp = WARM_UP;
  private readonly phi: ConcaveFunction;

  constructor(phi: ConcaveFunction) {
    this.phi = phi;
    this.point = allocate(phi.size);
    this.spare = allocate(phi.size);
  }

  /** Evaluates the point after z or the level was changed from outside. */
  restart(): void {
    this.pairs = [];
    this.warmUp = WARM_UP;
    this.phi.evaluate(this.point);
  }

  step(): void {
    if (this.pairs.length > 0 && this.quasiNewtonStep()) return;
    this.pairs = [];
    this.plainStep();
  }

  private plainStep(): void {
    const { point } = this;
    this.trial(point.plain, 1);
    if (this.warmUp > 0 && largest(point.plain) > WILD) {
      this.warmUp--;
      this.swap();
    } else this.accept();
  }

  private quasiNewtonStep(): boolean {
    const { point, phi } = this;
    const { z, gradient, plain, value } = point;
    const free = (j: number): boolean => !(phi.bounded && z[j]! >= 0 && gradient[j]! >= 0);
    const direction = this.direction(free);
    let slope = 0;
    let longest = 0;
    for (let j = 0; j < phi.size; j++) {
      const safe = plain[j]!;
      let move = direction[j]!;
      if (Math.abs(safe) > WILD || !(Math.abs(move) <= 2 * WILD + 2 * Math.abs(safe))) move = safe;
      if (!free(j)) move = 0;
      direction[j] = move;
      slope += gradient[j]! * move;
      longest = Math.max(longest, Math.abs(move));
    }
    if (!(slope > 0)) return false;
    const rounding = 1e-15 * Math.abs(value);
    let t = Math.min(1, LONGEST / longest);
    for (let tries = 0; tries < 8; tries++, t *= 0.4) {
      const { spare } = this;
      this.trial(direction, t);
      let gain = 0;
      for (let j = 0; j < phi.size; j++) gain += gradient[j]! * (spare.z[j]! - z[j]!);
      const climbs = spare.value >= value + 1e-4 * gain - rounding;
      if (climbs || (point.error < FLAT && spare.error < 1.5 * point.error)) {
        this.accept();
        return true;
      }
    }
    return false;
  }

  /** The two loops of L-BFGS on the free components. */
  private direction(free: (j: number) => boolean): Float64Array {
    const { gradient, curvature } = this.point;
    const { size } = this.phi;
    const d = new Float64Array(size);
    const mask = new Uint8Array(size);
    for (let j = 0; j < size; j++) if (free(j)) mask[j] = 1;
    for (let j = 0; j < size; j++) d[j] = mask[j]! * gradient[j]!;
    const dot = (x: Float64Array, y: Float64Array): number => {
      let sum = 0;
      for (let j = 0; j < size; j++) sum += mask[j]! * x[j]! * y[j]!;
      return sum;
    };
    const used = this.pairs
      .map(({ s, y }) => ({ s, y, sy: dot(s, y), alpha: 0 }))
      .filter(({ s, y, sy }) => sy > 1e-12 * Math.sqrt(dot(s, s) * dot(y, y)));
    for (const pair of used) {
      pair.alpha = dot(pair.s, d) / pair.sy;
      for (let j = 0; j < size; j++) d[j]! -= pair.alpha * pair.y[j]!;
    }
    let scale = 1;
    const newest = used[0];
    if (newest !== undefined) {
      let yHy = 0;
      for (let j = 0; j < size; j++) yHy += (mask[j]! * newest.y[j]! ** 2) / curvature[j]!;
      scale = newest.sy / yHy;
    }
    for (let j = 0; j < size; j++) d[j]! *= (mask[j]! * scale) / curvature[j]!;
    for (const pair of used.reverse()) {
      const beta = pair.alpha - dot(pair.y, d) / pair.sy;
      for (let j = 0; j < size; j++) d[j]! += beta * mask[j]! * pair.s[j]!;
    }
    return d;
  }

  /** Evaluates the spare point t along a direction, projected. */
  private trial(direction: Float64Array, t: number): void {
    const { phi, point, spare } = this;
    for (let j = 0; j < phi.size; j++) {
      const z = point.z[j]! + t * direction[j]!;
      spare.z[j] = phi.bounded ? Math.min(0, z) : z;
    }
    phi.evaluate(spare);
  }

  private accept(): void {
    const { point, spare, phi } = this;
    const old = this.pairs.length === MEMORY ? this.pairs.pop() : undefined;
    const { s, y } = old ?? { s: new Float64Array(phi.size), y: new Float64Array(phi.size) };
    let sy = 0;
    for (let j = 0; j < phi.size; j++) {
      s[j] = spare.z[j]! - point.z[j]!;
      y[j] = point.gradient[j]! - spare.gradient[j]!;
      sy += s[j]! * y[j]!;
    }
    if (sy > 0) this.pairs.unshift({ s, y });
    this.swap();
  }

  private swap(): void {
    [this.point, this.spare] = [this.spare, this.point];
  }
}

function allocate(size: number): ConcavePoint {
  const vector = (): Float64Array => new Float64Array(size);
  return { z: vector(), gradient: vector(), curvature: vector().fill(1), plain: vector(), value: 0, error: Number.POSITIVE_INFINITY };
}

function largest(values: Float64Array): number {
  let top = 0;
  for (const v of values) top = Math.max(top, Math.abs(v));
  return top;
}

/** What climbs through the levels of a schedule: at each it is given z, in units of ε. */
export interface Climber {
  /** How `stats` names it. */
  readonly name: string;
  readonly point: { readonly z: Float64Array; readonly error: number };
  restart(): void;
  step(): void;
}

/** A climb under way. */
export interface ClimbState {
  level: number;
  error: number;
  /** What was done at each level. */
  readonly levels: LevelRecord[];
}

/** Share of the tolerance at which the true error is computed. */
const SAFETY = 0.9;

/**
 * Climbs through the levels of a schedule; only the error that `check` recomputes counts as converged. `carry` takes z to another ε, given
 * the ratio of the old one to the new; potentials divided by ε are multiplied by it.
 */
export function climb(
  path: string,
  climber: Climber,
  setLevel: (epsilon: number) => void,
  schedule: readonly Level[],
  tolerance: number,
  check: () => number,
  carry: (z: Float64Array, ratio: number) => void = scale,
): Iteration<ClimbState> {
  const last = schedule.length - 1;
  const enter = (state: ClimbState): void => {
    const { epsilon, precision } = schedule[state.level]!;
    const before = schedule[state.level - 1]?.epsilon ?? epsilon;
    const { z } = climber.point;
    if (epsilon !== before) carry(z, before / epsilon);
    setLevel(epsilon);
    climber.restart();
    state.levels.push({ epsilon, method: climber.name, precision, steps: 0, error: climber.point.error });
  };
  const judge = (state: ClimbState): ClimbState => {
    const { error } = climber.point;
    const record = state.levels.at(-1)!;
    record.error = error;
    record.method = climber.name;
    // Only the recomputed error may end the solve.
    state.error = Math.max(error, state.level === last ? tolerance * (1 + 1e-9) : 2 * tolerance);
    if (state.level === last && error <= SAFETY * tolerance) state.error = check();
    return state;
  };
  return {
    path,
    initial() {
      const state: ClimbState = { level: 0, error: Number.POSITIVE_INFINITY, levels: [] };
      enter(state);
      return judge(state);
    },
    step(state) {
      const level = schedule[state.level]!;
      const record = state.levels.at(-1)!;
      if (state.level < last && (climber.point.error <= level.tolerance || record.steps >= level.maxSteps)) {
        state.level++;
        enter(state);
      } else {
        climber.step();
        record.steps++;
      }
      return judge(state);
    },
    error: (state) => state.error,
  };
}

function scale(z: Float64Array, ratio: number): void {
  for (let j = 0; j < z.length; j++) z[j]! *= ratio;
}
