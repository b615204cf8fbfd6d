// A short job on the built package; prints one digest, so that Node versions can be compared bit by bit.
import { createHash } from 'node:crypto';
import {
  bridgeProblem,
  brownian,
  costMatrix,
  diffusionBridge,
  driftModels,
  entropicProblem,
  gaussianBridge,
  gaussianMarginal,
  histogram,
  randomSource,
  sinkhorn,
  timeGrid,
} from '../dist/index.js';

const half = histogram([0.5, 0.5]);
const plan = sinkhorn(
  entropicProblem({
    source: half,
    target: half,
    cost: costMatrix([
      [0, 1],
      [1, 0],
    ]),
    epsilon: 1,
  }),
);
const at = (mean) => gaussianMarginal({ mean, covariance: 1 });
const problem = bridgeProblem({ source: at([0, 0]), target: at([1, 0]), reference: brownian({ sigma: 1 }) });
const exact = gaussianBridge(problem).moments();
const options = { iterations: 1, grid: timeGrid.uniform({ steps: 5 }), batchSize: 32, innerSteps: 20, cache: 64, seed: 1 };
const network = await diffusionBridge(problem, { ...options, drift: driftModels.mlp({ hidden: [8] }) });
const linear = await diffusionBridge(problem, { ...options, drift: driftModels.linear() });
const draws = randomSource(5).fillNormal(new Float64Array(1000));
const bits = JSON.stringify([plan.value, exact.crossCovariance.to1DArray(), network.digest, linear.digest, Array.from(draws)]);
process.stdout.write(`${createHash('sha256').update(bits).digest('hex')}\n`);
