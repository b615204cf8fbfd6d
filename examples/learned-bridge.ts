import { bridgeProblem, brownian, compareBridges, diffusionBridge, driftModels, gaussianBridge, gaussianMarginal, timeGrid } from 'viaduct';

// A small network learns a bridge whose exact answer is known.
const problem = bridgeProblem({
  source: gaussianMarginal({ mean: [-1], covariance: 0.5 }),
  target: gaussianMarginal({ mean: [1], covariance: 1 }),
  reference: brownian({ sigma: 1 }),
});
const run = await diffusionBridge(problem, {
  iterations: 2,
  grid: timeGrid.uniform({ steps: 10 }),
  drift: driftModels.mlp({ hidden: [16] }),
  batchSize: 256,
  innerSteps: 200,
  cache: 2000,
  seed: 1,
});
const { perTime, conditionalBwUvp } = compareBridges(run, gaussianBridge(problem), { samples: 200 });
console.log(run.status, perTime.length); // → max-iterations 9
console.log('conditional BW²-UVP in percent:', conditionalBwUvp);
