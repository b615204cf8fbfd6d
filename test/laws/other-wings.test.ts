import { bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import { entropicProblem } from '../../src/couplings/entropic-problem.ts';
import { diffusionBridge } from '../../src/diffusion/index.ts';
import { sinkhorn, sinkhornBridge } from '../../src/discrete/index.ts';
import { driftModels } from '../../src/drifts/index.ts';
import { type DiscreteMarginal, discreteMarginal } from '../../src/marginals/discrete-marginal.ts';
import { type RandomSource, randomSource } from '../../src/numerics/random.ts';
import { brownian, ornsteinUhlenbeck, timeGrid } from '../../src/references/index.ts';
import { bridgeLaws } from './bridge-laws.ts';
import { couplingLaws } from './coupling-laws.ts';
import { randomGaussian } from './random-gaussians.ts';

/** Points of a random Gaussian with random weights. */
function cloud(count: number, random: RandomSource): DiscreteMarginal {
  const weights = Float64Array.from({ length: count }, () => 0.2 + random.uniform());
  const total = weights.reduce((sum, w) => sum + w, 0);
  return discreteMarginal({ points: randomGaussian(2, random).sample(count, random), weights: weights.map((w) => w / total) });
}

couplingLaws('sinkhorn', (random) => sinkhorn(entropicProblem({ source: cloud(20, random), target: cloud(25, random), epsilon: 4 })), {
  instances: 2,
  draws: 2000,
  marginalError: 1e-8,
});

bridgeLaws(
  'sinkhornBridge',
  (random) => {
    const [source, target] = [cloud(20, random), cloud(25, random)];
    return sinkhornBridge(bridgeProblem({ source, target, reference: ornsteinUhlenbeck({ rate: 0.6, sigma: 2, mean: 0.2 }) }), {
      tolerance: 1e-12,
    });
  },
  { instances: 2, draws: 1500, ends: 1e-7 },
);

let run: ReturnType<typeof diffusionBridge> | undefined;

/** One run for all laws: it has its own seed. */
function learned() {
  const random = randomSource(5);
  run ??= diffusionBridge(
    bridgeProblem({ source: randomGaussian(2, random), target: randomGaussian(2, random), reference: brownian({ sigma: 1 }) }),
    { iterations: 3, grid: timeGrid.uniform({ steps: 10 }), target: 'mean', drift: driftModels.linear(), cache: 4000, seed: 3 },
  );
  return run;
}

couplingLaws('diffusionBridge, linear drift', learned, { instances: 1, draws: 2000, marginalError: false, slack: 0.05 });
bridgeLaws('diffusionBridge, linear drift', learned, {
  instances: 1,
  draws: 2000,
  ends: false,
  // The drifts belong to the grid, and a learned pair is no exact reversal.
  fokkerPlanck: false,
  directions: ['forward'],
  slack: 0.05,
  grid: () => timeGrid.uniform({ steps: 10 }),
});
