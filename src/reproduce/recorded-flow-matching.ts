import type { ToyFigures } from './toy-figures.ts';

/** What was measured of the peer on one set. */
export interface RecordedFigures extends ToyFigures {
  readonly seeds: number;
  /** Of training, on a machine that was busy with other work: no measure of speed. */
  readonly seconds: number;
}

/** Where and when {@link RECORDED} was measured. */
export const RECORDED_ON =
  'torchcfm 1.0.7, torch 2.14.1, one thread of an AMD EPYC with 2 cores that was busy, 2026-11-25, seed 0; 10 000 steps of batch 256 (6000 for moons → 8 Gaussians)';

/** [SF]²M of torchcfm on the arrays of seed 0, with the networks, the optimiser and the exact mini-batch couplings of its own example. */
export const RECORDED: { readonly [set: string]: RecordedFigures } = {
  moons: { paths: 2.12, flow: 2.34, energyGap: 0.0726, nearest: 1.12, seeds: 1, seconds: 120 },
  'S-curve': { paths: 5.92, flow: 6.62, energyGap: 0.135, nearest: 8.41, seeds: 1, seconds: 110 },
  '8 Gaussians': { paths: 3.57, flow: 5.05, energyGap: 0.0044, nearest: 1.65, seeds: 1, seconds: 116 },
  'moons → 8 Gaussians': { paths: 5.13, flow: 4.55, energyGap: 0.0749, nearest: 2.05, seeds: 1, seconds: 119 },
};
