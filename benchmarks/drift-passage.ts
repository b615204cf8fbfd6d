// npm run bench:drift runs it too: npm run bench -- drift-passage [--python PATH] [--seeds 1,2,3]
// Training steps and seconds until the published KL of the Gaussian table (Shi et al. 2023, d = 5) is passed for the first time, judged after
// every half-step, by networks alone: our best recipe, the reference code's scheme with the same and with its own tuned recipe, and all three
// in PyTorch on the same arrays, seed by seed in one run. Training and simulation count, evaluation does not; nothing is warmed up.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bridgeMatching } from '../src/diffusion/bridge-matching.ts';
import { diffusionBridge } from '../src/diffusion/diffusion-bridge.ts';
import { driftModels } from '../src/drifts/drift-models.ts';
import { formatNpy } from '../src/io/npy.ts';
import type { DiscreteMarginal } from '../src/marginals/discrete-marginal.ts';
import type { Points } from '../src/numerics/points.ts';
import { meanKl, pathsOf, type TableSample, tableSample } from '../src/reproduce/gaussian-sample.ts';
import { table } from './discrete-text.ts';
import { machine, today, versions } from './machine.ts';

const RESULTS = 'benchmarks/results/drift-passage.json';
const PEER = 'benchmarks/peers/drift_passage_peer.py';
const DIMENSION = 5;
/** DSBM-IPF's row. */
const LEVEL = 1.23e-3;
/** 10 000 inner steps, 20 iterations, 2 half-steps. */
const PUBLISHED_STEPS = 400_000;

interface Recipe {
  /** What half-step 1 learns from: the reference (iterative proportional fitting) or independent pairs (bridge matching). */
  readonly pairs: 'reference' | 'independent';
  readonly hidden: readonly number[];
  /** Sines and cosines of time beside time. */
  readonly timeFeatures: number;
  /** Training steps of a half-step. */
  readonly innerSteps: number;
  readonly batchSize: number;
  /** Falls along a cosine in every half-step. */
  readonly learningRate: number;
  readonly ema: number;
  /** Paths that a half-step of ours simulates; PyTorch's simulates one from every training point. */
  readonly cache: number;
  /** Half-steps after which a run gives up. */
  readonly halfSteps: number;
}

const SMALL = { hidden: [64, 64], timeFeatures: 2, innerSteps: 300, batchSize: 256, learningRate: 1e-2, ema: 0.96, cache: 2000 } as const;
/** The fastest that we found for PyTorch with the reference code's scheme and network. */
const TUNED = {
  hidden: [256, 256],
  timeFeatures: 0,
  innerSteps: 3000,
  batchSize: 128,
  learningRate: 1e-3,
  ema: 0.999,
  cache: 10_000,
} as const;
const RECIPES: Readonly<Record<string, Recipe>> = {
  'bridge matching, 64-64': { pairs: 'independent', ...SMALL, halfSteps: 8 },
  'proportional fitting, 64-64': { pairs: 'reference', ...SMALL, halfSteps: 8 },
  'proportional fitting, 256-256': { pairs: 'reference', ...TUNED, halfSteps: 6 },
};

/** A run until the level was passed, or without success. */
interface Run {
  readonly engine: string;
  readonly recipe: string;
  readonly seed: number;
  /** KL after every half-step. */
  readonly trace: readonly number[];
  /** Seconds of training and simulation up to then. */
  readonly clock: readonly number[];
  /** Half-steps, training steps and seconds to the first passage; absent when there was none. */
  readonly passage?: { readonly halfSteps: number; readonly steps: number; readonly seconds: number };
  readonly threads?: number;
}

function runOf(head: Pick<Run, 'engine' | 'recipe' | 'seed' | 'threads'>, trace: readonly number[], clock: readonly number[]): Run {
  const at = trace.findIndex((kl) => kl <= LEVEL);
  if (at < 0) return { ...head, trace, clock };
  const steps = (at + 1) * RECIPES[head.recipe]!.innerSteps;
  return { ...head, trace, clock, passage: { halfSteps: at + 1, steps, seconds: clock[at]! } };
}

async function ours(recipe: string, sample: TableSample, seed: number): Promise<Run> {
  const { pairs, hidden, timeFeatures, ema, halfSteps, cache, ...training } = RECIPES[recipe]!;
  const { problem, grid } = sample;
  const options = {
    ...training,
    iterations: halfSteps / 2,
    grid,
    drift: driftModels.mlp({ hidden, timeFeatures, ema }),
    // One cache a half-step.
    cache: { paths: cache, refreshEvery: training.innerSteps },
    seed,
  };
  const start = performance.now();
  const run = await (pairs === 'independent'
    ? bridgeMatching(problem, options)
    : diffusionBridge(problem, { ...options, target: 'endpoint' }));
  const wall = (performance.now() - start) / 1000;
  // What lies outside of the half-steps, engines and their threads above all, counts from the beginning.
  let seconds = wall - run.halfSteps.reduce((sum, each) => sum + each.seconds, 0);
  const clock = run.halfSteps.map((each) => (seconds += each.seconds));
  const trace = run.halfSteps.map((_, i) => meanKl(sample.exact, pathsOf(sample, run, i + 1)));
  return runOf({ engine: 'viaduct', recipe, seed }, trace, clock);
}

interface Answer {
  readonly kl: number;
  readonly seconds: number;
  readonly threads: number;
  readonly version: string;
  readonly done: boolean;
}

/** The recipes in PyTorch on the arrays of a sample, one after the other. */
function pytorch(python: string, sample: TableSample, seed: number): { runs: Run[]; version: string } {
  const folder = mkdtempSync(join(tmpdir(), 'viaduct-passage-'));
  try {
    const write = (name: string, { data, count }: Pick<Points, 'data' | 'count'>): void =>
      writeFileSync(join(folder, `${name}.npy`), formatNpy({ data, shape: [count, DIMENSION] }));
    const nodes = (data: readonly Float64Array[]) => ({ data: Float64Array.from(data.flatMap((row) => [...row])), count: data.length });
    write('source', (sample.problem.source as DiscreteMarginal).points);
    write('target', (sample.problem.target as DiscreteMarginal).points);
    write('starts', sample.starts);
    write('mean', nodes(sample.exact.map(({ mean }) => mean)));
    write('variance', nodes(sample.exact.map(({ variance }) => variance)));
    const names = Object.keys(RECIPES);
    const input = names.map((name) => JSON.stringify({ ...RECIPES[name], seed, level: LEVEL })).join('\n');
    const env = { ...process.env };
    // Settings that slow OpenBLAS down on machines it would know better by itself.
    delete env['OPENBLAS_CORETYPE'];
    delete env['OPENBLAS_L2_SIZE'];
    const { stdout, status } = spawnSync(python, [PEER, folder], { input, env, encoding: 'utf8', stdio: ['pipe', 'pipe', 'inherit'] });
    if (status !== 0) throw new Error(`bench drift-passage: ${python} could not train with PyTorch; install torch and numpy there`);
    const said = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Answer);
    const runs: Run[] = [];
    for (let from = 0; from < said.length; ) {
      const to = said.findIndex(({ done }, i) => i >= from && done) + 1;
      const part = said.slice(from, to);
      const head = { engine: 'PyTorch', recipe: names[runs.length]!, seed, threads: part[0]!.threads };
      runs.push(
        runOf(
          head,
          part.map(({ kl }) => kl),
          part.map(({ seconds }) => seconds),
        ),
      );
      from = to;
    }
    return { runs, version: said[0]!.version };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function describe({ engine, recipe, seed, trace, passage, threads }: Run): string {
  const kl = trace.map((value) => (1e3 * value).toFixed(2)).join(' ');
  const when = passage === undefined ? 'not passed' : `${passage.steps} steps, ${passage.seconds.toFixed(2)} s`;
  const how = threads === undefined ? engine : `${engine} (${threads} thread${threads > 1 ? 's' : ''})`;
  return `seed ${seed}  ${how.padEnd(20)} ${recipe.padEnd(30)} ${when.padEnd(22)} KL × 10³: ${kl}`;
}

/** Mean over the seeds; a recipe that failed for one has no mean. */
function summary(runs: readonly Run[]): string {
  const groups = [...new Set(runs.map(({ engine, recipe }) => `${engine}|${recipe}`))].map((key) =>
    runs.filter(({ engine, recipe }) => key === `${engine}|${recipe}`),
  );
  const mean = (group: readonly Run[], value: (passage: NonNullable<Run['passage']>) => number): number =>
    group.reduce((sum, { passage }) => sum + (passage === undefined ? Number.NaN : value(passage)), 0) / group.length;
  const fastest = mean(groups[0]!, ({ seconds }) => seconds);
  const cell = (value: number, digits: number): string => (Number.isNaN(value) ? '–' : value.toFixed(digits));
  const rows = groups.map((group) => {
    const seconds = mean(group, (passage) => passage.seconds);
    const passed = group.flatMap(({ passage }) => (passage === undefined ? ['–'] : [String(passage.halfSteps)])).join(', ');
    const steps = mean(group, (passage) => passage.steps);
    return [
      `${group[0]!.engine}: ${group[0]!.recipe}`,
      passed,
      cell(steps, 0),
      cell(PUBLISHED_STEPS / steps, 0),
      cell(seconds, 2),
      cell(seconds / fastest, 1),
    ];
  });
  return table(['recipe', 'half-steps', 'steps', 'published / steps', 'seconds', 'over ours'], rows);
}

const { values } = parseArgs({ options: { python: { type: 'string' }, seeds: { type: 'string', default: '1,2,3' } } });
const seeds = values.seeds.split(',').map(Number);
const runs: Run[] = [];
let known = versions();
console.log(`First passage of KL ${LEVEL}, d = ${DIMENSION}; published recipe: ${PUBLISHED_STEPS} steps\n`);
for (const seed of seeds) {
  const sample = tableSample(DIMENSION, seed);
  const add = (run: Run): void => {
    runs.push(run);
    console.log(describe(run));
  };
  for (const recipe of Object.keys(RECIPES)) add(await ours(recipe, sample, seed));
  if (values.python === undefined) continue;
  const torch = pytorch(values.python, sample, seed);
  torch.runs.forEach(add);
  known = { ...known, torch: torch.version };
}
console.log(`\n${summary(runs)}`);
writeFileSync(
  RESULTS,
  `${JSON.stringify({ date: today(), machine: machine(), versions: known, level: LEVEL, publishedSteps: PUBLISHED_STEPS, recipes: RECIPES, runs }, undefined, 2)}\n`,
);
console.log(`\n${RESULTS} written`);
