import type { RegressionBatch } from '../drifts/drift-model.ts';
import type { RandomSource } from '../numerics/random.ts';
import { COPIES, type RegressionRows } from './regression-target.ts';

/** Rows of one cache, shuffled: every row is used once before any is used again. */
export interface RegressionCache {
  /** The next batch; valid until the next call. */
  next(): RegressionBatch;
  /** Batches in one pass over the rows. */
  readonly batches: number;
}

/** Serves rows in batches, in a fresh random order for every pass; a step and its mirror image stay together. */
export function regressionCache(
  { inputs, targets, paths, dimension }: RegressionRows,
  weights: Float64Array,
  batchSize: number,
  random: RandomSource,
): RegressionCache {
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
  let used = pairs;
  return {
    batches: Math.ceil(pairs / size),
    next() {
      for (let i = 0; i < size; i++) {
        if (used === pairs) {
          shuffle(order, random);
          used = 0;
        }
        const from = order[used++]!;
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

/** Fisher–Yates. */
function shuffle(order: Int32Array, random: RandomSource): void {
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    const kept = order[i]!;
    order[i] = order[j]!;
    order[j] = kept;
  }
}
