import { sortedOrder } from '../numerics/sorted-order.ts';
import type { SortedSolution } from './line-transport.ts';
import { PlanBuilder } from './plan-entries.ts';
import type { PlanEntries } from './transport-plan.ts';

/** Bisections after which neighbouring doubles are reached, whatever the masses. */
const MAX_STEPS = 200;

/**
 * Exact transport on a circle for a cost h(arc length), h convex and increasing (Delon, Salomon, Sobolevski 2010).
 *
 * Cut open and repeated, both measures lie on the line, where the plans that keep the cyclic order differ only in the mass θ by which one
 * side is shifted. Their cost W(θ) is convex and piecewise linear; its slope is read off one walk of O(n + m) around the circle. Tangents
 * and bisection close in on the minimum. Potentials of a shifted plan change by the slope from one turn to the next, so that of the
 * tangents on both sides of the minimum the mixture with slope zero is a feasible dual solution, and its gap is the rounding that is left.
 *
 * @param x, y positions; a, b their weights, ≥ 0, equal sums; h of a length up to three times the circumference
 * @see [delon2010]
 */
export function circleTransport(
  x: Float64Array,
  y: Float64Array,
  a: Float64Array,
  b: Float64Array,
  circumference: number,
  h: (distance: number) => number,
): SortedSolution {
  const circle = new UnrolledCircle(x, y, a, b, circumference, h);
  const { mass } = circle;
  // The minimum is within one turn; at two turns even the one-sided slopes have their sign.
  let low = circle.tangent(-2 * mass);
  let high = circle.tangent(2 * mass);
  let best = low.value <= high.value ? low : high;
  for (let step = 0; step < MAX_STEPS; step++) {
    // Tangents on odd steps, bisection on even ones: the interval halves at least every other step.
    const bend = high.slope - low.slope;
    const crossing = bend > 0 ? low.theta + (low.value - high.value + high.slope * (high.theta - low.theta)) / bend : Number.NaN;
    const bound = low.value + low.slope * (crossing - low.theta);
    if (low.slope === 0 || high.slope === 0 || !(best.value - bound > 1e-15 * best.value)) break;
    const middle = (low.theta + high.theta) / 2;
    const theta = step % 2 === 0 && crossing > low.theta && crossing < high.theta ? crossing : middle;
    if (!(theta > low.theta && theta < high.theta)) break;
    const tangent = circle.tangent(theta);
    if (tangent.value < best.value) best = tangent;
    if (tangent.slope <= 0) low = tangent;
    if (tangent.slope >= 0) high = tangent;
  }
  if (low.slope === 0) high = low;
  else if (high.slope === 0) low = high;
  const bend = high.slope - low.slope;
  return { entries: circle.plan(best.theta), ...circle.duals(low.theta, high.theta, bend > 0 ? high.slope / bend : 1) };
}

/** W and a subgradient of it at θ. */
interface Tangent {
  readonly theta: number;
  readonly value: number;
  readonly slope: number;
}

/** Both measures, sorted and repeated along the line. */
class UnrolledCircle {
  readonly mass: number;
  private readonly rows: Int32Array;
  private readonly columns: Int32Array;
  /** Positions in [0, circumference) and weights, sorted. */
  private readonly x: Float64Array;
  private readonly y: Float64Array;
  private readonly a: Float64Array;
  private readonly b: Float64Array;
  /** Mass of the target before each of its points. */
  private readonly before: Float64Array;
  private readonly lastRow: number;
  private readonly circumference: number;
  private readonly h: (distance: number) => number;

  constructor(x: Float64Array, y: Float64Array, a: Float64Array, b: Float64Array, circumference: number, h: (distance: number) => number) {
    const [onX, onY] = [wrap(x, circumference), wrap(y, circumference)];
    this.rows = sortedOrder(onX);
    this.columns = sortedOrder(onY);
    this.x = Float64Array.from(this.rows, (i) => onX[i]!);
    this.y = Float64Array.from(this.columns, (j) => onY[j]!);
    this.a = Float64Array.from(this.rows, (i) => a[i]!);
    this.b = Float64Array.from(this.columns, (j) => b[j]!);
    this.before = new Float64Array(b.length);
    for (let j = 1; j < b.length; j++) this.before[j] = this.before[j - 1]! + this.b[j - 1]!;
    this.mass = this.before[b.length - 1]! + this.b[b.length - 1]!;
    this.lastRow = this.a.findLastIndex((w) => w > 0);
    this.circumference = circumference;
    this.h = h;
  }

  /** W(θ) and its slope: the source's mass at t, counted from its first point, goes to the target's mass at t − θ. */
  tangent(theta: number): Tangent {
    return this.walk(theta);
  }

  /** The entries of the plan at θ. */
  plan(theta: number): PlanEntries {
    const plan = new PlanBuilder(2 * (this.x.length + this.y.length) + 2);
    this.walk(theta, plan);
    plan.mergeEnds();
    return plan.entries(this.x.length);
  }

  /** λ times the duals at one shift and 1 − λ times those at another. */
  duals(low: number, high: number, lambda: number): { f: Float64Array; g: Float64Array } {
    const f = new Float64Array(this.x.length);
    const g = new Float64Array(this.y.length);
    for (const [theta, share] of [
      [low, lambda],
      [high, 1 - lambda],
    ] as const) {
      const [u, v] = [new Float64Array(f.length), new Float64Array(g.length)];
      const { turn, first } = this.start(theta);
      const { slope } = this.walk(theta, undefined, u, v);
      // Of point j one turn on, g is smaller by the slope.
      this.rows.forEach((i, r) => {
        f[i]! += share * u[r]!;
      });
      this.columns.forEach((j, c) => {
        g[j]! += share * (v[c]! + slope * (c < first ? turn + 1 : turn));
      });
    }
    return { f, g };
  }

  /** Where the target's mass −θ lies: after how many turns, in which point, with how much of it behind. */
  private start(theta: number): { turn: number; first: number; behind: number } {
    const { before, mass } = this;
    const turn = Math.floor(-theta / mass);
    const at = -theta - turn * mass;
    let [first, end] = [0, before.length];
    while (end - first > 1) {
      const middle = (first + end) >> 1;
      if (before[middle]! <= at) first = middle;
      else end = middle;
    }
    return { turn, first, behind: Math.min(this.b[first]!, Math.max(0, at - before[first]!)) };
  }

  /**
   * Once around the circle, from the first source point and the target point it begins in to the same two one turn on: n moves to the next
   * source point and m to the next target point. Moving to the next target point at source point i changes W by
   * c(i, j) − c(i, j + 1) per unit of θ. Fills f (of turn 0) and g (of the turn met first) when given.
   */
  private walk(theta: number, plan?: PlanBuilder, f?: Float64Array, g?: Float64Array): Tangent {
    const { rows, columns, x, y, a, b, circumference, lastRow, h } = this;
    const [n, m] = [x.length, y.length];
    const { turn, first, behind } = this.start(theta);
    let [i, j, moves] = [0, first, 0];
    let lap = turn * circumference;
    let [supply, demand] = [a[0]!, b[first]! - behind];
    let c = h(Math.abs(x[0]! - y[first]! - lap));
    let [fi, gj] = [0, c];
    if (g !== undefined) g[first] = c;
    let [value, slope] = [0, 0];
    for (;;) {
      const columnsDone = moves === m;
      // Rounding must not end one side early: the last point with weight takes all that is left.
      const all = i === lastRow ? demand : columnsDone ? supply : Math.min(supply, demand);
      const mass = i > lastRow ? 0 : all;
      value += mass * c;
      plan?.add(rows[i]!, columns[j]!, mass);
      if (columnsDone && i === n - 1) break;
      if (columnsDone || (i < lastRow && supply <= demand)) {
        demand -= mass;
        i++;
        supply = a[i]!;
        c = h(Math.abs(x[i]! - y[j]! - lap));
        fi = c - gj;
        if (f !== undefined) f[i] = fi;
      } else {
        supply -= mass;
        moves++;
        if (++j === m) {
          j = 0;
          lap += circumference;
        }
        demand = moves === m ? behind : b[j]!;
        const there = h(Math.abs(x[i]! - y[j]! - lap));
        slope += c - there;
        c = there;
        gj = c - fi;
        if (g !== undefined && moves < m) g[j] = gj;
      }
    }
    return { theta, value, slope };
  }
}

/** Positions modulo the circumference, in [0, circumference). */
function wrap(x: Float64Array, circumference: number): Float64Array {
  return x.map((value) => {
    const turned = value - circumference * Math.floor(value / circumference);
    return turned < circumference ? turned : 0;
  });
}
