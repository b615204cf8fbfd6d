import { join } from 'node:path';
import { type BridgeProblem, bridgeProblem } from '../couplings/bridge-problem.ts';
import { bridgeMatching } from '../diffusion/bridge-matching.ts';
import { defaultDrift } from '../diffusion/default-drift.ts';
import { diffusionBridge } from '../diffusion/diffusion-bridge.ts';
import type { DiffusionBridge } from '../diffusion/diffusion-run.ts';
import type { TrainingTarget } from '../diffusion/regression-target.ts';
import type { TrainingOptions } from '../diffusion/training-options.ts';
import { driftModels } from '../drifts/drift-models.ts';
import { directoryCheckpoint } from '../io/directory-checkpoint.ts';
import { writePoints } from '../io/files.ts';
import { randomSource } from '../numerics/random.ts';
import { brownian } from '../references/brownian.ts';
import { timeGrid } from '../references/time-grid.ts';
import { bridgeReport } from '../report/bridge-report.ts';
import { reportJson, writeReport } from '../report/report.ts';
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
  const report = await bridgeReport(run, {
    title: `Schrödinger bridge: ${options.source} to ${options.target}`,
    seed: options.seed,
    versions: versions(),
  });
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
