import type { RegressionBatch } from '../drifts/drift-model.ts';
import type { RandomSource } from '../numerics/random.ts';
import { COPIES, type RegressionRows } from './regression-target.ts';

/** Rows of one cache, shuffled: every row is used once before any is used again. */
export interface RegressionCache {
  /** Draws again what the rows do not keep from one pass to the next, where the next batch begins a pass. Yields as the drawing does. */
  renew(): Generator<void, void, void>;
  /** The next batch; valid until the next call. */
  next(): RegressionBatch;
  /** Leaves out batches that an interrupted run has already used. */
  skip(batches: number): void;
  /** Batches in one pass over the rows. */
  readonly batches: number;
  /** Mean of w·|target|²: the loss of a drift that is zero. */
  readonly scale: number;
}

/** Serves rows in batches, in a fresh random order for every pass; a step and its mirror image stay together. `stream` is the cache's own. */
export function regressionCache(rows: RegressionRows, weights: Float64Array, batchSize: number, stream: RandomSource): RegressionCache {
  const { inputs, targets, paths, dimension } = rows;
  const random = stream.split('shuffle');
  const width = COPIES * dimension;
  const pairs = inputs.length / width;
  const size = Math.min(Math.max(1, Math.round(batchSize / COPIES)), pairs);
  const order = Int32Array.from({ length: pairs }, (_, i) => i);
  const count = COPIES * size;
  const batch = {
    count,
    transitions: new Int32Array(count),
    inputs: new Float32Array(count * dimension),
    targets: new Float32Array(count * dimension),
    weights: new Float32Array(count),
  };
  const batches = Math.ceil(pairs / size);
  let served = 0;
  let drawn = 0;
  let used = pairs;
  const take = (): number => {
    if (used === pairs) {
      shuffle(order, random);
      used = 0;
    }
    return order[used++]!;
  };
  return {
    batches,
    scale: targetScale(targets, weights) / (COPIES * pairs),
    *renew() {
      const pass = Math.floor(served / batches);
      if (pass === drawn || rows.redraw === undefined) return;
      yield* rows.redraw(stream.split('pass').split(pass));
      drawn = pass;
    },
    skip(count) {
      for (let i = 0; i < count * size; i++) take();
      served += count;
    },
    next() {
      served++;
      for (let i = 0; i < size; i++) {
        const from = take();
        const k = Math.floor(from / paths);
        batch.transitions.fill(k, i * COPIES, (i + 1) * COPIES);
        batch.weights.fill(weights[k]!, i * COPIES, (i + 1) * COPIES);
        batch.inputs.set(inputs.subarray(from * width, (from + 1) * width), i * width);
        batch.targets.set(targets.subarray(from * width, (from + 1) * width), i * width);
      }
      return batch;
    },
  };
}

/** Σ w·|target|² over rows that lie transition after transition. */
function targetScale(targets: Float32Array, weights: Float64Array): number {
  const each = targets.length / weights.length;
  let sum = 0;
  weights.forEach((weight, k) => {
    let part = 0;
    for (let i = k * each; i < (k + 1) * each; i++) part += targets[i]! * targets[i]!;
    sum += weight * part;
  });
  return sum;
}

/** Fisher–Yates. */
function shuffle(order: Int32Array, random: RandomSource): void {
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    const kept = order[i]!;
    order[i] = order[j]!;
    order[j] = kept;
  }
}
