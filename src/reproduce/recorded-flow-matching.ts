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
  'torchcfm 1.0.7, torch 2.14.1, one thread of an AMD EPYC with 2 cores that was busy, 2026-11-25, seeds 0 to 3; 10 000 steps of batch 256';

/** [SF]²M of torchcfm on the arrays of the first seeds, with the networks, the optimiser and the exact mini-batch couplings of its own example. */
export const RECORDED: { readonly [set: string]: RecordedFigures } = {
  moons: {
    paths: 1.81,
    pathsSpread: 0.375,
    flow: 1.95,
    flowSpread: 0.355,
    energyGap: 0.0237,
    energyGapSpread: 0.0225,
    nearest: 1.13,
    nearestSpread: 0.0278,
    seeds: 4,
    seconds: 206,
  },
  'S-curve': {
    paths: 5.69,
    pathsSpread: 4.29,
    flow: 5.55,
    flowSpread: 4.19,
    energyGap: 0.141,
    energyGapSpread: 0.0927,
    nearest: 8.46,
    nearestSpread: 0.411,
    seeds: 4,
    seconds: 152,
  },
  '8 Gaussians': {
    paths: 4.72,
    pathsSpread: 0.682,
    flow: 4.79,
    flowSpread: 0.797,
    energyGap: 0.0137,
    energyGapSpread: 0.0166,
    nearest: 1.65,
    nearestSpread: 0.0692,
    seeds: 4,
    seconds: 183,
  },
  'moons → 8 Gaussians': {
    paths: 4.42,
    pathsSpread: 1.13,
    flow: 4.03,
    flowSpread: 1.06,
    energyGap: 0.0757,
    energyGapSpread: 0.0463,
    nearest: 1.86,
    nearestSpread: 0.246,
    seeds: 4,
    seconds: 139,
  },
};
