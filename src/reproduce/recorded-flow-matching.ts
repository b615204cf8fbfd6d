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
export const RECORDED: { readonly [set: string]: RecordedFigures } = {
  moons: {
    paths: 1.8,
    pathsSpread: 0.459,
    flow: 1.89,
    flowSpread: 0.403,
    energyGap: 0.0178,
    energyGapSpread: 0.0236,
    nearest: 1.14,
    nearestSpread: 0.0287,
    seeds: 3,
    seconds: 157,
  },
  'S-curve': {
    paths: 3.72,
    pathsSpread: 2.09,
    flow: 3.75,
    flowSpread: 2.63,
    energyGap: 0.185,
    energyGapSpread: 0.0322,
    nearest: 8.63,
    nearestSpread: 0.311,
    seeds: 3,
    seconds: 176,
  },
  '8 Gaussians': {
    paths: 4.87,
    pathsSpread: 0.742,
    flow: 4.9,
    flowSpread: 0.938,
    energyGap: 0.00544,
    energyGapSpread: 0.00316,
    nearest: 1.68,
    nearestSpread: 0.0157,
    seeds: 3,
    seconds: 148,
  },
  'moons → 8 Gaussians': {
    paths: 4.28,
    pathsSpread: 1.34,
    flow: 4.11,
    flowSpread: 1.28,
    energyGap: 0.0595,
    energyGapSpread: 0.0406,
    nearest: 1.87,
    nearestSpread: 0.299,
    seeds: 3,
    seconds: 161,
  },
};
