import type { DriftModel, RegressionBatch } from '../drifts/drift-model.ts';
import { learningRateAt } from '../drifts/learning-rate.ts';
import { now } from '../numerics/iterate.ts';
import type { RandomSource } from '../numerics/random.ts';
import { type RegressionCache, regressionCache } from './regression-cache.ts';
import type { RegressionRows } from './regression-target.ts';
import type { ResolvedTraining } from './training-options.ts';

/** One model, and what it is trained on. */
export interface RegressionTask {
  readonly model: DriftModel;
  /** Rows of a fresh cache from a stream of its own. Yields where it may be interrupted. */
  rows(stream: RandomSource): Generator<void, RegressionRows, void>;
  /** Weight of each transition in the loss. */
  readonly weights: Float64Array;
  /** Turns a batch into what the model regresses, in place; returns the loss that is reported. Absent where that is the model's own. */
  prepare?(batch: RegressionBatch): number;
  readonly options: Pick<ResolvedTraining, 'innerSteps' | 'batchSize' | 'learningRate' | 'refreshEvery' | 'signal'>;
  readonly random: RandomSource;
}

/** Where a training is: with the state of its model, enough to go on with the same bits. */
export interface RegressionPosition {
  /** Training steps done. */
  readonly step: number;
  /** The cache in use: the step at which it was simulated, and the batches used; absent when the next one is due. */
  readonly cache?: { readonly madeAt: number; readonly used: number } | undefined;
  /** Sum behind the final loss. */
  readonly tailLoss: number;
}

/** What a training tells between slices. */
export interface RegressionReport {
  readonly position: RegressionPosition;
  /** Mean loss of the last slice. */
  readonly loss: number;
}

/** How a training ended, and its mean loss over the last tenth of the steps. */
export interface RegressionOutcome {
  readonly status: 'done' | 'aborted' | 'diverged';
  readonly loss: number;
}

/** Reports and yields at most this often, in seconds. */
const SLICE_SECONDS = 0.016;

/** A loss this many times that of a model that is zero has exploded. */
const EXPLODED = 1e6;

/** Trains a model from its beginning or from where it was interrupted, up to but without its `finish()`. Yields between slices of 16 ms. */
export function* trainRegression(task: RegressionTask, from?: RegressionPosition): Generator<RegressionReport, RegressionOutcome, void> {
  const { model, weights, random } = task;
  const { innerSteps, batchSize, learningRate, refreshEvery, signal } = task.options;
  const tail = Math.max(1, Math.floor(innerSteps / 10));
  let tailLoss = from?.tailLoss ?? 0;
  let [sliceLoss, sliceSteps, lastLoss, slice] = [0, 0, Number.NaN, now()];
  let cache: RegressionCache | undefined;
  let [madeAt, used] = [0, 0];
  let resumed = from?.cache;
  const spent = (): boolean => cache === undefined || used >= (refreshEvery ?? cache.batches);
  const report = (step: number): RegressionReport => {
    // While an interrupted cache is made again, the position is still where it was.
    const position = resumed === undefined ? { step, cache: spent() ? undefined : { madeAt, used }, tailLoss } : from!;
    return { position, loss: lastLoss };
  };
  const ended = (status: RegressionOutcome['status']): RegressionOutcome => ({ status, loss: tailLoss });
  /** Drains `making`; returns nothing when the run is aborted meanwhile. */
  function* sliced<T>(making: Generator<void, T, void>, step: number): Generator<RegressionReport, { readonly made: T } | undefined, void> {
    for (;;) {
      const next = making.next();
      if (next.done) return { made: next.value };
      if (now() - slice <= SLICE_SECONDS) continue;
      yield report(step);
      if (signal?.aborted) return undefined;
      slice = now();
    }
  }
  if (from === undefined) model.begin();
  for (let step = from?.step ?? 0; step < innerSteps; step++) {
    if (cache === undefined || spent()) {
      // The new rows take the place of the old ones.
      cache = undefined;
      madeAt = resumed?.madeAt ?? step;
      const stream = random.split(madeAt);
      const rows = yield* sliced(task.rows(stream), step);
      if (rows === undefined) return ended('aborted');
      cache = regressionCache(rows.made, weights, batchSize, stream);
      used = resumed?.used ?? 0;
      cache.skip(used);
    }
    if ((yield* sliced(cache.renew(), step)) === undefined) return ended('aborted');
    resumed = undefined;
    const batch = cache.next();
    const reported = task.prepare?.(batch);
    const own = model.step(batch, learningRateAt(learningRate, step / innerSteps));
    used++;
    if (!Number.isFinite(own) || (cache.scale > 0 && own > EXPLODED * cache.scale)) return ended('diverged');
    const loss = reported ?? own;
    if (step >= innerSteps - tail) tailLoss += loss / tail;
    sliceLoss += loss;
    sliceSteps++;
    if (now() - slice > SLICE_SECONDS || step === innerSteps - 1) {
      lastLoss = sliceLoss / sliceSteps;
      yield report(step + 1);
      if (signal?.aborted) return ended('aborted');
      [sliceLoss, sliceSteps, slice] = [0, 0, now()];
    }
  }
  return ended('done');
}
