import type { ToyFigures } from './toy-figures.ts';

/** What was measured of the peer on one set: means over seeds, and standard deviations. */
export interface RecordedFigures extends ToyFigures {
  readonly pathsSpread: number;
  readonly flowSpread: number;
  readonly energyGapSpread: number;
  readonly nearestSpread: number;
  readonly seeds: number;
  /** Of training, on a machine that was busy with other work: no measure of speed. */
  readonly seconds: number;
}

/** Where and when {@link RECORDED} was measured. */
export const RECORDED_ON =
  'torchcfm 1.0.7, torch 2.14.1, one thread of an AMD EPYC with 2 cores that was busy, 2026-11-25, seeds 0 to 2; 10 000 steps of batch 256';

/** [SF]²M of torchcfm on the arrays of the first seeds, with the networks, the optimiser and the exact mini-batch couplings of its own example. */
export const RECORDED: { readonly [set: string]: RecordedFigures } = {};
