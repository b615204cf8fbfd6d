import type { Bridge } from '../couplings/bridge.ts';
import type { Flow } from '../numerics/flow.ts';
import { allocatePoints, type Points } from '../numerics/points.ts';
import type { TimeGrid } from '../references/time-grid.ts';

/** A drift known at the nodes of a grid. */
export type NodeDrift = (node: number, x: Points) => Points;

/** How far inside a piece its ends are evaluated, as shares of the piece and of the horizon: drifts of a bridge may have no value at t = 0 or T. */
const INSIDE = 1e-6;
const BEYOND_ROUNDING = 4e-9;

/** The probability flow v = ½(f − b) of a bridge whose drifts are smooth in t, on the pieces of a grid. */
export function smoothFlow(bridge: Bridge, { times, horizon }: TimeGrid): Flow {
  const { dimension } = bridge.source;
  return {
    dimension,
    times,
    velocity(t, x, k) {
      const [from, to] = [times[k]!, times[k + 1]!];
      const margin = Math.max(INSIDE * (to - from), BEYOND_ROUNDING * horizon);
      return bridge.velocity(Math.min(Math.max(t, from + margin), to - margin), x);
    },
  };
}

/**
 * The probability flow of drifts that were learned at nodes: f at t_0 … t_{N−1}, b at t_1 … t_N, each linear in t between its nodes and
 * constant where it has only one. Error of the flow O(γ²), where drifts held constant over a step leave O(γ).
 */
export function nodeFlow(dimension: number, { times, steps }: TimeGrid, forward: NodeDrift, backward: NodeDrift): Flow {
  const f = between(times, forward, 0, steps - 1);
  const b = between(times, backward, 1, steps);
  return {
    dimension,
    times,
    velocity(t, x, k) {
      const out = f(t, x, k);
      const behind = b(t, x, k).data;
      for (let p = 0; p < out.data.length; p++) out.data[p] = 0.5 * (out.data[p]! - behind[p]!);
      return out;
    },
  };
}

/** Linear interpolation in t of a field known at nodes `first` … `last`, constant beyond them. */
export function between(times: Float64Array, at: NodeDrift, first: number, last: number): (t: number, x: Points, k: number) => Points {
  return (t, x, k) => {
    const clamp = (node: number): number => Math.min(Math.max(node, first), last);
    const [low, high] = [clamp(k), clamp(k + 1)];
    const share = low === high ? 0 : (t - times[low]!) / (times[high]! - times[low]!);
    if (share <= 0) return at(low, x);
    if (share >= 1) return at(high, x);
    const [before, after] = [at(low, x), at(high, x)];
    const out = allocatePoints(x.count, x.dimension);
    for (let p = 0; p < out.data.length; p++) out.data[p] = (1 - share) * before.data[p]! + share * after.data[p]!;
    return out;
  };
}
