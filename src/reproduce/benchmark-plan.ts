import type { MixtureOptions } from '../diffusion/mixture-options.ts';
import type { TrainingOptions } from '../diffusion/training-options.ts';

/** How much work a cell of the benchmark is. */
export interface CellPlan {
  /** x₀ of the closed forms, of the networks, and of the true drift: the first ones of the same draws. */
  readonly inputs: { readonly closed: number; readonly network: number; readonly drift: number };
  /** Conditional draws for each x₀. */
  readonly draws: number;
  /** Draws behind the moments of the target. */
  readonly samples: number;
  /** With its own number of points. */
  readonly mixture: MixtureOptions & Required<Pick<MixtureOptions, 'samples' | 'maxIterations'>>;
  readonly steps: number;
  readonly network: NetworkPlan;
}

/** A recipe of the networks. */
export interface NetworkPlan {
  readonly hidden: readonly number[];
  readonly ema: number;
  readonly iterations: number;
  readonly training: TrainingOptions;
}

/** What a cell costs. */
export function planOf(dimension: number, epsilon: number, quick: boolean): CellPlan {
  if (quick) {
    return {
      inputs: { closed: 50, network: 5, drift: 2 },
      draws: 1000,
      samples: dimension > 2 ? 2000 : 30_000,
      mixture: { ...mixtureOf(dimension, epsilon), samples: 30_000 },
      steps: 10,
      network: { hidden: [32, 32], ema: 0.99, iterations: 1, training: { innerSteps: 40, batchSize: 128, cache: 1000 } },
    };
  }
  return {
    inputs: inputsOf(dimension),
    draws: 1000,
    samples: dimension > 16 ? 20_000 : 100_000,
    mixture: mixtureOf(dimension, epsilon),
    steps: dimension > 16 ? 20 : 30,
    network: networkOf(dimension, epsilon),
  };
}

function inputsOf(dimension: number): CellPlan['inputs'] {
  if (dimension <= 2) return { closed: 1000, network: 1000, drift: 1000 };
  if (dimension <= 16) return { closed: 1000, network: 200, drift: 100 };
  return dimension > 64 ? { closed: 60, network: 25, drift: 4 } : { closed: 200, network: 50, drift: 12 };
}

/**
 * The family that contains the answer. Its error is that of sampling, which grows as the noise shrinks; EM stops once a step promises a
 * fiftieth of the loss's sampling error, parameters/(2·samples).
 */
function mixtureOf(dimension: number, epsilon: number): CellPlan['mixture'] {
  const samples = epsilon < 1 ? 250_000 : dimension > 64 ? 60_000 : 40_000;
  const parameters = (5 * (dimension + 1) * (dimension + 2)) / 2;
  return { components: 5, covariance: 'full', samples, tolerance: parameters / (100 * samples), maxIterations: dimension > 16 ? 20 : 100 };
}

/**
 * Where the noise is wide the reference alone covers the target: one iteration, trained for longer. In many dimensions moments of noise are
 * not matched, which costs d³ a step of every path.
 */
function networkOf(dimension: number, epsilon: number): NetworkPlan {
  const recipe = (hidden: number[], iterations: number, innerSteps: number): NetworkPlan => ({
    hidden,
    iterations,
    ema: 0.995,
    training: {
      innerSteps,
      learningRate: 1e-2,
      batchSize: 512,
      cache: { paths: 5000, draws: dimension > 16 ? 'independent' : 'matched' },
    },
  });
  if (dimension <= 2) return recipe([64, 64], 3, 800);
  if (dimension <= 16) return recipe([128, 128], 3, 600);
  return epsilon > 1 ? recipe([192, 192], 1, 1200) : recipe([192, 192], 2, 400);
}
