import { bridgeProblem } from '../../src/couplings/index.ts';
import { bridgeMatching, scoreModel, sinkhornFlowMatching } from '../../src/diffusion/index.ts';
import { sinkhorn } from '../../src/discrete/index.ts';
import { driftModels } from '../../src/drifts/index.ts';
import { gaussianBridge } from '../../src/gaussian/index.ts';
import { ornsteinUhlenbeck, timeGrid } from '../../src/references/index.ts';
import { bridgeLaws } from '../laws/bridge-laws.ts';
import { couplingLaws } from '../laws/coupling-laws.ts';
import { planarGaussians } from '../laws/planar-gaussians.ts';

const problem = planarGaussians();
const { source, target } = problem;
const noising = bridgeProblem({ source, target, reference: ornsteinUhlenbeck({ rate: 1.5, sigma: 1.6 }) });
const grid = timeGrid.uniform({ steps: 6 });
const training = { grid, drift: driftModels.linear(), batchSize: 1000, innerSteps: 60, cache: 10_000, seed: 4 } as const;

const schemes = [
  ['scoreModel', 'backward', () => scoreModel(noising, training)],
  ['bridgeMatching', 'forward', () => bridgeMatching(problem, { ...training, iterations: 2 })],
  ['bridgeMatching with one network', 'forward', () => bridgeMatching(problem, { ...training, iterations: 2, networks: 'one' })],
  [
    'bridgeMatching from plans of mini-batches',
    'forward',
    () =>
      bridgeMatching(problem, {
        ...training,
        iterations: 2,
        minibatch: 100,
        coupling: (_x, _y, ends) => sinkhorn(ends, { tolerance: 1e-4 }),
      }),
  ],
  [
    'sinkhornFlowMatching from plans of mini-batches',
    'forward',
    () => sinkhornFlowMatching(problem, { ...training, minibatch: 100, coupling: (_x, _y, ends) => sinkhorn(ends, { tolerance: 1e-4 }) }),
  ],
  ['sinkhornFlowMatching', 'forward', () => sinkhornFlowMatching(problem, { ...training, coupling: gaussianBridge(problem) })],
] as const;

for (const [name, direction, make] of schemes) {
  couplingLaws(name, make, { instances: 1, marginalError: false, linear: true });
  bridgeLaws(name, make, {
    instances: 1,
    ends: false,
    fokkerPlanck: false,
    directions: [direction],
    grid: () => grid,
    times: [1 / 6, 1 / 3, 1 / 2, 5 / 6],
  });
}
