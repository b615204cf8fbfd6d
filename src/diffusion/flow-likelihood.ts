import type { Bridge } from '../couplings/bridge.ts';
import { requireRandom } from '../couplings/simulation.ts';
import { DomainError } from '../errors.ts';
import type { Marginal } from '../marginals/marginal.ts';
import { exactDivergence, hutchinsonDivergence, randomSigns, type VectorField } from '../numerics/divergence.ts';
import { carryAlong, type Flow, type Rate } from '../numerics/flow.ts';
import { type Points, type PointsLike, requireDimension, takeRows, toPoints } from '../numerics/points.ts';
import { type RandomSource, randomSource } from '../numerics/random.ts';
import { requireInteger, requireKnownOptions, requirePositive } from '../numerics/vectors.ts';
import { requireTimeGrid, type TimeGrid, timeGrid } from '../references/time-grid.ts';
import type { LearnedBridge } from './learned-bridge.ts';
import { nodeFlow, smoothFlow } from './probability-flow.ts';

/** How a log-likelihood is computed. */
export interface LikelihoodOptions {
  /** `'source'`: density at t = 0; `'target'`: at t = T. The other side needs a density. @defaultValue `'source'` */
  readonly side?: 'source' | 'target';
  /**
   * `'exact'`: every partial derivative, 4d evaluations of the drifts; `'hutchinson'`: an unbiased estimate of the logarithm from random
   * directions, 4 evaluations each. @defaultValue none for a `mixtureBridge`, whose marginals know how its flow stretches; else `'exact'` in up to 8 dimensions
   */
  readonly divergence?: 'exact' | 'hutchinson';
  /** Random directions of `'hutchinson'`, kept along a path. @defaultValue 8 */
  readonly probes?: number;
  /** Where the directions come from. @defaultValue a fixed stream */
  readonly random?: RandomSource;
  /** Runge–Kutta steps are halved until a row's value changes by less than this, in nats, or 32 steps lie between two nodes. @defaultValue 1e-5 */
  readonly tolerance?: number;
}

const MOST_STEPS = 32;
const EXACT_DIMENSIONS = 8;
/** Rows taken together: bounds memory, and no value depends on it. */
const BLOCK = 256;
/** Step of the difference quotients in standard deviations: what rounds least for drifts in single precision. */
const DIFFERENCE = 4e-3;
/** Nodes for bridges whose drifts are functions of time, and for those of which only where the flow leads is wanted. */
const STEPS = 50;
const FEW_STEPS = 10;
/** Standard deviations from the mean beyond which no flow is followed: differences to the data round away. */
const FARTHEST = 1e8;

/**
 * Computes log p(x) under the probability flow of a bridge, dX/dt = v = ½(f − b): log p_0(x) = log p_T(X_T) + ∫ ∇·v(t, X_t) dt with
 * X_0 = x, and p_T the density of the target. In nats.
 *
 * The flow has the marginals of the bridge when f + b = g²∇log p; how far a learned pair of drifts is from that is an error of the answer.
 * Drifts of a training run are interpolated linearly between the nodes where they were learned.
 *
 * @param bridge any bridge
 * @param x `count × d` points
 * @param options also `grid`: nodes to integrate between; default the grid of a training run, otherwise 50 equal steps
 * @returns one value a row
 * @throws DomainError when the law at the far end has no density, or a row lies beyond 10⁸ standard deviations
 * @example
 * ```ts
 * import { bridgeProblem, brownian, gaussianBridge, gaussianMarginal, logLikelihood } from 'viaduct';
 * const source = gaussianMarginal({ mean: [0], covariance: 2 });
 * const target = gaussianMarginal({ mean: [1], covariance: 1 });
 * const bridge = gaussianBridge(bridgeProblem({ source, target, reference: brownian({ sigma: 1 }) }));
 * console.log(Math.abs(logLikelihood(bridge, [[0.5]])[0]! - source.logDensity!([[0.5]])[0]!) < 1e-5); // → true
 * ```
 * @see [song2021] [grathwohl2019]
 */
export function logLikelihood(bridge: Bridge, x: PointsLike, options: LikelihoodOptions & { readonly grid?: TimeGrid } = {}): Float64Array {
  requireKnownOptions('logLikelihood', options, ['side', 'divergence', 'probes', 'random', 'tolerance', 'grid']);
  const { grid, ...rest } = options;
  if (grid !== undefined) requireTimeGrid('logLikelihood', grid, bridge.reference.horizon);
  const path = 'logLikelihood';
  // An explicit estimator is for those who want to see it.
  const stretch = rest.divergence === undefined && rest.probes === undefined ? exactStretch(bridge) : undefined;
  if (stretch === undefined) return flowLikelihood(path, bridgeFlow(bridge, grid), bridge, x, rest);
  const few = grid ?? timeGrid.uniform({ steps: FEW_STEPS, horizon: bridge.reference.horizon });
  return flowLikelihood(path, bridgeFlow(bridge, few), bridge, x, rest, stretch);
}

/** log p(start) − log p(end), at rows that the flow of exact marginals p_0, p_T carries into each other: ∫ ∇·v dt. */
type Stretch = (start: Points, end: Points) => Float64Array;

/** Known where drifts and marginals are those of one law. */
function exactStretch(bridge: Bridge): Stretch | undefined {
  if (bridge.kind !== 'mixture-bridge') return undefined;
  const [first, last] = [bridge.source, bridge.marginalAt(bridge.reference.horizon)];
  if (first.logDensity === undefined || last.logDensity === undefined) return undefined;
  return (start, end) => {
    const behind = last.logDensity!(end);
    return first.logDensity!(start).map((value, i) => value - behind[i]!);
  };
}

/** The probability flow of any bridge; drifts of a training run are known at the nodes of its grid only. */
export function bridgeFlow(bridge: Bridge, grid?: TimeGrid): Flow {
  const own = ownGrid(bridge);
  const { horizon } = bridge.reference;
  if (own === undefined) return smoothFlow(bridge, grid ?? timeGrid.uniform({ steps: STEPS, horizon }));
  return nodeFlow(
    bridge.source.dimension,
    own,
    (node, x) => bridge.drift(own.times[node]!, x),
    (node, x) => bridge.backwardDrift(own.times[node]!, x),
  );
}

/** The grid on which a bridge was learned. */
export function ownGrid(bridge: Bridge): TimeGrid | undefined {
  return (bridge as Partial<LearnedBridge>).grid;
}

/** {@link logLikelihood} along a given flow; `stretch` in place of the integral of its divergence where that is known. */
export function flowLikelihood(
  path: string,
  flow: Flow,
  { source, target }: { readonly source: Marginal; readonly target: Marginal },
  x: PointsLike,
  options: LikelihoodOptions,
  stretch?: Stretch,
): Float64Array {
  requireKnownOptions(path, options, ['side', 'divergence', 'probes', 'random', 'tolerance']);
  const { side = 'source', tolerance = 1e-5 } = options;
  requirePositive(`${path}: tolerance`, tolerance, 'nats');
  if (side !== 'source' && side !== 'target') throw new DomainError(`${path}: unknown side '${String(side)}'; use 'source' or 'target'`);
  const at = toPoints(path, x);
  requireDimension(path, at, flow.dimension);
  const far = side === 'source' ? target : source;
  const density = far.logDensity;
  if (density === undefined) {
    // Its density is what the flow can tell: from that side the other one is the far end.
    const name = side === 'source' ? 'target' : 'source';
    throw new DomainError(
      `${path}: the ${name} is a ${far.kind} marginal, which has no density; make it Gaussian, or pass side: '${name}'`,
    );
  }
  requireNear(path, at, side === 'source' ? source : target);
  const estimator = divergenceEstimator(path, options, flow.dimension, DIFFERENCE * smallestSpread(source, target));
  const signs = estimator.directions(at.count);
  const direction = side === 'source' ? 'forward' : 'backward';
  const out = new Float64Array(at.count);
  for (let from = 0; from < at.count; from += BLOCK) {
    let open = Int32Array.from({ length: Math.min(BLOCK, at.count - from) }, (_, i) => from + i);
    const before = new Float64Array(at.count).fill(Number.NaN);
    for (let steps = 1; steps <= MOST_STEPS && open.length > 0; steps *= 2) {
      const directions = signs.map((z) => takeRows(z, open));
      const rate: Rate = (t, rows, k) => estimator.divergence((y) => flow.velocity(t, y, k), rows, directions);
      const begin = takeRows(at, open);
      const carried = carryAlong(flow, begin, { direction, steps, ...(stretch === undefined ? { rate } : {}) });
      const { points } = carried;
      const integral = stretch === undefined ? carried.integral : direction === 'forward' ? stretch(begin, points) : stretch(points, begin);
      const ends = density.call(far, points);
      open.forEach((row, i) => {
        out[row] = ends[i]! + (direction === 'forward' ? integral[i]! : -integral[i]!);
      });
      // What is no number does not become one by smaller steps.
      open = open.filter((row) => Number.isFinite(out[row]!) && !(Math.abs(out[row]! - before[row]!) <= tolerance));
      for (const row of open) before[row] = out[row]!;
    }
  }
  return out;
}

/** Refuses rows from which a flow cannot be followed. */
function requireNear(path: string, x: Points, law: Marginal): void {
  const mean = law.mean();
  const reach = FARTHEST * Math.sqrt(Math.max(...law.covariance().diagonal(), Number.MIN_VALUE));
  for (let p = 0; p < x.data.length; p++) {
    const c = p % x.dimension;
    if (Math.abs(x.data[p]! - mean[c]!) <= reach) continue;
    throw new DomainError(
      `${path}: row ${Math.floor(p / x.dimension)} has coordinate ${x.data[p]}, beyond 1e8 standard deviations, from where no flow can be followed; leave it out`,
    );
  }
}

/** Directions for every row, and the divergence that they estimate. */
interface DivergenceEstimator {
  directions(rows: number): Points[];
  divergence(field: VectorField, x: Points, directions: readonly Points[]): Float64Array;
}

function divergenceEstimator(path: string, options: LikelihoodOptions, dimension: number, h: number): DivergenceEstimator {
  const { divergence = dimension <= EXACT_DIMENSIONS ? 'exact' : 'hutchinson', random } = options;
  if (random !== undefined) requireRandom(path, random);
  const probes = requireInteger(`${path}: probes`, options.probes ?? 8, 1);
  if (divergence === 'exact') return { directions: () => [], divergence: (field, x) => exactDivergence(field, x, h) };
  if (divergence !== 'hutchinson') {
    throw new DomainError(`${path}: unknown divergence '${String(divergence)}'; use 'exact' or 'hutchinson'`);
  }
  return {
    directions: (rows) => randomSigns(rows, dimension, probes, random?.split() ?? randomSource(0).split('hutchinson')),
    divergence: (field, x, directions) => hutchinsonDivergence(field, x, h, directions),
  };
}

/** The smallest standard deviation of a coordinate on either side: what a drift may vary over. */
function smallestSpread(source: Marginal, target: Marginal): number {
  const spreads = [source, target].flatMap((marginal) => marginal.covariance().diagonal().map(Math.sqrt));
  return Math.min(...spreads.filter((spread) => spread > 0), 1e6);
}
