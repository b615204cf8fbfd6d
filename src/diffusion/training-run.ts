import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import type { DriftModel } from '../drifts/drift-model.ts';
import { referenceDrift } from '../drifts/reference-drift.ts';
import { now, pause, type Status } from '../numerics/iterate.ts';
import { randomSource } from '../numerics/random.ts';
import type { Chain } from './chain.ts';
import { MOMENT_PATHS } from './chain-moments.ts';
import { completeRun, type DiffusionBridge, type HalfStepRecord } from './diffusion-run.ts';
import { type HalfStepOutcome, trainHalfStep } from './half-step.ts';
import { modelContext } from './model-context.ts';
import type { ResolvedOptions } from './options.ts';
import type { RegressionScheme } from './regression-target.ts';

/** One half-step of a plan: what is learned, how, and from what. */
export interface PlannedHalfStep {
  /** The drift that is learned. */
  readonly direction: 'forward' | 'backward';
  readonly scheme: RegressionScheme;
  /**
   * `'previous chain'`: from paths of the latest chain of the other direction; `'start'`: from what the scheme knows without simulation
   * (the reference from the source, or a given coupling), which it is told as `first`.
   */
  readonly from: 'previous chain' | 'start';
}

/** A training run: everything that distinguishes one scheme from another. */
export interface TrainingRun {
  /** The scheme's public name, with which messages start. */
  readonly path: string;
  readonly problem: BridgeProblem;
  readonly options: ResolvedOptions;
  /** Half-steps in the order in which they are trained; the first one that needs a chain of its other direction finds the reference. */
  readonly plan: readonly PlannedHalfStep[];
  /** What is known to be doubtful before training. */
  readonly warnings?: readonly string[];
}

/** Half-steps that alternate, backward first: IPF, and IMF. */
export function alternating(halfSteps: number, scheme: (halfStep: number) => RegressionScheme): PlannedHalfStep[] {
  return Array.from({ length: halfSteps }, (_, i) => ({
    direction: i % 2 === 0 ? 'backward' : 'forward',
    scheme: scheme(i + 1),
    from: i === 0 ? 'start' : 'previous chain',
  }));
}

/**
 * Trains the half-steps of a plan one after the other, one network a direction, and completes them to a bridge. A half-step that is aborted
 * or diverges ends the run with the half-steps before it.
 */
export async function trainBridge(run: TrainingRun): Promise<DiffusionBridge> {
  const { path, problem, options, plan } = run;
  const random = randomSource(options.seed);
  const models = {
    backward: options.drift.make(modelContext(problem, options, 'backward', random)),
    forward: options.drift.make(modelContext(problem, options, 'forward', random)),
  };
  const warnings = [...(run.warnings ?? [])];
  const records: HalfStepRecord[] = [];
  const chains: Chain[] = [referenceChain(problem, options)];
  const start = now();
  let status: Status = 'max-iterations';
  for (const [i, step] of plan.entries()) {
    const { direction, scheme } = step;
    const outcome = await runHalfStep(run, i, chainBefore(chains, direction), models[direction], start);
    if (outcome.status !== 'done') {
      status = outcome.status;
      warnings.push(`${path}: half-step ${i + 1} (${direction}) ${outcome.status}; the run ends with half-step ${i}`);
      break;
    }
    const chainStart = direction === 'forward' ? problem.source : problem.target;
    const noise = outcome.noise ?? scheme.noise(direction);
    chains.push({ direction, grid: options.grid, drift: models[direction].freeze(), noise, start: chainStart });
    records.push({ direction, loss: outcome.loss, seconds: outcome.seconds });
  }
  return completeRun({ path, problem, options, chains, records, status, warnings, samples: Math.max(MOMENT_PATHS, options.paths) });
}

/** The latest chain of the other direction. */
function chainBefore(chains: readonly Chain[], direction: Chain['direction']): Chain {
  return chains.findLast((chain) => chain.direction !== direction) ?? chains[0]!;
}

/** Drains the training of one half-step, giving up the thread between slices. */
async function runHalfStep(
  { options, plan }: TrainingRun,
  i: number,
  chain: Chain,
  model: DriftModel,
  start: number,
): Promise<HalfStepOutcome> {
  const { innerSteps, onProgress, signal } = options;
  if (signal?.aborted) return { status: 'aborted', loss: Number.NaN, seconds: 0 };
  const { direction, scheme, from } = plan[i]!;
  const random = randomSource(options.seed).split(i + 1);
  const training = trainHalfStep({ scheme, direction, chain, model, options, random, first: from === 'start' });
  const halfSteps = plan.length;
  for (;;) {
    const next = training.next();
    if (next.done) return next.value;
    const { step, loss } = next.value;
    const seconds = now() - start;
    const done = i * innerSteps + step;
    const secondsLeft = (seconds / Math.max(1, done)) * (halfSteps * innerSteps - done);
    onProgress?.({ halfStep: i + 1, halfSteps, direction, step, steps: innerSteps, loss, seconds, secondsLeft });
    await pause();
  }
}

/** The discretised reference from the source: iterate 0. */
function referenceChain({ reference, dimension, source }: BridgeProblem, { grid }: ResolvedOptions): Chain {
  const chain = reference.discretise(grid);
  return {
    direction: 'forward',
    grid,
    drift: referenceDrift(reference, grid, dimension),
    noise: Array.from({ length: grid.steps }, (_, k) => chain.kernel(k, dimension).covariance),
    start: source,
  };
}
