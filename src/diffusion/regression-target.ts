import type { Matrix } from 'ml-matrix';
import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import type { ChainDrift } from '../drifts/drift-model.ts';
import type { Points } from '../numerics/points.ts';
import type { RandomSource } from '../numerics/random.ts';
import type { Chain, Draws } from './chain.ts';

/** What the networks regress. */
export type TrainingTarget = 'mean' | 'drift' | 'simple' | 'moment' | 'endpoint';

/**
 * Regression rows of one cache: for every step of every path its draw and the mirror image, whose noise has the other sign. Both have the
 * same law; kept in one batch they cancel, to first order, the noise of the targets, which grows like γ^(−1/2).
 */
export interface RegressionRows {
  /** `steps × paths × 2` rows; row 2(k·paths + i) + c is copy c of path i at transition k. */
  readonly inputs: Float32Array;
  readonly targets: Float32Array;
  readonly paths: number;
  readonly dimension: number;
  /** Draws again in place what is not kept from one pass over the rows to the next; absent where they are kept as they are. */
  redraw?(random: RandomSource): Generator<void, void, void>;
}

/** The draw and its mirror image. */
export const COPIES = 2;

/** What the rows of a cache are made from. */
export interface RowsFrom {
  readonly chain: Chain;
  readonly paths: number;
  readonly random: RandomSource;
  /** Whether it is the first half-step, for which a scheme may know rows without simulation. */
  readonly first: boolean;
}

/** A scheme: how rows are made from the current chain, how they are weighted, and the noise of the chain that is learned. */
export interface RegressionScheme {
  /** Rows from fresh paths of `chain`, which learn the other direction, in `room`. Yields after every transition. */
  rows(from: RowsFrom, room: RowRoom): Generator<void, RegressionRows, void>;
  /** Weight of each transition in the loss, mean 1. */
  weights(direction: 'forward' | 'backward'): Float64Array;
  /** V_k of the learned chain, where it is not learned. */
  noise(direction: 'forward' | 'backward'): readonly Matrix[];
  /** V_k of the learned chain from the residuals of fresh rows under the learned drift; absent where the noise is prescribed. */
  learnNoise?(rows: RegressionRows, drift: ChainDrift): readonly Matrix[];
}

/** What a scheme is made for. */
export interface SchemeContext {
  readonly problem: BridgeProblem;
  readonly grid: Chain['grid'];
  /** How paths are drawn. */
  readonly draws: Draws;
  /** Whether a cache keeps rows as they are, or only the ends of their paths. */
  readonly keep: 'paths' | 'endpoints';
}

/** Weights scaled to mean 1, so that a learning rate means the same on every schedule. */
export function normalised(weights: Float64Array): Float64Array {
  const mean = weights.reduce((sum, w) => sum + w, 0) / weights.length;
  return weights.map((w) => w / mean);
}

/** Where the rows of a run's caches lie, one after the other: taking it again overwrites the rows before, so that there is one cache at a time. */
export interface RowRoom {
  take(steps: number, paths: number, dimension: number): RegressionRows;
}

/** Makes room that is allocated when it is taken first. */
export function rowRoom(): RowRoom {
  let held: RegressionRows | undefined;
  return {
    take(steps, paths, dimension) {
      const length = steps * paths * COPIES * dimension;
      if (held?.inputs.length !== length) held = undefined;
      const { inputs, targets } = (held ??= allocateRows(steps, paths, dimension));
      return { inputs, targets, paths, dimension };
    },
  };
}

/** Room for the rows of one cache. */
export function allocateRows(steps: number, paths: number, dimension: number): RegressionRows {
  const length = steps * paths * COPIES * dimension;
  return { inputs: new Float32Array(length), targets: new Float32Array(length), paths, dimension };
}

/** Writes copy `copy` of every path's row at transition k. */
export function fillRows({ inputs, targets, paths, dimension }: RegressionRows, k: number, copy: number, x: Points, y: Points): void {
  for (let i = 0; i < paths; i++) {
    const to = (COPIES * (k * paths + i) + copy) * dimension;
    for (let c = 0; c < dimension; c++) {
      inputs[to + c] = x.data[i * dimension + c]!;
      targets[to + c] = y.data[i * dimension + c]!;
    }
  }
}
