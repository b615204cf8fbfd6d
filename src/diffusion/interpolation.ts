import type { Bridge, Paths } from '../couplings/bridge.ts';
import { DomainError } from '../errors.ts';
import { carryAlong, type Flow } from '../numerics/flow.ts';
import { type Points, type PointsLike, requireDimension, toPoints, type VectorLike } from '../numerics/points.ts';
import type { RandomSource } from '../numerics/random.ts';
import { requireInteger, requireKnownOptions, toVector } from '../numerics/vectors.ts';
import { requireTimeGrid, type TimeGrid, timeGrid } from '../references/time-grid.ts';
import { bridgeFlow, ownGrid } from './flow-likelihood.ts';

/** Options of {@link interpolate}. */
export interface InterpolationOptions {
  /** Where the points lie: at t = 0 or at t = T. @defaultValue `'source'` */
  readonly side?: 'source' | 'target';
  /** Times of the answer, ascending, in [0, T]. @defaultValue 0, T/4, T/2, 3T/4, T */
  readonly times?: VectorLike;
  /** `'paths'`: draws of the bridge; `'flow'`: its probability flow, which is one-to-one and needs no randomness. @defaultValue `'flow'` */
  readonly method?: 'paths' | 'flow';
  /** Needed by `'paths'`. */
  readonly random?: RandomSource;
  /** Steps on the way, beside `times`. @defaultValue the grid of a training run, otherwise 50 equal steps */
  readonly grid?: TimeGrid;
}

const STEPS = 50;
/** Runge–Kutta steps between two nodes of the flow. */
const FLOW_STEPS = 2;

/**
 * Computes where points of one data set are on their way to the other: X_t of a bridge started at the given rows, at the times asked for.
 *
 * @param x `count × d` points of the source, or of the target
 * @returns positions at `times`: row i of every node belongs to row i of x
 * @throws DomainError on a time outside [0, T], or `'paths'` without a source of randomness
 * @example
 * ```ts
 * import { bridgeProblem, brownian, gaussianBridge, gaussianMarginal, interpolate } from 'viaduct';
 * const at = (mean: number) => gaussianMarginal({ mean: [mean], covariance: 1 });
 * const bridge = gaussianBridge(bridgeProblem({ source: at(0), target: at(4), reference: brownian({ sigma: 1 }) }));
 * const { times, points } = interpolate(bridge, [[0]], { times: [0.5, 1] });
 * console.log(times[1], points.map((node) => node.data[0]!.toFixed(3)).join(' ')); // → 1 2.000 4.000
 * ```
 * @see [debortoli2021]
 */
export function interpolate(bridge: Bridge, x: PointsLike, options: InterpolationOptions = {}): Paths {
  const path = 'interpolate';
  requireKnownOptions(path, options, ['side', 'times', 'method', 'random', 'grid']);
  const { horizon } = bridge.reference;
  const { side = 'source', method = 'flow', random } = options;
  if (side !== 'source' && side !== 'target') throw new DomainError(`${path}: unknown side '${String(side)}'; use 'source' or 'target'`);
  const from = toPoints(path, x);
  requireDimension(path, from, bridge.source.dimension);
  const times = toVector(`${path}: times`, options.times ?? [0, 0.25, 0.5, 0.75, 1].map((share) => share * horizon));
  times.forEach((t, i) => {
    if (!(t >= 0 && t <= horizon && (i === 0 || t > times[i - 1]!))) {
      throw new DomainError(`${path}: time ${t} at place ${i}; pass ascending times between 0 and ${horizon}`);
    }
  });
  const grid = gridOf(path, bridge, options.grid);
  const nodes = withTimes(grid.times, times);
  const direction = side === 'source' ? 'forward' : 'backward';
  let visited: readonly Points[];
  if (method === 'paths') {
    if (typeof random?.normal !== 'function')
      throw new DomainError(`${path}: random is missing; pass randomSource(seed), or method: 'flow'`);
    // Summed steps would round differently from the nodes that are there already.
    const own = nodes.length === grid.times.length ? grid : timeGrid.fromSteps(nodes.slice(1).map((t, k) => t - nodes[k]!));
    visited = bridge.simulate({ from, grid: own, random, direction }).points;
  } else if (method === 'flow') {
    visited = along(refined(bridgeFlow(bridge, options.grid), nodes), from, direction);
  } else {
    throw new DomainError(`${path}: unknown method '${String(method)}'; use 'paths' or 'flow'`);
  }
  const points = Array.from(times, (t) => visited[nearest(nodes, t)]!);
  return Object.freeze({ times, points: Object.freeze(points) });
}

/**
 * Simulates a bridge there and back again: from the given rows to the other side, from there back, and so on, `rounds` times in all. With an
 * exact bridge that is a Gibbs sampler of its plan; with a learned one it shows how far the two drifts drift apart.
 *
 * @param options `from`: `count × d` points; `side`: where they lie, default `'source'`; `rounds`: number of crossings; `grid`, default that of
 *   a training run, otherwise 50 equal steps; `random`
 * @returns the paths of every crossing, all in forward time
 * @example
 * ```ts
 * import { backAndForth, bridgeProblem, brownian, gaussianBridge, gaussianMarginal, randomSource } from 'viaduct';
 * const unit = gaussianMarginal({ mean: [0], covariance: 1 });
 * const bridge = gaussianBridge(bridgeProblem({ source: unit, target: unit, reference: brownian({ sigma: 1 }) }));
 * const [there, back] = backAndForth(bridge, { from: [[0], [1]], rounds: 2, random: randomSource(1) });
 * console.log(there!.points.at(-1)!.data[1] === back!.points.at(-1)!.data[1]); // → true
 * ```
 */
export function backAndForth(
  bridge: Bridge,
  options: {
    readonly from: PointsLike;
    readonly rounds: number;
    readonly random: RandomSource;
    readonly side?: 'source' | 'target';
    readonly grid?: TimeGrid;
  },
): readonly Paths[] {
  const path = 'backAndForth';
  requireKnownOptions(path, options, ['from', 'rounds', 'random', 'side', 'grid']);
  const { random, side = 'source' } = options;
  if (side !== 'source' && side !== 'target') throw new DomainError(`${path}: unknown side '${String(side)}'; use 'source' or 'target'`);
  const grid = gridOf(path, bridge, options.grid);
  const crossings: Paths[] = [];
  let from = toPoints(`${path}: from`, options.from);
  for (let n = 0; n < requireInteger(`${path}: rounds`, options.rounds, 1); n++) {
    const direction = (n % 2 === 0) === (side === 'source') ? 'forward' : 'backward';
    const paths = bridge.simulate({ from, grid, random, direction });
    crossings.push(paths);
    from = direction === 'forward' ? paths.points.at(-1)! : paths.points[0]!;
  }
  return Object.freeze(crossings);
}

/** The grid asked for, that of a training run, or equal steps. */
function gridOf(path: string, bridge: Bridge, asked: TimeGrid | undefined): TimeGrid {
  const { horizon } = bridge.reference;
  if (asked !== undefined) return requireTimeGrid(path, asked, horizon);
  return ownGrid(bridge) ?? timeGrid.uniform({ steps: STEPS, horizon });
}

/** The positions at every node of a flow. */
function along(flow: Flow, x: Points, direction: 'forward' | 'backward'): Points[] {
  const nodes: Points[] = new Array(flow.times.length);
  nodes[direction === 'forward' ? 0 : flow.times.length - 1] = x;
  carryAlong(flow, x, { direction, steps: FLOW_STEPS, visit: (node, points) => (nodes[node] = points) });
  return nodes;
}

/** The same flow between more nodes. */
function refined(flow: Flow, times: Float64Array): Flow {
  const pieces = Array.from(times.slice(1), (to, j) => {
    const middle = (times[j]! + to) / 2;
    const after = flow.times.findIndex((t) => t > middle);
    return after - 1;
  });
  return { dimension: flow.dimension, times, velocity: (t, x, j) => flow.velocity(t, x, pieces[j]!) };
}

/** Nodes with more times among them; equal ones up to rounding are one. */
function withTimes(nodes: Float64Array, times: Float64Array): Float64Array {
  const slack = 1e-9 * nodes.at(-1)!;
  const more = times.filter((t) => nodes.every((node) => Math.abs(node - t) > slack));
  return Float64Array.of(...nodes, ...more).sort();
}

function nearest(nodes: Float64Array, t: number): number {
  let best = 0;
  nodes.forEach((node, k) => {
    if (Math.abs(node - t) < Math.abs(nodes[best]! - t)) best = k;
  });
  return best;
}
