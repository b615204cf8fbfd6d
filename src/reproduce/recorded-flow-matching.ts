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
  'torchcfm 1.0.7, torch 2.14.1, one thread of an AMD EPYC with 2 cores that was busy, 2026-11-25, seeds 0 to 4; 10 000 steps of batch 256';

/** [SF]²M of torchcfm on the arrays of the first seeds, with the networks, the optimiser and the exact mini-batch couplings of its own example. */
export const RECORDED: { readonly [set: string]: RecordedFigures } = {
  moons: {
    paths: 1.83,
    pathsSpread: 0.328,
    flow: 1.93,
    flowSpread: 0.31,
    energyGap: 0.0391,
    energyGapSpread: 0.0396,
    nearest: 1.13,
    nearestSpread: 0.0243,
    seeds: 5,
    seconds: 185,
  },
  'S-curve': {
    paths: 5.1,
    pathsSpread: 3.94,
    flow: 5.07,
    flowSpread: 3.78,
    energyGap: 0.117,
    energyGapSpread: 0.0962,
    nearest: 8.46,
    nearestSpread: 0.356,
    seeds: 5,
    seconds: 135,
  },
  '8 Gaussians': {
    paths: 4.44,
    pathsSpread: 0.85,
    flow: 4.53,
    flowSpread: 0.907,
    energyGap: 0.014,
    energyGapSpread: 0.0144,
    nearest: 1.65,
    nearestSpread: 0.0604,
    seeds: 5,
    seconds: 166,
  },
  'moons → 8 Gaussians': {
    paths: 4.07,
    pathsSpread: 1.26,
    flow: 3.81,
    flowSpread: 1.04,
    energyGap: 0.0656,
    energyGapSpread: 0.046,
    nearest: 1.83,
    nearestSpread: 0.223,
    seeds: 5,
    seconds: 126,
  },
};
