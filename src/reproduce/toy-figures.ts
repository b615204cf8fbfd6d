import type { Bridge } from '../couplings/bridge.ts';
import { wasserstein2 } from '../diagnostics/wasserstein2.ts';
import { allocatePoints, type Points, takeRows } from '../numerics/points.ts';
import type { RandomSource } from '../numerics/random.ts';
import type { TimeGrid } from '../references/time-grid.ts';
import type { ToySample } from './toy-sets.ts';

/** What a method makes of the fresh starts. */
export interface Generated {
  /** By the stochastic process, its last step without noise. */
  readonly paths: Points;
  /** By Euler's method for the probability flow. */
  readonly flow: Points;
  /** Mean over the inner nodes of E|v_t(X_t)|² along the stochastic paths. */
  readonly energy: number;
}

/** The figures of the table. */
export interface ToyFigures {
  /** W2 of paths to fresh points over the W2 of two independent draws. */
  readonly paths: number;
  /** The same of the flow. */
  readonly flow: number;
  /** |energy − energy of the Sinkhorn bridge| over the latter. */
  readonly energyGap: number;
  /** Mean distance of generated points (paths) to the nearest training point, over that of fresh points. */
  readonly nearest: number;
}

/** What does not depend on the method: computed once for a sample. */
export interface ToyScale {
  readonly floor: number;
  readonly energy: number;
  readonly nearest: number;
  /** Points a side behind every W2. */
  readonly exactPoints: number;
}

/** Generates from the starts with the steps of the grid. */
export function generate(bridge: Bridge, { starts, grid }: Pick<ToySample, 'starts' | 'grid'>, random: RandomSource): Generated {
  const { points } = bridge.simulate({ from: starts, grid, random });
  const last = grid.steps - 1;
  // The noise of the last step is not a part of the answer: at t = T the bridge has arrived.
  const paths = step(points[last]!, bridge.drift(grid.times[last]!, points[last]!), grid.durations[last]!);
  let flow = starts;
  for (let k = 0; k < grid.steps; k++) flow = step(flow, bridge.velocity(grid.times[k]!, flow), grid.durations[k]!);
  return { paths, flow, energy: nodeEnergy(bridge, grid, points) };
}

/** Mean over the nodes between the ends, where both drifts were learned, of E|v_t(X_t)|². */
function nodeEnergy(bridge: Bridge, grid: TimeGrid, points: readonly Points[]): number {
  let sum = 0;
  for (let k = 1; k < grid.steps; k++) {
    const v = bridge.velocity(grid.times[k]!, points[k]!);
    sum += v.data.reduce((total, value) => total + value * value, 0) / v.count;
  }
  return sum / (grid.steps - 1);
}

/** The floor, the energy of the exact bridge of the training samples and the distances of fresh points. */
export function toyScale(
  sample: ToySample,
  exact: Bridge,
  { exactPoints, energyPaths }: { readonly exactPoints: number; readonly energyPaths: number },
  random: RandomSource,
): ToyScale {
  const { grid, fresh, second, problem } = sample;
  const { points } = exact.simulate({ count: energyPaths, grid, random });
  return {
    floor: wasserstein2(first(second, exactPoints), first(fresh, exactPoints)),
    energy: nodeEnergy(exact, grid, points),
    nearest: nearestDistance(fresh, problem.target.points),
    exactPoints,
  };
}

/** The figures of what a method generated. */
export function toyFigures({ fresh, problem }: ToySample, { paths, flow, energy }: Generated, scale: ToyScale): ToyFigures {
  const distance = (x: Points): number => wasserstein2(first(x, scale.exactPoints), first(fresh, scale.exactPoints)) / scale.floor;
  return {
    paths: distance(paths),
    flow: distance(flow),
    energyGap: Math.abs(energy - scale.energy) / scale.energy,
    nearest: nearestDistance(paths, problem.target.points) / scale.nearest,
  };
}

/** The mean distance to the nearest of `to`, in the plane. */
export function nearestDistance(x: Points, to: Points): number {
  let sum = 0;
  for (let i = 0; i < x.count; i++) {
    const [a, b] = [x.data[2 * i]!, x.data[2 * i + 1]!];
    let least = Number.POSITIVE_INFINITY;
    for (let j = 0; j < to.data.length; j += 2) {
      const [u, v] = [to.data[j]! - a, to.data[j + 1]! - b];
      const square = u * u + v * v;
      if (square < least) least = square;
    }
    sum += Math.sqrt(least);
  }
  return sum / x.count;
}

function step(x: Points, drift: Points, gamma: number): Points {
  const next = allocatePoints(x.count, x.dimension);
  for (let i = 0; i < next.data.length; i++) next.data[i] = x.data[i]! + gamma * drift.data[i]!;
  return next;
}

function first(x: Points, count: number): Points {
  return takeRows(
    x,
    Array.from({ length: Math.min(count, x.count) }, (_, i) => i),
  );
}
