import type { Matrix } from 'ml-matrix';
import type { BridgeProblem } from '../couplings/bridge-problem.ts';
import type { ChainDrift, DriftModel } from '../drifts/drift-model.ts';
import { referenceDrift } from '../drifts/reference-drift.ts';
import { randomSource } from '../numerics/random.ts';
import type { Chain } from './chain.ts';
import { eulerNoise } from './euler-noise.ts';
import { logVarianceModel } from './log-variance.ts';
import { modelContext } from './model-context.ts';
import type { ResolvedOptions } from './options.ts';
import type { TrainedHalfStep } from './training-state.ts';

/** The discretised reference from the source: iterate 0. */
function referenceChain({ reference, dimension, source }: BridgeProblem, { grid }: ResolvedOptions): Chain {
  return {
    direction: 'forward',
    grid,
    drift: referenceDrift(reference, grid, dimension),
    noise: eulerNoise(reference, grid, dimension),
    start: source,
  };
}

/** The chain with a learned drift, from its own marginal. */
export function learnedChain(
  { source, target }: BridgeProblem,
  { grid }: ResolvedOptions,
  direction: Chain['direction'],
  drift: ChainDrift,
  noise: readonly Matrix[],
  logVariance?: ChainDrift,
): Chain {
  const start = direction === 'forward' ? source : target;
  return { direction, grid, drift, noise, start, ...(logVariance === undefined ? {} : { logVariance }) };
}

/** An untrained model: the same for every half-step of a direction, or with `halfStep` (1, 2, …) a fresh one. */
export function makeModel(problem: BridgeProblem, options: ResolvedOptions, direction: Chain['direction'], halfStep?: number): DriftModel {
  const random = randomSource(options.seed);
  return options.drift.make(modelContext(problem, options, direction, halfStep === undefined ? random : random.split(halfStep)));
}

/** The chains of half-steps that were stored: the reference, then one for each. */
export function restoredChains(
  problem: BridgeProblem,
  options: ResolvedOptions,
  done: readonly TrainedHalfStep[],
  noiseOf: (halfStep: number, direction: Chain['direction']) => readonly Matrix[],
): Chain[] {
  const learned = done.map(({ record: { direction }, model, noise, logVariance }, i) => {
    const restored = makeModel(problem, options, direction);
    restored.load(model);
    const drift = restored.freeze();
    restored.dispose?.();
    const field = logVariance && restoredLogVariance(problem, options, direction, i + 1, logVariance);
    return learnedChain(problem, options, direction, drift, noise ?? noiseOf(i, direction), field);
  });
  return [referenceChain(problem, options), ...learned];
}

/** The network of log-variances of half-step 1, 2, … from its state. */
export function restoredLogVariance(
  problem: BridgeProblem,
  options: ResolvedOptions,
  direction: Chain['direction'],
  halfStep: number,
  bytes: Uint8Array,
): ChainDrift {
  const model = logVarianceModel(problem, options, direction, halfStep);
  model.load(bytes);
  const field = model.freeze();
  model.dispose?.();
  return field;
}
