import { allocatePoints, type Points } from './points.ts';

/** dX/dt = v(t, X), smooth in t on every [times_k, times_{k+1}]. */
export interface Flow {
  readonly dimension: number;
  /** Ascending; at least two. */
  readonly times: Float64Array;
  /** v(t, x) with t in piece k, its limit from inside at the ends of the piece. */
  velocity(t: number, x: Points, k: number): Points;
}

/** What is integrated along the paths of a flow, one number a row. */
export type Rate = (t: number, x: Points, k: number) => Float64Array;

/** Where a flow has carried points, and the integral of the rate in forward time. */
export interface Carried {
  readonly points: Points;
  readonly integral: Float64Array;
}

/**
 * Carries every row along the flow from its first time to its last, or back, by the classical Runge–Kutta method of order 4 with `steps`
 * steps on every piece.
 */
export function carryAlong(
  flow: Flow,
  x: Points,
  options: {
    readonly direction: 'forward' | 'backward';
    readonly steps: number;
    readonly rate?: Rate;
    /** Told the positions at the end of every piece, with the number of its node. */
    readonly visit?: (node: number, points: Points) => void;
  },
): Carried {
  const { direction, steps, rate, visit } = options;
  const pieces = flow.times.length - 1;
  const integral = new Float64Array(x.count);
  let here = x;
  for (let i = 0; i < pieces; i++) {
    const k = direction === 'forward' ? i : pieces - 1 - i;
    const [from, to] = direction === 'forward' ? [flow.times[k]!, flow.times[k + 1]!] : [flow.times[k + 1]!, flow.times[k]!];
    const h = (to - from) / steps;
    for (let s = 0; s < steps; s++) here = step(flow, k, from + s * h, h, here, rate, integral);
    visit?.(direction === 'forward' ? k + 1 : k, here);
  }
  // A backward sweep has h < 0: its sum is minus the integral in forward time.
  return { points: here, integral: direction === 'forward' ? integral : integral.map((value) => -value) };
}

/** One step from t to t + h; adds its part of the integral. */
function step({ velocity }: Flow, k: number, t: number, h: number, x: Points, rate: Rate | undefined, integral: Float64Array): Points {
  const move = (by: number, v: Points): Points => {
    const out = allocatePoints(x.count, x.dimension);
    for (let p = 0; p < out.data.length; p++) out.data[p] = x.data[p]! + by * v.data[p]!;
    return out;
  };
  const gather = (share: number, at: number, where: Points): void => {
    if (rate === undefined) return;
    const values = rate(at, where, k);
    for (let i = 0; i < integral.length; i++) integral[i]! += share * h * values[i]!;
  };
  const middle = t + h / 2;
  const v1 = velocity(t, x, k);
  const x2 = move(h / 2, v1);
  const v2 = velocity(middle, x2, k);
  const x3 = move(h / 2, v2);
  const v3 = velocity(middle, x3, k);
  const x4 = move(h, v3);
  const v4 = velocity(t + h, x4, k);
  gather(1 / 6, t, x);
  gather(1 / 3, middle, x2);
  gather(1 / 3, middle, x3);
  gather(1 / 6, t + h, x4);
  const out = allocatePoints(x.count, x.dimension);
  for (let p = 0; p < out.data.length; p++) {
    out.data[p] = x.data[p]! + (h / 6) * (v1.data[p]! + 2 * v2.data[p]! + 2 * v3.data[p]! + v4.data[p]!);
  }
  return out;
}
