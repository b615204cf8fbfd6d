import type { Matrix } from 'ml-matrix';
import type { DriftModel } from '../drifts/drift-model.ts';
import { now } from '../numerics/iterate.ts';
import type { RandomSource } from '../numerics/random.ts';
import type { Chain } from './chain.ts';
import { type RegressionCache, regressionCache } from './regression-cache.ts';
import type { RegressionScheme } from './regression-target.ts';
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
}

/** How a half-step ended. */
export interface HalfStepOutcome {
  readonly status: 'done' | 'aborted' | 'diverged';
  /** Mean loss over the last tenth of the steps. */
  readonly loss: number;
  readonly seconds: number;
  /** V_k of the learned chain, where the scheme learns it. */
  readonly noise?: readonly Matrix[];
}

/** Reports and yields at most this often, in seconds. */
const SLICE_SECONDS = 0.016;

/**
 * Trains `model` to reverse `chain`: one half-step. Yields between slices of 16 ms with the loss of the slice; the caller decides
 * what to do with the time in between.
 */
export function* trainHalfStep(halfStep: HalfStep): Generator<{ readonly step: number; readonly loss: number }, HalfStepOutcome, void> {
  const { scheme, direction, chain, model, options, random, first } = halfStep;
  const { innerSteps, batchSize, paths, learningRate, signal } = options;
  const weights = scheme.weights(direction);
  const start = now();
  const tail = Math.max(1, Math.floor(innerSteps / 10));
  let tailLoss = 0;
  let sliceLoss = 0;
  let sliceSteps = 0;
  let lastLoss = Number.NaN;
  let slice = start;
  let cache: RegressionCache | undefined;
  let refreshAt = 0;
  model.begin();
  for (let step = 0; step < innerSteps; step++) {
    if (cache === undefined || step >= refreshAt) {
      const stream = random.split(step);
      const making = scheme.rows(chain, paths, stream, first);
      let made = making.next();
      for (; !made.done; made = making.next()) {
        if (now() - slice <= SLICE_SECONDS) continue;
        yield { step, loss: lastLoss };
        if (signal?.aborted) return { status: 'aborted', loss: Number.NaN, seconds: now() - start };
        slice = now();
      }
      cache = regressionCache(made.value, weights, batchSize, stream.split('shuffle'));
      refreshAt = step + (options.refreshEvery ?? cache.batches);
    }
    const loss = model.step(cache.next(), cosineRate(learningRate, step / innerSteps));
    if (!Number.isFinite(loss)) return { status: 'diverged', loss, seconds: now() - start };
    if (step >= innerSteps - tail) tailLoss += loss / tail;
    sliceLoss += loss;
    sliceSteps++;
    if (now() - slice > SLICE_SECONDS || step === innerSteps - 1) {
      lastLoss = sliceLoss / sliceSteps;
      yield { step: step + 1, loss: lastLoss };
      if (signal?.aborted) return { status: 'aborted', loss: tailLoss, seconds: now() - start };
      sliceLoss = 0;
      sliceSteps = 0;
      slice = now();
    }
  }
  model.finish();
  const noise = yield* learnNoise(halfStep, innerSteps, lastLoss);
  if (signal?.aborted) return { status: 'aborted', loss: tailLoss, seconds: now() - start };
  return { status: 'done', loss: tailLoss, seconds: now() - start, ...(noise === undefined ? {} : { noise }) };
}

/** The noise that the scheme learns from fresh paths once the drift is there. */
function* learnNoise(
  { scheme, chain, model, options, random, first }: HalfStep,
  step: number,
  loss: number,
): Generator<{ readonly step: number; readonly loss: number }, readonly Matrix[] | undefined, void> {
  if (scheme.learnNoise === undefined) return undefined;
  const making = scheme.rows(chain, options.paths, random.split('noise'), first);
  for (let made = making.next(); ; made = making.next()) {
    if (made.done) return scheme.learnNoise(made.value, model);
    yield { step, loss };
    if (options.signal?.aborted) return undefined;
  }
}

/** From `rate` to a hundredth of it along half a cosine. */
function cosineRate(rate: number, share: number): number {
  return rate * (0.01 + 0.99 * 0.5 * (1 + Math.cos(Math.PI * share)));
}
