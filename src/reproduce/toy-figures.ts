import type { Bridge } from '../couplings/bridge.ts';
import { wasserstein2 } from '../diagnostics/wasserstein2.ts';
import { allocatePoints, type Points, takeRows } from '../numerics/points.ts';
import type { RandomSource } from '../numerics/random.ts';
import { brownianBetween, pairVelocities, shuffledRows } from './independent-pairs.ts';
import { TOY_SIGMA, type ToySample } from './toy-sets.ts';

/** What a method makes of the fresh starts. */
export interface Generated {
  /** By the stochastic process, its last step without noise. */
  readonly paths: Points;
  /** By Euler's method for the probability flow. */
  readonly flow: Points;
  /** Of every stochastic path the mean of |v_t(X_t)|² over the inner nodes. */
  readonly energies: ArrayLike<number>;
}

/** The figures of the table. */
export interface ToyFigures {
  /** W2 of paths to fresh points over the W2 of two independent draws. */
  readonly paths: number;
  /** The same of the flow. */
  readonly flow: number;
  /** |energy − energy of the Sinkhorn bridge| over the latter, both along paths from the same starts with the same noise. */
  readonly energyGap: number;
  /** Mean distance of generated points (paths) to the nearest training point, over that of fresh points. */
  readonly nearest: number;
}

/** What does not depend on the method: computed once for a sample. */
export interface ToyScale {
  readonly floor: number;
  /** Of the exact bridge, along as many of the first paths as were simulated. */
  readonly energies: ArrayLike<number>;
  readonly nearest: number;
  /** Points a side behind every W2. */
  readonly exactPoints: number;
}

/** Generates from the starts with the steps of the grid and the noise of the sample. */
export function generate(bridge: Bridge, sample: Pick<ToySample, 'starts' | 'grid' | 'noise'>): Generated {
  const { starts, grid } = sample;
  let flow = starts;
  for (let k = 0; k < grid.steps; k++) flow = step(flow, bridge.velocity(grid.times[k]!, flow), grid.durations[k]!);
  return { ...simulate(bridge, sample, starts.count), flow };
}

/** The first `count` paths; energies are taken between the ends, where both drifts were learned. */
function simulate(
  bridge: Bridge,
  { starts, grid, noise }: Pick<ToySample, 'starts' | 'grid' | 'noise'>,
  count: number,
): Pick<Generated, 'paths' | 'energies'> {
  let x = first(starts, count);
  const energies = new Float64Array(x.count);
  for (let k = 0; k < grid.steps; k++) {
    const drift = bridge.drift(grid.times[k]!, x);
    if (k > 0) addEnergies(energies, drift, bridge.backwardDrift(grid.times[k]!, x), 1 / (grid.steps - 1));
    x = step(x, drift, grid.durations[k]!);
    const size = TOY_SIGMA * Math.sqrt(grid.durations[k]!);
    // The noise of the last step is not a part of the answer: at t = T the bridge has arrived.
    if (k + 1 < grid.steps) for (let i = 0; i < x.data.length; i++) x.data[i]! += size * noise[k]!.data[i]!;
  }
  return { paths: x, energies };
}

/** Adds the share of |½(f − b)|², row by row. */
function addEnergies(energies: Float64Array, forward: Points, backward: Points, share: number): void {
  for (let i = 0; i < forward.data.length; i++) {
    energies[Math.floor(i / forward.dimension)]! += (share / 4) * (forward.data[i]! - backward.data[i]!) ** 2;
  }
}

/** The floor, the energies of the exact bridge of the training samples and the distances of fresh points. */
export function toyScale(
  sample: ToySample,
  exact: Bridge,
  { exactPoints, energyPaths }: { readonly exactPoints: number; readonly energyPaths: number },
): ToyScale {
  const { fresh, second, problem } = sample;
  return {
    floor: wasserstein2(first(second, exactPoints), first(fresh, exactPoints)),
    energies: simulate(exact, sample, energyPaths).energies,
    nearest: nearestDistance(fresh, problem.target.points),
    exactPoints,
  };
}

/** The figures of what a method generated. */
export function toyFigures({ fresh, problem }: ToySample, { paths, flow, energies }: Generated, scale: ToyScale): ToyFigures {
  const distance = (x: Points): number => wasserstein2(first(x, scale.exactPoints), first(fresh, scale.exactPoints)) / scale.floor;
  const exact = meanOf(scale.energies, scale.energies.length);
  return {
    paths: distance(paths),
    flow: distance(flow),
    // Path against path: what the draws have in common cancels.
    energyGap: Math.abs(meanOf(energies, scale.energies.length) - exact) / exact,
    nearest: nearestDistance(paths, problem.target.points) / scale.nearest,
  };
}

/**
 * The figures of the independent coupling, filled in with bridges of the reference: starts go to draws of the target that know nothing of them.
 * There is no drift of it to follow, and so no flow.
 */
export function independentFigures(
  { problem, starts, second, fresh, grid, noise }: ToySample,
  scale: ToyScale,
  random: RandomSource,
): Omit<ToyFigures, 'flow'> {
  const ends = shuffledRows(second, random.split('ends'));
  const pairs = { x: problem.source.points, y: shuffledRows(problem.target.points, random.split('pairs')) };
  const count = scale.energies.length;
  const [x0, x1] = [first(starts, count), first(ends, count)];
  let energy = 0;
  for (let k = 1; k < grid.steps; k++) {
    const t = grid.times[k]!;
    const x = brownianBetween(x0, x1, t, TOY_SIGMA, (i) => noise[k - 1]!.data[i]!);
    energy += meanOf(pairVelocities(x, t, pairs, TOY_SIGMA), count) / (grid.steps - 1);
  }
  const exact = meanOf(scale.energies, count);
  return {
    paths: wasserstein2(first(second, scale.exactPoints), first(fresh, scale.exactPoints)) / scale.floor,
    energyGap: Math.abs(energy - exact) / exact,
    nearest: nearestDistance(ends, problem.target.points) / scale.nearest,
  };
}

/** The mean of the first `count`. */
function meanOf(values: ArrayLike<number>, count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += values[i]!;
  return sum / count;
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
