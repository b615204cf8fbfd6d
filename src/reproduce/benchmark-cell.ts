import { type BridgeProblem, bridgeProblem } from '../couplings/bridge-problem.ts';
import type { Coupling } from '../couplings/coupling.ts';
import { independentCoupling } from '../couplings/independent-coupling.ts';
import { conditionalBwUvp } from '../diagnostics/conditional-bw-uvp.ts';
import type { ConditionalLaw } from '../diagnostics/conditional-moments.ts';
import { type EntropicBenchmark, entropicBenchmark } from '../diagnostics/entropic-benchmark.ts';
import { bridgeMatching } from '../diffusion/bridge-matching.ts';
import { type BridgeDrift, sampleByBridge, stepVariances } from '../diffusion/bridge-sampler.ts';
import { diffusionBridge } from '../diffusion/diffusion-bridge.ts';
import { mixtureBridge } from '../diffusion/mixture-bridge.ts';
import type { TrainingOptions } from '../diffusion/training-options.ts';
import { driftModels } from '../drifts/drift-models.ts';
import { biasEqualisingGrid } from '../gaussian/bias-equalising-grid.ts';
import { dataMarginal } from '../marginals/discrete-marginal.ts';
import { gaussianMarginal } from '../marginals/gaussian-marginal.ts';
import { sampledMarginal } from '../marginals/sampled-marginal.ts';
import { weightedMoments } from '../numerics/moments.ts';
import { type Points, takeRows } from '../numerics/points.ts';
import { type RandomSource, randomSource } from '../numerics/random.ts';
import { trace } from '../numerics/spd.ts';
import type { TimeGrid } from '../references/time-grid.ts';
import type { CellPlan } from './benchmark-plan.ts';
import { type ShareReport, sharesOf } from './reproduction.ts';

/** An instance of the benchmark, with everything that the rows share. */
export interface Cell {
  readonly epsilon: number;
  readonly plan: CellPlan;
  readonly truth: EntropicBenchmark;
  readonly grid: TimeGrid;
  readonly inputs: Points;
  readonly random: RandomSource;
}

/** Components of the potential, as in the published benchmark. */
const COMPONENTS = 5;
/** sin(πjt), cos(πjt) up to j = 8: the pull towards the end grows within the last tenth. */
const TIME_FEATURES = 16;
/** Paths along which the variances of the sampler's steps are averaged. */
const PILOT = 500;

/** Rebuilds an instance from its seed. */
export function makeCell(dimension: number, epsilon: number, seed: number, plan: CellPlan): Cell {
  const random = randomSource(seed).split('benchmark table').split(dimension).split(`${epsilon}`);
  const benchmark = entropicBenchmark({ dimension, components: COMPONENTS, epsilon, seed });
  const { source } = benchmark;
  const sample = benchmark.target.sample(plan.samples, random.split('target'));
  // Moments of the sample at hand: the marginal's own would draw 100 000 points more.
  const target = sampledMarginal({ dimension, draw: benchmark.target.sample, ...weightedMoments(sample) });
  const { reference } = benchmark.problem;
  const truth = { ...benchmark, target, problem: bridgeProblem({ source, target, reference }) };
  return {
    epsilon,
    plan,
    truth,
    grid: gridOf(truth.problem, plan.steps),
    inputs: source.sample(Math.max(...Object.values(plan.inputs)), random.split('inputs')),
    random,
  };
}

/** The bias-equalising grid of one coordinate, of the mean variances: in all of them it takes longer than the paths. */
function gridOf({ source, target, reference, dimension }: BridgeProblem, steps: number): TimeGrid {
  const [a, b] = [source, target].map((side) => gaussianMarginal({ mean: [0], covariance: trace(side.covariance()) / dimension }));
  return biasEqualisingGrid(bridgeProblem({ source: a!, target: b!, reference }), { steps });
}

/** Conditional BW²-UVP in percent, over the first `count` inputs. */
export function judge({ truth, plan, inputs, random }: Cell, law: ConditionalLaw, count: number): number {
  const x = takeRows(inputs, [...Array(count).keys()]);
  return conditionalBwUvp(law, truth, { inputs: x, samples: plan.draws, random: random.split('conditional draws') });
}

/** A coupling of which nothing is known but draws of x₁ given x₀. */
export function byDraws({ truth }: Cell, sampleConditional: (x: Points, random: RandomSource) => Points): Coupling {
  return {
    ...independentCoupling(truth.source, truth.target),
    kind: 'conditional-draws',
    sampleConditional: (x, random) => sampleConditional(x as Points, random),
  };
}

/** Paths by Euler's method on the cell's grid. */
export function byEuler(cell: Cell, bridge: BridgeDrift): Coupling {
  const variances = cell.grid.durations.map((gamma) => cell.epsilon * gamma);
  return byDraws(cell, (x, random) => sampleByBridge(bridge, x, { grid: cell.grid, variances, random }));
}

/** Paths on the cell's grid whose steps have the bridge's variance. */
export function byBridge(cell: Cell, bridge: BridgeDrift, pilot: number = PILOT): Coupling {
  const { grid, epsilon, truth } = cell;
  const random = cell.random.split('pilot');
  const starts = truth.source.sample(pilot, random.split('starts'));
  const variances = stepVariances(bridge, { epsilon, grid, starts, random: random.split('noise') });
  return byDraws(cell, (x, noise) => sampleByBridge(bridge, x, { grid, variances, random: noise }));
}

/** What training needs beside the cell. */
export interface Training {
  readonly seed: number;
  readonly signal: AbortSignal | undefined;
  readonly onShare: ShareReport;
}

/** Trains a network method on fresh draws of both marginals, as its authors do; it starts from nothing and has no preconditioner. */
export async function trainNetwork(
  { truth, grid, plan }: Cell,
  method: 'diffusionBridge' | 'bridgeMatching',
  { seed, signal, onShare }: Training,
): Promise<BridgeDrift> {
  const { hidden, ema, iterations, training } = plan.network;
  const options: TrainingOptions & { readonly iterations: number } = {
    ...training,
    iterations,
    grid,
    drift: driftModels.mlp({
      hidden,
      ema,
      residual: true,
      outputScale: 'noise',
      initialWeights: 'orthogonal',
      timeFeatures: TIME_FEATURES,
    }),
    seed,
    ...(signal === undefined ? {} : { signal }),
    onProgress: sharesOf(onShare),
  };
  return method === 'diffusionBridge'
    ? diffusionBridge(truth.problem, { ...options, target: 'endpoint' })
    : bridgeMatching(truth.problem, options);
}

/** Fits a mixture to a sample of its own. */
export function fitMixture({ truth, plan, random }: Cell, { seed, signal, onShare }: Training): ReturnType<typeof mixtureBridge> {
  const { source, reference } = truth.problem;
  const target = dataMarginal(truth.target.sample(plan.mixture.samples, random.split('mixture').split(seed)));
  return mixtureBridge(bridgeProblem({ source, target, reference }), {
    ...plan.mixture,
    seed,
    ...(signal === undefined ? {} : { signal }),
    onProgress: ({ iteration }) => onShare(iteration / plan.mixture.maxIterations),
  });
}
