import { DomainError } from '../errors.ts';
import type { RandomSource } from './random.ts';

/** `count` independent indices, i with probability weights_i / Σ weights; an index of weight zero is never drawn. */
export function sampleCategories(weights: Float64Array, count: number, random: RandomSource): Int32Array {
  const draw = categoricalSampler(weights);
  const out = new Int32Array(count);
  for (let i = 0; i < count; i++) out[i] = draw(random);
  return out;
}

/** A function that draws one index at a time, by bisection of the cumulative weights. */
export function categoricalSampler(weights: Float64Array): (random: RandomSource) => number {
  const cumulative = new Float64Array(weights.length);
  let sum = 0;
  let last = 0;
  for (let i = 0; i < weights.length; i++) {
    sum += weights[i]!;
    cumulative[i] = sum;
    if (weights[i]! > 0) last = i;
  }
  return (random) => {
    if (typeof random?.uniform !== 'function') throw new DomainError('sample: random is missing; pass randomSource(seed)');
    const u = random.uniform() * sum;
    let low = 0;
    let high = last;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (cumulative[middle]! > u) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}
