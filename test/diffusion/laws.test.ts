import { bridgeProblem } from '../../src/couplings/index.ts';
import { diffusionBridge } from '../../src/diffusion/index.ts';
import { driftModels } from '../../src/drifts/index.ts';
import { gaussianMarginal } from '../../src/marginals/index.ts';
import { brownian, timeGrid } from '../../src/references/index.ts';
import { bridgeLaws } from '../laws/bridge-laws.ts';
import { couplingLaws } from '../laws/coupling-laws.ts';

const problem = bridgeProblem({
  source: gaussianMarginal({
    mean: [-0.5, 0.2],
    covariance: [
      [1, 0.3],
      [0.3, 0.8],
    ],
  }),
  target: gaussianMarginal({
    mean: [0.4, 0],
    covariance: [
      [0.7, -0.2],
      [-0.2, 1.1],
    ],
  }),
  reference: brownian({ sigma: 1 }),
});
const grid = timeGrid.uniform({ steps: 6 });

for (const target of ['mean', 'moment'] as const) {
  const make = () =>
    diffusionBridge(problem, {
      iterations: 3,
      grid,
      target,
      drift: driftModels.linear(),
      batchSize: 1000,
      innerSteps: 60,
      cache: 10_000,
      seed: 4,
    });
  couplingLaws(`diffusionBridge with linear(), target ${target}`, make, { instances: 1, marginalError: false, linear: true });
  bridgeLaws(`diffusionBridge with linear(), target ${target}`, make, {
    instances: 1,
    ends: false,
    fokkerPlanck: false,
    directions: ['forward'],
    grid: () => grid,
    times: [1 / 6, 1 / 3, 1 / 2, 5 / 6],
  });
}
