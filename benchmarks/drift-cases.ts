// Networks of the field, and what is timed on them.
import type { MlpArchitecture } from '../src/kernels/mlp-architecture.ts';

/** A training step: forward, backward, Adam. */
export interface TrainingCase {
  readonly architecture: MlpArchitecture;
  readonly batch: number;
}

export const TRAINING: readonly TrainingCase[] = [
  { architecture: { inputs: 18, hidden: [128, 128], outputs: 2, activation: 'leaky-relu' }, batch: 512 },
  { architecture: { inputs: 6, hidden: [256, 256], outputs: 5, activation: 'silu' }, batch: 128 },
  { architecture: { inputs: 51, hidden: [256, 256], outputs: 50, activation: 'silu' }, batch: 128 },
  { architecture: { inputs: 11, hidden: [64, 64], outputs: 2, activation: 'silu' }, batch: 1024 },
];

/** Points that take the steps of a chain in the plane, each with the drift of a net and Gaussian noise. */
export const SIMULATION = {
  dimension: 2,
  hidden: [128, 128],
  activation: 'leaky-relu',
  timeFeatures: 15,
  points: 10_000,
  steps: 5,
} as const;

export const nameOf = ({ architecture: { inputs, hidden, outputs, activation }, batch }: TrainingCase): string =>
  `${[inputs, ...hidden, outputs].join('-')} ${activation}, batch ${batch}`;

export const SIMULATION_NAME: string = `point-steps, ${SIMULATION.hidden.join('-')} ${SIMULATION.activation}`;

/** Calls a second: the best of four spells of a quarter of a second. */
export function rate(call: () => void): number {
  let best = 0;
  for (let trial = 0; trial < 4; trial++) {
    const start = performance.now();
    let calls = 0;
    let elapsed = 0;
    do {
      call();
      calls++;
      elapsed = performance.now() - start;
    } while (elapsed < 250);
    best = Math.max(best, (1000 * calls) / elapsed);
  }
  return best;
}
