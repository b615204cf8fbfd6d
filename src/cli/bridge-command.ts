import { join } from 'node:path';
import { type BridgeProblem, bridgeProblem } from '../couplings/bridge-problem.ts';
import { bwUvp } from '../diagnostics/bw-uvp.ts';
import { failureLimit } from '../diagnostics/theorem-check.ts';
import { theoremChecks } from '../diagnostics/theorem-checks.ts';
import { bridgeMatching } from '../diffusion/bridge-matching.ts';
import { defaultDrift } from '../diffusion/default-drift.ts';
import { diffusionBridge } from '../diffusion/diffusion-bridge.ts';
import type { DiffusionBridge } from '../diffusion/diffusion-run.ts';
import type { TrainingTarget } from '../diffusion/regression-target.ts';
import type { TrainingOptions } from '../diffusion/training-options.ts';
import { driftModels } from '../drifts/drift-models.ts';
import { directoryCheckpoint } from '../io/directory-checkpoint.ts';
import { writePoints } from '../io/files.ts';
import { weightedMoments } from '../numerics/moments.ts';
import { type RandomSource, randomSource } from '../numerics/random.ts';
import { plotMarginals } from '../plot/plot-marginals.ts';
import { plotPaths } from '../plot/plot-paths.ts';
import { brownian } from '../references/brownian.ts';
import { timeGrid } from '../references/time-grid.ts';
import { type Check, check, type Figure, type Report, reportJson, writeReport } from '../report/report.ts';
import { type CommonOptions, makeConsole, type Streams, UsageError } from './console.ts';
import { parseMarginal } from './marginal-spec.ts';
import { parseReference } from './reference-spec.ts';
import { versions } from './versions.ts';

/** Options of `bridge`. */
export interface BridgeOptions extends CommonOptions {
  readonly source: string;
  readonly target: string;
  readonly sigma?: number;
  readonly reference?: string;
  readonly iterations: number;
  readonly innerSteps: number;
  readonly steps: number;
  readonly scheme: TrainingTarget | 'matching';
  readonly networkOnly: boolean;
  readonly hidden: string;
  readonly checkpoint?: string;
  readonly resume: boolean;
  readonly samples?: string;
  readonly count: number;
  readonly out?: string;
}

/** Largest distance of the arrival from the target, in percent of BW²-UVP, that passes. */
const ARRIVAL_LIMIT = 5;
/** Largest distance between the forward and the backward law in the middle. */
const DISAGREEMENT_LIMIT = 5;
const JUDGED_PATHS = 20_000;

/** `viaduct bridge`: trains a Diffusion Schrödinger Bridge between two marginals. */
export async function bridgeCommand(options: BridgeOptions, streams: Streams): Promise<number> {
  if (options.resume && options.checkpoint === undefined) {
    throw new UsageError('--resume needs --checkpoint; name the folder of the run to go on with');
  }
  if (options.sigma !== undefined && options.reference !== undefined) {
    throw new UsageError('--sigma and --reference exclude each other; write --reference brownian:sigma=1 or leave it out');
  }
  const console = makeConsole(streams, options);
  const problem = bridgeProblem({
    source: parseMarginal('--source', options.source),
    target: parseMarginal('--target', options.target),
    reference: options.reference === undefined ? brownian({ sigma: options.sigma ?? 1 }) : parseReference(options.reference),
  });
  const run = await train(problem, options, console.progress);
  console.done();
  const report = await reportOf(problem, run, options);
  if (options.samples !== undefined) {
    const { y } = run.sample(options.count, randomSource(options.seed).split('samples'));
    writePoints(options.samples, y);
    console.result(`samples: ${options.samples}, ${y.count} points`);
  }
  if (options.out !== undefined) {
    writeReport(options.out, report);
    console.result(`report: ${join(options.out, 'report.html')}`);
  }
  console.json(reportJson(report));
  console.result(`${run.status} after ${run.halfSteps.length} half-steps, digest ${run.digest}`);
  for (const one of report.checks)
    console.result(`${one.ok ? 'ok   ' : 'FAILS'} ${one.name}: ${Number(one.value.toPrecision(3))} (limit ${one.limit})`);
  for (const warning of run.warnings) console.result(`warning: ${warning}`);
  return run.status === 'max-iterations' && report.checks.every(({ ok }) => ok) ? 0 : 1;
}

async function train(problem: BridgeProblem, options: BridgeOptions, progress: (text: string) => void): Promise<DiffusionBridge> {
  const { iterations, innerSteps, steps, scheme, networkOnly, seed } = options;
  const network = driftModels.mlp({ hidden: hiddenSizes(options.hidden) });
  const training: TrainingOptions & { readonly iterations: number } = {
    iterations,
    innerSteps,
    grid: timeGrid.uniform({ steps, horizon: problem.reference.horizon }),
    drift: networkOnly ? network : defaultDrift(problem, 'gaussian bridge of the moments', network),
    seed,
    ...checkpointOf(options),
    onProgress({ halfStep, halfSteps, direction, step, steps: all, loss, secondsLeft }) {
      const share = Math.round((100 * step) / all);
      const pace = step > 0 && Number.isFinite(loss) ? `, loss ${loss.toPrecision(4)}, ${Math.ceil(secondsLeft)} s left` : '';
      progress(`bridge: half-step ${halfStep}/${halfSteps} (${direction}) ${share} %${pace}`);
    },
  };
  return scheme === 'matching' ? bridgeMatching(problem, training) : diffusionBridge(problem, { ...training, target: scheme });
}

/** A folder that holds a run already is not overwritten by accident. */
function checkpointOf({ checkpoint, resume }: BridgeOptions): { readonly checkpoint?: ReturnType<typeof directoryCheckpoint> } {
  if (checkpoint === undefined) return {};
  const kept = directoryCheckpoint(checkpoint);
  if (!resume && kept.load() !== undefined) {
    throw new UsageError(`--checkpoint ${checkpoint}: the folder holds a run already; pass --resume to go on with it, or another folder`);
  }
  return { checkpoint: kept };
}

function hiddenSizes(text: string): number[] {
  const sizes = text.split(',').map(Number);
  if (!sizes.every((size) => Number.isInteger(size) && size >= 1)) {
    throw new UsageError(`--hidden '${text}' is no list of layer sizes; pass --hidden 128,128, say`);
  }
  return sizes;
}

/** Checks that need no ground truth, and pictures. No wall-clock time but that of the training: a finished run reports the same again. */
async function reportOf(problem: BridgeProblem, run: DiffusionBridge, options: BridgeOptions): Promise<Report> {
  const { source, target, dimension, reference } = problem;
  const random = randomSource(options.seed).split('report');
  const results = {
    digest: run.digest,
    status: run.status,
    dimension,
    halfSteps: run.halfSteps.map(({ direction, loss, seconds }) => ({ direction, loss, seconds })),
    marginalError: run.marginalError(),
    warnings: run.warnings,
  };
  const figures: Figure[] = [];
  const checks = [
    check(
      'arrival at the target, BW²-UVP in %',
      results.marginalError.target,
      ARRIVAL_LIMIT,
      'Means and covariances of the forward process at the end, against those of the target.',
    ),
  ];
  if (run.halfSteps.length >= 2) {
    const middle = reference.horizon / 2;
    const [forward, backward] = (['forward', 'backward'] as const).map((direction) =>
      weightedMoments(run.direction(direction).marginalAt(middle).sample(JUDGED_PATHS, random.split(direction))),
    );
    checks.push(
      check(
        'disagreement of the two laws, BW²-UVP in %',
        bwUvp(forward!, backward!),
        DISAGREEMENT_LIMIT,
        'The forward process from the source and the backward process from the target, compared in the middle: equal for a finished bridge.',
      ),
    );
    if (dimension > 1) {
      figures.push({
        title: 'Marginals over time',
        caption: 'Samples of the forward process from the source to the target, with the ellipses of their second moments.',
        svg: await plotMarginals(run),
      });
    }
    checks.push(...(await theoremLines(run, random)));
    const paths = run.simulate({ count: 60, grid: run.options.grid, random: random.split('paths') });
    figures.push({ title: 'Paths', caption: 'Sixty paths of the forward process, first coordinate.', svg: await plotPaths(paths) });
  }
  return {
    title: `Schrödinger bridge: ${options.source} to ${options.target}`,
    summary: [
      `${run.halfSteps.length} half-steps of ${options.scheme} over ${reference.kind} with ${options.steps} steps, ${source.kind} to ${target.kind} in ${dimension} dimensions.`,
      ...run.warnings,
    ],
    seconds: run.halfSteps.reduce((sum, { seconds }) => sum + seconds, 0),
    seed: options.seed,
    versions: versions(),
    checks,
    figures,
    results,
  };
}

/** What theory says of the run; a warning is said, and does not fail. */
async function theoremLines(run: DiffusionBridge, random: RandomSource): Promise<Check[]> {
  const checks = await theoremChecks(run, { random: random.split('theorems') });
  return checks.map(({ name, value, limit, verdict, meaning }) =>
    check(name, value, failureLimit(limit), verdict === 'warn' ? `${meaning} A warning: good runs stay under ${limit}.` : meaning),
  );
}
