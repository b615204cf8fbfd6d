import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import type { DriftModel } from '../drifts/drift-model.ts';
import { FormatError } from '../errors.ts';
import { now, pause, type Status } from '../numerics/iterate.ts';
import { randomSource } from '../numerics/random.ts';
import type { Chain } from './chain.ts';
import { CHECKPOINT_SECONDS } from './checkpoint.ts';
import { completeRun, type DiffusionBridge, type StartingPairs } from './diffusion-run.ts';
import { type HalfStepOutcome, type InterruptedHalfStep, type Learning, trainHalfStep } from './half-step.ts';
import { logVarianceModel } from './log-variance.ts';
import type { ResolvedOptions } from './options.ts';
import { type RegressionScheme, type RowRoom, rowRoom } from './regression-target.ts';
import { type RunIdentity, requireSameRun, runIdentity } from './run-identity.ts';
import { learnedChain, makeModel, restoredChains, restoredLogVariance } from './training-chains.ts';
import { memoryWarnings, trainingBytes } from './training-memory.ts';
import { readState, type TrainedHalfStep, type TrainingState, writeState } from './training-state.ts';

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
  /** `target` is what the plan regresses: where noise is not learned, it is the noise of that target's scheme. */
  readonly options: ResolvedOptions;
  /** Half-steps in the order in which they are trained; one that finds no chain of its other direction is given the reference. */
  readonly plan: readonly PlannedHalfStep[];
  /** Whether the models of both directions are one network: each then goes on from the half-step before, whatever its direction. */
  readonly oneNetwork?: boolean;
  /** What is known to be doubtful before training. */
  readonly warnings?: readonly string[];
  /** Options of the scheme beyond `options`, as plain data: a checkpoint belongs to a run with the same ones. */
  readonly own?: RunIdentity;
  /** Where the first pairs of ends come from, when not from the reference. */
  readonly startingPairs?: StartingPairs;
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
 * or diverges ends the run with the half-steps before it. With a checkpoint the run goes on from what is stored there.
 */
export async function trainBridge(run: TrainingRun): Promise<DiffusionBridge> {
  const { path, problem, options, plan } = run;
  const stored = await storedState(run);
  const done: TrainedHalfStep[] = [...(stored?.done ?? [])];
  const chains = restoredChains(problem, options, done, (i, direction) => plan[i]!.scheme.noise(direction));
  const models = { backward: makeModel(problem, options, 'backward'), forward: makeModel(problem, options, 'forward') };
  for (const { record, model } of done) models[record.direction].load(model);
  const memory = trainingBytes(run);
  const warnings = [...(run.warnings ?? []), ...memoryWarnings(path, memory)];
  const identity = runIdentity(path, problem, options, run.own);
  const bytesOf = (state: Omit<TrainingState, 'done' | 'warnings'>): Uint8Array =>
    writeState({ identity, iterations: options.iterations, state: { ...state, done, warnings } });
  const save = async (inside?: TrainingState['inside']): Promise<void> => {
    await options.checkpoint?.save(bytesOf({ status: 'running', inside }));
  };
  const room = rowRoom();
  const clock = progressClock(run, memory, Object.freeze([...warnings]));
  const { step = 0, driftLoss } = stored?.inside?.position ?? {};
  if (done.length < plan.length) clock(done.length, driftLoss === undefined ? 'drift' : 'covariance', step, Number.NaN);
  let status: Status = 'max-iterations';
  let inside = stored?.inside;
  try {
    for (let i = done.length; i < plan.length; i++) {
      const { direction, scheme } = plan[i]!;
      if (options.initial === 'fresh') {
        models[direction].dispose?.();
        models[direction] = makeModel(problem, options, direction, i + 1);
      }
      const model = models[direction];
      if (run.oneNetwork && options.initial !== 'fresh' && i > 0) model.load(done[i - 1]!.model);
      if (inside !== undefined) model.load(inside.model);
      const outcome = await runHalfStep(run, i, chainBefore(chains, direction), model, room, inside, clock, save);
      inside = undefined;
      if (outcome.status !== 'done') {
        status = outcome.status;
        const learned = outcome.learning === 'drift' ? direction : `${direction}, covariance`;
        warnings.push(`${path}: half-step ${i + 1} (${learned}) ${outcome.status}; the run ends with half-step ${i}`);
        break;
      }
      const { loss, seconds, noise, logVariance } = outcome;
      const field = logVariance && restoredLogVariance(problem, options, direction, i + 1, logVariance);
      chains.push(learnedChain(problem, options, direction, model.freeze(), noise ?? scheme.noise(direction), field));
      done.push({ record: { direction, loss, seconds }, model: model.save(), noise, logVariance });
      await save();
    }
  } finally {
    for (const model of Object.values(models)) model.dispose?.();
  }
  const records = done.map(({ record }) => record);
  const { startingPairs } = run;
  return completeRun({
    path,
    problem,
    options,
    chains,
    records,
    status,
    warnings,
    toBytes: () => bytesOf({ status }),
    repeat: (seed) => trainBridge(repeated(run, seed)),
    ...(startingPairs === undefined ? {} : { startingPairs }),
  });
}

/** The same run with another seed, quiet and not to be interrupted. */
function repeated(run: TrainingRun, seed: number): TrainingRun {
  return { ...run, options: { ...run.options, seed, checkpoint: undefined, signal: undefined, onProgress: undefined } };
}

/** What the checkpoint holds of this run. @throws FormatError when it is of another run */
async function storedState({ path, problem, options, plan, own }: TrainingRun): Promise<TrainingState | undefined> {
  const bytes = await options.checkpoint?.load();
  if (bytes === undefined) return undefined;
  const place = `${path}: checkpoint`;
  const { identity, state } = readState(place, bytes);
  requireSameRun(place, runIdentity(path, problem, options, own), identity);
  if (state.done.length > plan.length || (state.done.length === plan.length && state.inside !== undefined)) {
    throw new FormatError(
      `${place}: ${state.done.length} half-steps are stored, ${plan.length} were asked for; ask for as many iterations, or store elsewhere`,
    );
  }
  return state;
}

/** The latest chain of the other direction. */
function chainBefore(chains: readonly Chain[], direction: Chain['direction']): Chain {
  return chains.findLast((chain) => chain.direction !== direction) ?? chains[0]!;
}

/** Reports half-step i (0, 1, …), what it learns, the step of that and its loss. */
type ProgressClock = (i: number, learning: Learning, step: number, loss: number) => void;

/** Drains the training of one half-step, giving up the thread between slices. */
async function runHalfStep(
  { problem, options, plan }: TrainingRun,
  i: number,
  chain: Chain,
  model: DriftModel,
  room: RowRoom,
  resumed: InterruptedHalfStep | undefined,
  tell: ProgressClock,
  save: (inside: TrainingState['inside']) => Promise<void>,
): Promise<HalfStepOutcome> {
  const { innerSteps, checkpoint, signal } = options;
  const { direction, scheme, from } = plan[i]!;
  if (signal?.aborted) return { status: 'aborted', learning: 'drift', loss: Number.NaN, seconds: 0 };
  const random = randomSource(options.seed).split(i + 1);
  const makeLogVariance = options.covariance === 'network' ? () => logVarianceModel(problem, options, direction, i + 1) : undefined;
  const halfStep = { scheme, direction, chain, model, options, random, room, first: from === 'start', makeLogVariance };
  const training = trainHalfStep(halfStep, resumed);
  let saved = now();
  for (;;) {
    const next = training.next();
    if (next.done) return next.value;
    const { position, covariance, loss } = next.value;
    tell(i, covariance === undefined ? 'drift' : 'covariance', position.step, loss);
    // When all steps are done, what comes after them is what is saved next.
    const due = signal?.aborted || now() - saved >= (checkpoint?.everySeconds ?? CHECKPOINT_SECONDS);
    if (checkpoint !== undefined && due && position.step < innerSteps) {
      const network = covariance && { ...covariance, network: covariance.network.save() };
      await save({ position, model: model.save(), covariance: network });
      saved = now();
    }
    await pause();
  }
}

/** Tells `onProgress` where the run is and how long the rest will take at the pace since it began here. */
function progressClock({ options, plan }: TrainingRun, memoryBytes: number, warnings: readonly string[]): ProgressClock {
  const { innerSteps, covariance, onProgress } = options;
  // Log-variances take as many steps as the drift.
  const steps = covariance === 'network' ? 2 * innerSteps : innerSteps;
  const start = now();
  let first: number | undefined;
  return (i, learning, ofLearning, loss) => {
    const step = learning === 'covariance' ? innerSteps + ofLearning : ofLearning;
    const done = i * steps + step;
    first ??= done;
    const seconds = now() - start;
    const secondsLeft = done > first ? (seconds / (done - first)) * (plan.length * steps - done) : 0;
    const { direction } = plan[i]!;
    const halfSteps = plan.length;
    onProgress?.({
      halfStep: i + 1,
      halfSteps,
      direction,
      learning,
      step,
      steps,
      loss,
      seconds,
      secondsLeft,
      memoryBytes,
      warnings,
    });
  };
}
