import type { Matrix } from 'ml-matrix';
import type { DriftModel } from '../drifts/drift-model.ts';
import { now } from '../numerics/iterate.ts';
import type { RandomSource } from '../numerics/random.ts';
import type { Chain } from './chain.ts';
import { squareResiduals, workingResponses } from './log-variance.ts';
import type { RegressionRows, RegressionScheme, RowRoom } from './regression-target.ts';
import { type RegressionOutcome, type RegressionPosition, type RegressionReport, trainRegression } from './regression-training.ts';
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
  /** Where the rows of its caches lie. */
  readonly room: RowRoom;
  /** Whether the scheme knows what it learns from without simulating the chain. */
  readonly first: boolean;
  /** An untrained network of log-variances, where they are learned. */
  readonly makeLogVariance?: (() => DriftModel) | undefined;
}

/** Which of its trainings a half-step is in: that of the drift, or then that of the log-variances. */
export type Learning = 'drift' | 'covariance';

/** Where a half-step is: with the states of its models, enough to go on with the same bits. */
export interface HalfStepPosition extends RegressionPosition {
  /** Present while log-variances are trained: the final loss of the drift. */
  readonly driftLoss?: number | undefined;
  readonly seconds: number;
}

/** What the training of log-variances starts from, and its network as it is. */
export interface CovarianceTraining<Network> {
  readonly noise: readonly Matrix[];
  readonly network: Network;
}

/** An interrupted half-step; the state of its drift is loaded already. */
export interface InterruptedHalfStep {
  readonly position: HalfStepPosition;
  readonly covariance?: CovarianceTraining<Uint8Array> | undefined;
}

/** What a half-step tells between slices. */
export interface HalfStepReport {
  readonly position: HalfStepPosition;
  /** Present while log-variances are trained. */
  readonly covariance?: CovarianceTraining<DriftModel>;
  /** Mean loss of the last slice. */
  readonly loss: number;
}

/** How a half-step ended. */
export interface HalfStepOutcome extends RegressionOutcome {
  /** What was learned at the end. */
  readonly learning: Learning;
  readonly seconds: number;
  /** V_k of the learned chain, where the scheme learns it. */
  readonly noise?: readonly Matrix[] | undefined;
  /** The state of the trained network of log-variances. */
  readonly logVariance?: Uint8Array | undefined;
}

/**
 * Trains `model` to reverse `chain`: one half-step, from its beginning or from where it was interrupted, and then its noise where the scheme
 * learns that. Yields between slices of 16 ms with the loss of the slice; the caller decides what to do with the time in between.
 */
export function* trainHalfStep(halfStep: HalfStep, from?: InterruptedHalfStep): Generator<HalfStepReport, HalfStepOutcome, void> {
  const { scheme, direction, model, options, random } = halfStep;
  const { innerSteps, signal } = options;
  const start = now() - (from?.position.seconds ?? 0);
  const ended = (status: HalfStepOutcome['status'], loss: number, learned: Partial<HalfStepOutcome> = {}): HalfStepOutcome => ({
    status,
    learning: 'drift',
    loss,
    seconds: now() - start,
    ...learned,
  });
  let lastLoss = Number.NaN;
  const told = ({ position, loss }: RegressionReport): HalfStepReport => {
    lastLoss = loss;
    return { position: { ...position, seconds: now() - start }, loss };
  };
  let [driftLoss, noise] = [from?.position.driftLoss, from?.covariance?.noise];
  if (driftLoss === undefined || noise === undefined) {
    const rows = (stream: RandomSource): RowsInProgress => makeRows(halfStep, stream);
    const drift = { model, rows, weights: scheme.weights(direction), options, random };
    const { status, loss } = yield* mapped(trainRegression(drift, from?.position), told);
    if (status !== 'done') return ended(status, loss);
    model.finish();
    if (scheme.learnNoise === undefined) return ended('done', loss);
    const making = makeRows(halfStep, random.split('noise'));
    for (let made = making.next(); noise === undefined; made = making.next()) {
      if (made.done) {
        noise = scheme.learnNoise(made.value, model);
        break;
      }
      yield told({ position: { step: innerSteps, tailLoss: loss }, loss: lastLoss });
      if (signal?.aborted) return ended('aborted', loss);
    }
    // What overflows on fresh paths was no drift, whatever its loss said.
    if (!noise.every((covariance) => covariance.to1DArray().every(Number.isFinite)))
      return ended('diverged', loss, { learning: 'covariance' });
    driftLoss = loss;
  }
  if (halfStep.makeLogVariance === undefined) return ended('done', driftLoss, { noise });
  const network = halfStep.makeLogVariance();
  try {
    if (from?.covariance !== undefined) network.load(from.covariance.network);
    const covariance = { noise, network };
    const inside = (report: RegressionReport): HalfStepReport => {
      const { position, loss } = told(report);
      return { position: { ...position, driftLoss }, covariance, loss };
    };
    const training = trainRegression(logVarianceTask(halfStep, covariance), from?.covariance && from.position);
    const { status } = yield* mapped(training, inside);
    if (status !== 'done') return ended(status, driftLoss, { learning: 'covariance' });
    network.finish();
    return ended('done', driftLoss, { learning: 'covariance', noise, logVariance: network.save() });
  } finally {
    network.dispose?.();
  }
}

/** The squared residuals of the learned mean on fresh paths, in as many steps as the mean. */
function logVarianceTask(halfStep: HalfStep, { noise, network }: CovarianceTraining<DriftModel>): Parameters<typeof trainRegression>[0] {
  const { model, options, random } = halfStep;
  return {
    model: network,
    *rows(stream) {
      const rows = yield* makeRows(halfStep, stream);
      squareResiduals(rows, model, noise, options.grid.durations);
      return rows;
    },
    weights: new Float64Array(options.grid.steps).fill(1),
    prepare: (batch) => workingResponses(network, batch),
    options,
    random: random.split('log-variance'),
  };
}

type RowsInProgress = Generator<void, RegressionRows, void>;

function makeRows({ scheme, chain, options, first, room }: HalfStep, random: RandomSource): RowsInProgress {
  return scheme.rows({ chain, paths: options.paths, random, first }, room);
}

/** A generator that yields images of what another yields, and returns what that returns. */
function* mapped<A, B, R>(source: Generator<A, R, void>, image: (value: A) => B): Generator<B, R, void> {
  for (;;) {
    const next = source.next();
    if (next.done) return next.value;
    yield image(next.value);
  }
}
