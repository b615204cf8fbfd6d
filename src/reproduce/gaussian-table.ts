import { diffusionBridge } from '../diffusion/diffusion-bridge.ts';
import type { DriftModelSpec } from '../drifts/drift-model.ts';
import { driftModels } from '../drifts/drift-models.ts';
import { now } from '../numerics/iterate.ts';
import type { Check } from '../report/report.ts';
import { fittedBridge, floorPaths, independentPaths, meanKl, pathsOf, SAMPLES, type TableSample, tableSample } from './gaussian-sample.ts';
import {
  meanAndSpread,
  type ProgressReport,
  type ReproduceOptions,
  type Reproduction,
  type ReproductionRow,
  type ShareReport,
  seedsOf,
  sharesOf,
} from './reproduction.ts';
import { reproductionCheck, twoErrors } from './reproduction-check.ts';

/** Rows of Shi et al. 2023, KL × 1e-3, for 10 000 training pairs. */
const PUBLISHED: Readonly<Record<number, Readonly<Record<string, number>>>> = {
  5: { DSB: 3.26, 'DSBM-IPF': 1.23, 'DSBM-IMF': 1.34, 'SB-CFM': 1.45 },
  20: { DSB: 13.0, 'DSBM-IPF': 4.42, 'DSBM-IMF': 5.05, 'SB-CFM': 12.3 },
  50: { DSB: 32.8, 'DSBM-IPF': 8.75, 'DSBM-IMF': 9.76, 'SB-CFM': 49.4 },
};
const ITERATIONS = 5;
/** Excess over the floor that networks alone are to reach, by dimension, in nats. */
const GOALS: Readonly<Record<number, number>> = { 5: 0.25e-3, 20: 0.9e-3, 50: 0.6e-3 };

/** Decay of the running average of weights. */
const EMA = 0.998;

/** A training recipe of the table. */
interface Recipe {
  readonly hidden: readonly number[];
  readonly innerSteps: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly draws: 'matched' | 'independent';
}

/** More dimensions need wider layers and more rows; d = 5 is done after a quarter of the others' work. */
function recipeOf(dimension: number): Recipe {
  const common = { innerSteps: 3000, learningRate: 3e-3, draws: 'matched' } as const;
  if (dimension <= 8) return { ...common, hidden: [64, 64], batchSize: 512 };
  if (dimension <= 32) return { ...common, hidden: [128, 128], batchSize: 512 };
  // Matching the moments of noise costs d³ a step of every path, which is more than the training there.
  return { ...common, innerSteps: 2500, hidden: [128, 128], batchSize: 1024, draws: 'independent' };
}

const QUICK: Recipe = { hidden: [32, 32], innerSteps: 100, batchSize: 256, learningRate: 3e-3, draws: 'matched' };

/**
 * The Gaussian table of the field: N(−0.1·1, I) to N(0.1·1, I) over Brownian motion with σ = 1 and 20 steps, known through 10 000 samples of
 * each side; the mean over 21 times of KL(P_t | P*_t) of 10 000 fresh paths, by a diagonal fit.
 *
 * The floor runs the exact drift of the moments fitted to the same samples: what a scheme adds is its excess over that.
 *
 * @see [shi2023]
 */
export async function gaussianTable(options: ReproduceOptions = {}): Promise<Reproduction> {
  const begun = now();
  const dimensions = options.dimension === undefined ? (options.quick ? [5] : [5, 20, 50]) : [options.dimension];
  const rows: ReproductionRow[] = [];
  for (const [i, dimension] of dimensions.entries()) {
    const report: ProgressReport = (text, share, training) =>
      options.onProgress?.(`d = ${dimension}: ${text}`, (i + share) / dimensions.length, training);
    rows.push(...(await dimensionRows(dimension, options, report)));
  }
  return {
    name: 'gaussian',
    title: 'Gaussian table: mean KL × 10⁻³ over 21 times',
    columns: [
      { key: 'dimension', heading: 'd' },
      { key: 'method', heading: 'method' },
      { key: 'kl', heading: 'KL', scale: 1000 },
      { key: 'spread', heading: '±', scale: 1000 },
      { key: 'floor', heading: 'floor', scale: 1000 },
      { key: 'independent', heading: 'independent', scale: 1000 },
      { key: 'excess', heading: 'excess', scale: 1000 },
      { key: 'goal', heading: 'to reach', scale: 1000 },
      { key: 'published', heading: 'published', scale: 1000 },
      { key: 'seconds', heading: 's' },
    ],
    rows,
    notes: [
      'KL(P_t | P*_t) in nats of a diagonal Gaussian fit to 10 000 fresh paths, averaged over the 21 nodes; the tables print it times 1000, JSON holds nats.',
      'The floor is the exact drift of the moments fitted to the same 10 000 training samples, Euler with the same 20 steps and the same fresh starts: excess = KL − floor.',
      'Independent: bridges of the reference between fresh starts and training points that know nothing of each other.',
      'Published rows do not name their covariance estimator; only a diagonal fit is compatible with them, since a full fit alone costs d(d + 1)/4n.',
      'Rows with a preconditioner know the Gaussian bridge of the fitted moments: a check that the residual stays at zero, not a result.',
    ],
    figures: [],
    checks: rows.flatMap(checksOf),
    seconds: now() - begun,
  };
}

/** Rows that have something to reach. */
function checksOf({ method, dimension, excess, excessSpread, goal, seeds }: ReproductionRow): Check[] {
  if (typeof excess !== 'number' || typeof excessSpread !== 'number' || typeof goal !== 'number') return [];
  const meaning = 'Excess of KL × 10⁻³ over the floor, mean over seeds; two standard errors above the goal are a warning.';
  const limit = goal + twoErrors(excessSpread, seeds);
  return [reproductionCheck(`d = ${dimension}: ${method}`, 1000 * excess, { goal: 1000 * goal, limit: 1000 * limit, meaning })];
}

async function dimensionRows(dimension: number, options: ReproduceOptions, report: ProgressReport): Promise<ReproductionRow[]> {
  const seeds = seedsOf(options, dimension);
  const recipe = options.quick ? QUICK : recipeOf(dimension);
  const methods = options.networkOnly ? ['network'] : ['network', 'preconditioned'];
  const floors: number[] = [];
  const independents: number[] = [];
  const results = new Map(methods.map((method) => [method, [] as Result[]]));
  for (const [s, seed] of seeds.entries()) {
    const sample = tableSample(dimension, seed);
    floors.push(meanKl(sample.exact, floorPaths(sample)));
    independents.push(meanKl(sample.exact, independentPaths(sample)));
    for (const [m, method] of methods.entries()) {
      const part = (s * methods.length + m) / (seeds.length * methods.length);
      const result = await train(sample, method, recipe, seed, options, (share, training) =>
        report(`seed ${seed}, ${method}`, part + share / (seeds.length * methods.length), training),
      );
      results.get(method)!.push(result);
    }
  }
  const floor = meanAndSpread(floors);
  const independent = meanAndSpread(independents).mean;
  const published = PUBLISHED[dimension] ?? {};
  const ours = methods.map((method): ReproductionRow => {
    const all = results.get(method)!;
    const { mean, spread } = meanAndSpread(all.map(({ trace }) => trace.at(-1)!));
    const excess = meanAndSpread(all.map(({ trace }, s) => trace.at(-1)! - floors[s]!));
    return {
      method: method === 'network' ? 'diffusionBridge, endpoint' : 'the same, preconditioned (sanity)',
      dimension,
      seeds: seeds.length,
      kl: mean,
      spread,
      floor: floor.mean,
      independent,
      excess: excess.mean,
      excessSpread: excess.spread,
      ...(method === 'network' && GOALS[dimension] !== undefined ? { goal: GOALS[dimension] } : {}),
      published: published['DSBM-IPF'] === undefined ? undefined : published['DSBM-IPF'] / 1000,
      trace: all[0]!.trace.map((_, i) => meanAndSpread(all.map(({ trace }) => trace[i]!)).mean),
      trainingSteps: 2 * ITERATIONS * recipe.innerSteps,
      seconds: meanAndSpread(all.map(({ seconds }) => seconds)).mean,
    };
  });
  const theirs = Object.entries(published).map(
    ([method, kl]): ReproductionRow => ({
      method: `${method} (published)`,
      dimension,
      seeds: 5,
      kl: kl / 1000,
      published: kl / 1000,
      seconds: 0,
    }),
  );
  return [...ours, ...theirs];
}

interface Result {
  /** KL after every half-step. */
  readonly trace: readonly number[];
  readonly seconds: number;
}

async function train(
  sample: TableSample,
  method: string,
  { hidden, innerSteps, batchSize, learningRate, draws }: Recipe,
  seed: number,
  { signal }: ReproduceOptions,
  onShare: ShareReport,
): Promise<Result> {
  const { problem, grid } = sample;
  const net = driftModels.mlp({ hidden, activation: 'silu', ema: EMA });
  const drift: DriftModelSpec = method === 'network' ? net : driftModels.sum(fittedBridge(problem), net);
  const run = await diffusionBridge(problem, {
    iterations: ITERATIONS,
    grid,
    target: 'endpoint',
    drift,
    batchSize,
    innerSteps,
    learningRate,
    cache: { paths: SAMPLES, draws },
    seed,
    ...(signal === undefined ? {} : { signal }),
    onProgress: sharesOf(onShare),
  });
  return {
    trace: run.halfSteps.map((_, i) => meanKl(sample.exact, pathsOf(sample, run, i + 1))),
    seconds: run.halfSteps.reduce((sum, { seconds }) => sum + seconds, 0),
  };
}
