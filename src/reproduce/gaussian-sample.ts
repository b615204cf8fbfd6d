import { type BridgeProblem, bridgeProblem } from '../couplings/bridge-problem.ts';
import type { DiffusionBridge } from '../diffusion/diffusion-run.ts';
import { gaussianBridge } from '../gaussian/gaussian-bridge.ts';
import type { GaussianBridge } from '../gaussian/process-bridge.ts';
import { type DiscreteMarginal, discreteMarginal } from '../marginals/discrete-marginal.ts';
import { gaussianMarginal } from '../marginals/gaussian-marginal.ts';
import type { Points } from '../numerics/points.ts';
import { type RandomSource, randomSource } from '../numerics/random.ts';
import { brownian } from '../references/brownian.ts';
import { type TimeGrid, timeGrid } from '../references/time-grid.ts';
import { brownianBetween } from './independent-pairs.ts';

/** Training pairs, and fresh starts. */
export const SAMPLES = 10_000;
const STEPS = 20;

/** One seed of the table. */
export interface TableSample {
  readonly problem: BridgeProblem & { readonly target: DiscreteMarginal };
  readonly grid: TimeGrid;
  /** Moments of p*_t by coordinate, at every node. */
  readonly exact: readonly CoordinateMoments[];
  /** Fresh starts and the noise of their paths. */
  readonly starts: Points;
  readonly random: () => RandomSource;
}

interface CoordinateMoments {
  readonly mean: Float64Array;
  readonly variance: Float64Array;
}

/** The training samples, fresh starts and exact answers of one seed. */
export function tableSample(dimension: number, seed: number): TableSample {
  const random = randomSource(seed).split('gaussian table').split(dimension);
  const [source, target] = [-0.1, 0.1].map((mean) => gaussianMarginal({ mean: new Float64Array(dimension).fill(mean), covariance: 1 })) as [
    ReturnType<typeof gaussianMarginal>,
    ReturnType<typeof gaussianMarginal>,
  ];
  const reference = brownian({ sigma: 1 });
  const grid = timeGrid.uniform({ steps: STEPS });
  const [x, y] = [source.sample(SAMPLES, random.split('source')), target.sample(SAMPLES, random.split('target'))];
  const truth = gaussianBridge(bridgeProblem({ source, target, reference }));
  const exact = Array.from(grid.times, (t) => {
    const law = truth.marginalAt(t);
    return { mean: law.mean(), variance: Float64Array.from(law.covariance().diagonal()) };
  });
  const samples = { source: discreteMarginal({ points: x }), target: discreteMarginal({ points: y }) };
  return {
    problem: bridgeProblem({ ...samples, reference }) as TableSample['problem'],
    grid,
    exact,
    starts: source.sample(SAMPLES, random.split('fresh starts')),
    random: () => random.split('fresh noise'),
  };
}

/** Moments of fresh paths by Euler's method under the exact drift of the fitted moments. */
export function floorPaths({ problem, grid, starts, random }: TableSample): CoordinateMoments[] {
  const fitted = fittedBridge(problem);
  const noise = random();
  const out = [coordinateMoments(starts)];
  let x = starts;
  for (let k = 0; k < grid.steps; k++) {
    const [gamma, root] = [grid.durations[k]!, Math.sqrt(grid.durations[k]!)];
    const next = fitted.drift(grid.times[k]!, x);
    for (let i = 0; i < next.data.length; i++) next.data[i] = x.data[i]! + gamma * next.data[i]! + root * noise.normal();
    x = next;
    out.push(coordinateMoments(x));
  }
  return out;
}

/** Moments at the nodes of fresh paths after a half-step, in the direction learned there. */
export function pathsOf({ grid, starts, random }: TableSample, run: DiffusionBridge, halfStep: number): CoordinateMoments[] {
  const bridge = run.iterate(halfStep);
  const { direction } = run.halfSteps[halfStep - 1]!;
  const mirrored = { ...starts, data: starts.data.map((value) => -value) };
  // N(0.1·1, I) is N(−0.1·1, I) mirrored: the same draws start both directions.
  const { points } = bridge.simulate({ from: direction === 'forward' ? starts : mirrored, grid, random: random(), direction });
  return points.map(coordinateMoments);
}

/** Moments of bridges of the reference from fresh starts to training points that know nothing of them: the independent coupling. */
export function independentPaths({ problem, grid, starts, random }: TableSample): CoordinateMoments[] {
  const noise = random();
  const ends = problem.target.points;
  return Array.from(grid.times, (t) => coordinateMoments(brownianBetween(starts, ends, t, 1, () => noise.normal())));
}

/** The bridge between the moments of the samples: the floor, and the base of the preconditioned rows. */
export function fittedBridge({ reference, source, target }: BridgeProblem): GaussianBridge {
  const [a, b] = [source, target].map((side) => gaussianMarginal({ mean: side.mean(), covariance: side.covariance() }));
  return gaussianBridge(bridgeProblem({ source: a!, target: b!, reference }));
}

/** Mean over the nodes of Σ_c KL(N(m_c, v_c) | N(exact)). */
export function meanKl(exact: readonly CoordinateMoments[], fitted: readonly CoordinateMoments[]): number {
  let sum = 0;
  fitted.forEach(({ mean, variance }, k) => {
    mean.forEach((m, c) => {
      const [v, w] = [variance[c]!, exact[k]!.variance[c]!];
      sum += 0.5 * (v / w - 1 - Math.log(v / w) + (m - exact[k]!.mean[c]!) ** 2 / w);
    });
  });
  return sum / fitted.length;
}

function coordinateMoments({ data, count, dimension }: Points): CoordinateMoments {
  const mean = new Float64Array(dimension);
  const variance = new Float64Array(dimension);
  for (let i = 0; i < data.length; i++) mean[i % dimension]! += data[i]! / count;
  for (let i = 0; i < data.length; i++) variance[i % dimension]! += (data[i]! - mean[i % dimension]!) ** 2 / count;
  return { mean, variance };
}
