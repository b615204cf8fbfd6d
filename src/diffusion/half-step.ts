import type { Matrix } from 'ml-matrix';
import type { DriftModel } from '../drifts/drift-model.ts';
import { learningRateAt } from '../drifts/learning-rate.ts';
import { now } from '../numerics/iterate.ts';
import type { RandomSource } from '../numerics/random.ts';
import type { Chain } from './chain.ts';
import { squareResiduals, workingResponses } from './log-variance.ts';
import { type RegressionCache, regressionCache } from './regression-cache.ts';
import type { RegressionRows, RegressionScheme } from './regression-target.ts';
import type { ResolvedTraining } from './training-options.ts';

/** What a half-step is made of. */
export interface HalfStep {
  readonly scheme: RegressionScheme;
  /** The direction that is learned. */
  readonly direction: 'forward' | 'backward';
  /** The chain whose reversal is learned. */
  readonly chain: Chain;
  readonly model: DriftModel;
  readonly options: ResolvedTraining;
  readonly random: RandomSource;
  /** Whether the scheme knows what it learns from without simulating the chain. */
  readonly first: boolean;
  /** An untrained network of log-variances, where they are learned. */
  readonly makeLogVariance?: (() => DriftModel) | undefined;
}

/** Where a half-step is: with the state of its model, enough to go on with the same bits. */
export interface HalfStepPosition {
  /** Training steps done. */
  readonly step: number;
  /** The cache in use: the step at which it was simulated, and the batches used; absent when the next one is due. */
  readonly cache?: { readonly madeAt: number; readonly used: number } | undefined;
  /** Sum behind the final loss. */
  readonly tailLoss: number;
  readonly seconds: number;
}

/** What a half-step tells between slices. */
export interface HalfStepReport {
  readonly position: HalfStepPosition;
  /** Mean loss of the last slice. */
  readonly loss: number;
}

/** How a half-step ended. */
export interface HalfStepOutcome {
  readonly status: 'done' | 'aborted' | 'diverged';
  /** Mean loss over the last tenth of the steps. */
  readonly loss: number;
  readonly seconds: number;
  /** V_k of the learned chain, where the scheme learns it. */
  readonly noise?: readonly Matrix[] | undefined;
  /** The state of the trained network of log-variances. */
  readonly logVariance?: Uint8Array | undefined;
}

/** Reports and yields at most this often, in seconds. */
const SLICE_SECONDS = 0.016;

/** A loss this many times that of a drift that is zero has exploded. */
const EXPLODED = 1e6;

/**
 * Trains `model` to reverse `chain`: one half-step, from its beginning or from where it was interrupted. Yields between slices of 16 ms
 * with the loss of the slice; the caller decides what to do with the time in between.
 */
export function* trainHalfStep(halfStep: HalfStep, from?: HalfStepPosition): Generator<HalfStepReport, HalfStepOutcome, void> {
  const { scheme, direction, model, options, random } = halfStep;
  const { innerSteps, batchSize, learningRate, signal } = options;
  const weights = scheme.weights(direction);
  const start = now() - (from?.seconds ?? 0);
  const tail = Math.max(1, Math.floor(innerSteps / 10));
  let tailLoss = from?.tailLoss ?? 0;
  let sliceLoss = 0;
  let sliceSteps = 0;
  let lastLoss = Number.NaN;
  let slice = now();
  let cache: RegressionCache | undefined;
  let madeAt = 0;
  let used = 0;
  const spent = (): boolean => cache === undefined || used >= (options.refreshEvery ?? cache.batches);
  const report = (step: number): HalfStepReport => {
    const position = { step, cache: spent() ? undefined : { madeAt, used }, tailLoss, seconds: now() - start };
    return { position, loss: lastLoss };
  };
  const ended = (status: HalfStepOutcome['status'], noise?: readonly Matrix[], logVariance?: Uint8Array): HalfStepOutcome => ({
    status,
    loss: tailLoss,
    seconds: now() - start,
    noise,
    logVariance,
  });
  if (from === undefined) model.begin();
  let resumed = from?.cache;
  for (let step = from?.step ?? 0; step < innerSteps; step++) {
    if (cache === undefined || spent()) {
      cache = undefined;
      madeAt = resumed?.madeAt ?? step;
      const stream = random.split(madeAt);
      const making = makeRows(halfStep, stream);
      for (let made = making.next(); ; made = making.next()) {
        if (made.done) {
          cache = regressionCache(made.value, weights, batchSize, stream.split('shuffle'));
          break;
        }
        if (now() - slice <= SLICE_SECONDS) continue;
        // While an interrupted cache is made again, the position is still where it was.
        yield resumed === undefined ? report(step) : { position: from!, loss: lastLoss };
        if (signal?.aborted) return ended('aborted');
        slice = now();
      }
      used = resumed?.used ?? 0;
      cache.skip(used);
      resumed = undefined;
    }
    const loss = model.step(cache.next(), learningRateAt(learningRate, step / innerSteps));
    used++;
    if (!Number.isFinite(loss) || (cache.scale > 0 && loss > EXPLODED * cache.scale)) return ended('diverged');
    if (step >= innerSteps - tail) tailLoss += loss / tail;
    sliceLoss += loss;
    sliceSteps++;
    if (now() - slice > SLICE_SECONDS || step === innerSteps - 1) {
      lastLoss = sliceLoss / sliceSteps;
      yield report(step + 1);
      if (signal?.aborted) return ended('aborted');
      sliceLoss = 0;
      sliceSteps = 0;
      slice = now();
    }
  }
  model.finish();
  if (scheme.learnNoise === undefined) return ended('done');
  // The rows of the mean are not needed any more.
  cache = undefined;
  const making = makeRows(halfStep, random.split('noise'));
  let noise: readonly Matrix[] | undefined;
  for (let made = making.next(); noise === undefined; made = making.next()) {
    if (made.done) {
      noise = scheme.learnNoise(made.value, model);
      break;
    }
    yield report(innerSteps);
    if (signal?.aborted) return ended('aborted');
  }
  if (halfStep.makeLogVariance === undefined) return ended('done', noise);
  const network = halfStep.makeLogVariance();
  try {
    const learning = trainLogVariance(halfStep, network, noise);
    for (let next = learning.next(); ; next = learning.next()) {
      if (next.done) return next.value === 'done' ? ended('done', noise, network.save()) : ended(next.value);
      yield report(innerSteps);
      if (signal?.aborted) return ended('aborted');
    }
  } finally {
    network.dispose?.();
  }
}

/**
 * Trains the network of log-variances on the squared residuals of the learned mean, from fresh paths and with as many steps as the mean. An
 * interrupted run begins it again: nothing enters but the chain, the mean and streams of their own.
 */
function* trainLogVariance(
  halfStep: HalfStep,
  network: DriftModel,
  noise: readonly Matrix[],
): Generator<void, HalfStepOutcome['status'], void> {
  const { model, options, random } = halfStep;
  const { innerSteps, batchSize, learningRate, refreshEvery, grid } = options;
  const alike = new Float64Array(grid.steps).fill(1);
  network.begin();
  let cache: RegressionCache | undefined;
  let slice = now();
  for (let step = 0, used = 0; step < innerSteps; step++, used++) {
    if (cache === undefined || used >= (refreshEvery ?? cache.batches)) {
      cache = undefined;
      const stream = random.split('log-variance').split(step);
      const rows = yield* makeRows(halfStep, stream);
      squareResiduals(rows, model, noise, grid.durations);
      cache = regressionCache(rows, alike, batchSize, stream.split('shuffle'));
      used = 0;
    }
    const batch = cache.next();
    workingResponses(network, batch);
    if (!Number.isFinite(network.step(batch, learningRateAt(learningRate, step / innerSteps)))) return 'diverged';
    if (now() - slice > SLICE_SECONDS) {
      yield;
      slice = now();
    }
  }
  network.finish();
  return 'done';
}

function makeRows({ scheme, chain, options, first }: HalfStep, stream: RandomSource): Generator<void, RegressionRows, void> {
  return scheme.rows(chain, options.paths, stream, first);
}
