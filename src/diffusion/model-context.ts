import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import type { DriftModelContext } from '../drifts/drift-model.ts';
import type { RandomSource } from '../numerics/random.ts';
import type { Chain } from './chain.ts';
import { noiseRate } from './euler-noise.ts';
import type { ResolvedTraining } from './training-options.ts';

/**
 * What a fresh model of one direction is told. Labels: F_k carries t_k, B_{k+1} carries t_{k+1}. Inputs are standardised by the pooled
 * moments of both marginals, outputs by the larger of noise/scale and distance/horizon.
 */
export function modelContext(
  { source, target, reference, dimension }: BridgeProblem,
  { grid, batchSize }: Pick<ResolvedTraining, 'grid' | 'batchSize'>,
  direction: Chain['direction'],
  random: RandomSource,
): DriftModelContext {
  const [a, b] = [source.mean(), target.mean()];
  const [A, B] = [source.covariance(), target.covariance()];
  const center = a.map((x, k) => (x + b[k]!) / 2);
  const scale = a.map((x, k) => Math.sqrt((A.get(k, k) + B.get(k, k)) / 2 + ((x - b[k]!) / 2) ** 2) || 1);
  const noise = noiseRate(reference, grid, dimension);
  const sizes = a.map((x, k) => Math.hypot(noise.get(k, k) / scale[k]!, (x - b[k]!) / reference.horizon));
  const driftScale = Math.hypot(...sizes) / Math.sqrt(dimension);
  const labels = direction === 'forward' ? grid.times.slice(0, -1) : grid.times.slice(1);
  const { durations, horizon } = grid;
  return { dimension, direction, labels, horizon, durations, center, scale, driftScale, batchSize, random: random.split(direction) };
}
