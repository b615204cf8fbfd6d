import type { Bridge } from '../couplings/bridge.ts';
import { bridgeProblem } from '../couplings/bridge-problem.ts';
import { wasserstein2 } from '../diagnostics/wasserstein2.ts';
import { diffusionBridge } from '../diffusion/diffusion-bridge.ts';
import { scoreModel } from '../diffusion/score-model.ts';
import type { TrainingOptions } from '../diffusion/training-options.ts';
import { driftModels } from '../drifts/drift-models.ts';
import { dataMarginal } from '../marginals/discrete-marginal.ts';
import { gaussianMarginal } from '../marginals/gaussian-marginal.ts';
import type { Marginal } from '../marginals/marginal.ts';
import { eightGaussians, moons, sCurve, swissRoll } from '../marginals/shapes.ts';
import { now } from '../numerics/iterate.ts';
import { allocatePoints, type Points } from '../numerics/points.ts';
import { randomSource } from '../numerics/random.ts';
import { dsbReference } from '../references/dsb-reference.ts';
import { schedules } from '../references/schedules.ts';
import { type ShareReport, sharesOf } from './reproduction.ts';

/** Data at t = 0 and what it is carried to. */
export interface PaperSet {
  readonly name: string;
  readonly data: Marginal;
  readonly far: Marginal;
  readonly generator: string;
}

/** Data ↔ prior, and data ↔ data. The prior is the stationary law N(0, I); the data are narrower or off its centre, so that a short horizon misses it. */
export function paperSets(): readonly PaperSet[] {
  const prior = gaussianMarginal({ mean: [0, 0], covariance: 1 });
  return [
    {
      name: '8 Gaussians',
      data: eightGaussians({ noise: 0.1, scale: 0.8 }),
      far: prior,
      generator: 'eightGaussians({ noise: 0.1, scale: 0.8 }), prior N(0, I)',
    },
    { name: 'moons', data: moons({ noise: 0.05, scale: 1.4 }), far: prior, generator: 'moons({ noise: 0.05, scale: 1.4 }), prior N(0, I)' },
    {
      name: 'swiss roll → S-curve',
      data: swissRoll({ noise: 0.05, scale: 1.3 }),
      far: sCurve({ noise: 0.05 }),
      generator: 'swissRoll({ noise: 0.05, scale: 1.3 }) to sCurve({ noise: 0.05 })',
    },
  ];
}

/** Sizes of a run. */
export interface PaperSizes {
  readonly samples: number;
  /** Points a side behind an exact W2. */
  readonly exactPoints: number;
  readonly hidden: readonly number[];
  readonly batchSize: number;
  readonly iterations: number;
  /** Training steps of a half-step. */
  readonly innerSteps: number;
}

/** A chain of N steps over a horizon. */
export interface PaperCase {
  readonly horizon: number;
  readonly steps: number;
}

/** What one run of DSB shows after each of its iterations. */
export interface PaperRun {
  /** W2 of generated to fresh data after iteration 1, 2, …; the first is the score model. */
  readonly w2: readonly number[];
  /** W2 of the score model trained on its own for as many steps as the backward network had in all iterations. */
  readonly longScore: number;
  /** Of two independent draws as large. */
  readonly floor: number;
  /** Backward paths after the iterations asked for, at PAPER_NODES. */
  readonly paths: ReadonlyMap<number, readonly Points[]>;
  readonly seconds: number;
}

/** Dots of a panel. */
const DOTS = 160;
/** Times of the panels, as shares of the steps. */
export const PAPER_NODES: readonly number[] = [0, 0.25, 0.5, 0.75, 1];

/** Trains DSB on one set and judges every iteration by the data that its backward chain makes of fresh draws of the far side. */
export async function paperRun(
  set: PaperSet,
  { horizon, steps }: PaperCase,
  sizes: PaperSizes,
  options: {
    readonly seed: number;
    /** Iterations whose paths are kept. */
    readonly keep: readonly number[];
    readonly signal?: AbortSignal | undefined;
    readonly onShare: ShareReport;
  },
): Promise<PaperRun> {
  const { samples, exactPoints, hidden, batchSize, iterations, innerSteps } = sizes;
  const { seed, keep, signal, onShare } = options;
  const random = randomSource(seed).split('paper').split(set.name);
  const { reference, grid } = dsbReference({ rate: 1 }, symmetricSteps(horizon, steps));
  const side = (law: Marginal, label: string): Marginal =>
    law.kind === 'gaussian' ? law : dataMarginal(law.sample(samples, random.split(label)));
  const problem = bridgeProblem({ source: side(set.data, 'data'), target: side(set.far, 'far side'), reference });
  const begun = now();
  const training = (share: ShareReport): TrainingOptions => ({
    grid,
    drift: driftModels.mlp({ hidden, activation: 'silu', residual: true }),
    batchSize,
    learningRate: 3e-3,
    cache: samples,
    seed,
    ...(signal === undefined ? {} : { signal }),
    onProgress: sharesOf(share),
  });
  const run = await diffusionBridge(problem, {
    ...training((share, how) => onShare((2 * share) / 3, how)),
    iterations,
    target: 'endpoint',
    innerSteps,
  });
  signal?.throwIfAborted();
  const score = await scoreModel(problem, {
    ...training((share, how) => onShare((2 + share) / 3, how)),
    innerSteps: iterations * innerSteps,
  });
  signal?.throwIfAborted();
  const seconds = now() - begun;
  const starts = set.far.sample(exactPoints, random.split('starts'));
  const fresh = set.data.sample(exactPoints, random.split('fresh'));
  const floor = wasserstein2(set.data.sample(exactPoints, random.split('second')), fresh);
  const paths = new Map<number, readonly Points[]>();
  // The noise of every iteration is the same, so that what differs is what was learned.
  const generated = (bridge: Bridge): readonly Points[] => {
    const { points } = bridge.simulate({ from: starts, grid, random: random.split('paths'), direction: 'backward' });
    return [arrival(points[1]!, bridge.backwardDrift(grid.times[1]!, points[1]!), grid.durations[0]!), ...points.slice(1)];
  };
  const w2 = Array.from({ length: iterations }, (_, i) => {
    const nodes = generated(run.iterate(2 * i + 1));
    if (keep.includes(i + 1))
      paths.set(
        i + 1,
        PAPER_NODES.map((share) => firstDots(nodes[Math.round(share * steps)]!)),
      );
    return wasserstein2(nodes[0]!, fresh);
  });
  return { w2, longScore: wasserstein2(generated(score.iterate(1))[0]!, fresh), floor, paths, seconds };
}

/** The symmetric schedule of the paper over a horizon: γ grows twentyfold towards the middle. */
function symmetricSteps(horizon: number, steps: number): Float64Array {
  const shape = schedules.symmetric({ min: 1, max: 20, steps });
  const sum = shape.reduce((total, gamma) => total + gamma, 0);
  return shape.map((gamma) => (gamma * horizon) / sum);
}

/** The last step without its noise. */
function arrival(x: Points, drift: Points, gamma: number): Points {
  const out = allocatePoints(x.count, x.dimension);
  for (let i = 0; i < out.data.length; i++) out.data[i] = x.data[i]! + gamma * drift.data[i]!;
  return out;
}

function firstDots({ data, count, dimension }: Points): Points {
  const dots = Math.min(DOTS, count);
  return { data: data.slice(0, dots * dimension), count: dots, dimension };
}
