import { diffusionBridge } from '../../src/diffusion/index.ts';
import { driftModels } from '../../src/drifts/index.ts';
import { timeGrid } from '../../src/references/index.ts';
import { bridgeLaws } from '../laws/bridge-laws.ts';
import { couplingLaws } from '../laws/coupling-laws.ts';
import { planarGaussians } from '../laws/planar-gaussians.ts';

const problem = planarGaussians();
const grid = timeGrid.uniform({ steps: 6 });
const training = { iterations: 3, grid, batchSize: 1000, innerSteps: 60, cache: 10_000, seed: 4 } as const;
/** A learned pair of drifts is no exact time reversal, and belongs to its grid. */
const onGrid = {
  instances: 1,
  ends: false,
  fokkerPlanck: false,
  directions: ['forward'],
  grid: () => grid,
  times: [1 / 6, 1 / 3, 1 / 2, 5 / 6],
} as const;

for (const target of ['mean', 'drift', 'simple', 'moment', 'endpoint'] as const) {
  const make = () => diffusionBridge(problem, { ...training, target, drift: driftModels.linear() });
  couplingLaws(`diffusionBridge with linear(), target ${target}`, make, { instances: 1, marginalError: false, linear: true });
  bridgeLaws(`diffusionBridge with linear(), target ${target}`, make, onGrid);
}

/** The law of a network has no closed form: moments and conditional means are estimates, and its way back is learned. */
const network = () =>
  diffusionBridge(problem, {
    ...training,
    target: 'endpoint',
    drift: driftModels.mlp({ hidden: [32] }),
    innerSteps: 800,
    batchSize: 256,
  });
couplingLaws('diffusionBridge with mlp()', network, { instances: 1, draws: 2000, marginalError: false, slack: 0.05 });
bridgeLaws('diffusionBridge with mlp()', network, { ...onGrid, draws: 1500, slack: 0.05 });

/** A covariance that depends on the point leaves no closed form either, though every mean is affine. */
const logVariance = () =>
  diffusionBridge(problem, {
    ...training,
    target: 'moment',
    covariance: 'network',
    drift: driftModels.linear(),
    innerSteps: 400,
    batchSize: 256,
  });
couplingLaws("diffusionBridge with covariance 'network'", logVariance, { instances: 1, draws: 2000, marginalError: false, slack: 0.05 });
bridgeLaws("diffusionBridge with covariance 'network'", logVariance, { ...onGrid, draws: 1500, slack: 0.05 });
