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
}

/** The draw and its mirror image. */
export const COPIES = 2;

/** A scheme: how rows are made from the current chain, how they are weighted, and the noise of the chain that is learned. */
export interface RegressionScheme {
  /** Rows from fresh paths of `chain`, which learn the other direction. Yields after every transition. */
  rows(chain: Chain, paths: number, random: RandomSource, first: boolean): Generator<void, RegressionRows, void>;
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
}

/** Weights scaled to mean 1, so that a learning rate means the same on every schedule. */
export function normalised(weights: Float64Array): Float64Array {
  const mean = weights.reduce((sum, w) => sum + w, 0) / weights.length;
  return weights.map((w) => w / mean);
}

/** Room for the rows of a cache. */
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
