import type { Affine } from '../numerics/affine.ts';
import type { RandomSource } from '../numerics/random.ts';

/**
 * What a fresh model of one direction is told. A net is labelled by the transition it parameterises: F_k carries t_k, B_{k+1} carries
 * t_{k+1}; `labels[k]` is that time for transition k, the same in simulation and in every evaluation of a target.
 */
export interface DriftModelContext {
  readonly dimension: number;
  readonly direction: 'forward' | 'backward';
  /** Label of transition k in forward time, one for each of the N steps; divide by the horizon before feeding a net. */
  readonly labels: Float64Array;
  readonly horizon: number;
  /** Durations γ_{k+1} of the transitions. */
  readonly durations: Float64Array;
  /** A typical position and spread of the paths, to standardise inputs: pooled mean and standard deviation of the marginals, length d. */
  readonly center: Float64Array;
  readonly scale: Float64Array;
  /** The size that drifts of the problem have, to scale outputs. */
  readonly driftScale: number;
  readonly batchSize: number;
  readonly random: RandomSource;
}

/** A regression minibatch: rows (transition, x) with the drift to be predicted and a weight. Row-major, `count × dimension`. */
export interface RegressionBatch {
  readonly count: number;
  /** k of each row. */
  readonly transitions: Int32Array;
  readonly inputs: Float32Array;
  /** What the drift shall be: the regression target divided by the step, see `diffusion/`. */
  readonly targets: Float32Array;
  /** Weight of each row in the loss; the mean of w·|model − target|² is minimised. */
  readonly weights: Float32Array;
}

/** A drift of one direction on the transitions of a grid: f(label_k, x). */
export interface ChainDrift {
  readonly dimension: number;
  /** out_i = f(label_k, x_i) for `x.length / dimension` rows, one transition k for all. */
  evaluate(transition: number, x: Float64Array, out: Float64Array): void;
  /** The drift at transition k as an affine map, when it is one. */
  affine(transition: number): Affine | undefined;
  /** What was learned, as bytes: for digests. */
  bytes(): Uint8Array;
}

/** A drift that can be trained. Mutable; a run owns it. */
export interface DriftModel extends ChainDrift {
  /** Called when a half-step begins: `linear()` forgets its sums, optimisers reset their moments, parameters stay. */
  begin(): void;
  /** One optimisation step (or accumulation) on the batch; returns the loss before it. */
  step(batch: RegressionBatch, learningRate: number): number;
  /** Called when a half-step ends: `linear()` solves, averaged weights take over. */
  finish(): void;
  /** The drift as it is now, unaffected by later training. */
  freeze(): ChainDrift;
  /** Everything needed to go on with the same bits: parameters, optimiser, averages. */
  save(): Uint8Array;
  /** Goes on from what {@link DriftModel.save} returned. @throws FormatError when the bytes are of another model */
  load(bytes: Uint8Array): void;
  /** Frees memory that no garbage collector knows of. The model is not used afterwards; drifts frozen from it may be. */
  dispose?(): void;
}

/** An immutable description of a model; a run makes one model per direction. */
export interface DriftModelSpec {
  readonly kind: string;
  /** Plain data that identifies the architecture, for reports and checkpoints. */
  readonly description: { readonly [key: string]: unknown };
  /** A fresh, untrained model of one direction. */
  make(context: DriftModelContext): DriftModel;
}
