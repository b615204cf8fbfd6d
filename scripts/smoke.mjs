// A short job on the built package; prints one digest, so that Node versions can be compared bit by bit.
import { createHash } from 'node:crypto';
import {
  barycenter,
  bridgeProblem,
  brownian,
  costMatrix,
  diffusionBridge,
  discreteMarginal,
  driftModels,
  entropicProblem,
  exactTransport,
  gaussianBridge,
  gaussianMarginal,
  gridMarginal,
  histogram,
  randomSource,
  sinkhorn,
  sinkhornDivergence,
  timeGrid,
  transportProblem,
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

/** Everything that can be read from a discrete answer, but for the time it took. */
const read = (answer) => [
  answer.status,
  answer.iterations,
  answer.error,
  answer.value,
  ...[answer.errors, answer.potentials.f, answer.potentials.g, answer.plan().to1DArray()].map((v) => Array.from(v)),
];
const random = randomSource(6);
const weights = (count) => {
  const raw = Array.from({ length: count }, () => 0.1 + random.uniform());
  const mass = raw.reduce((sum, w) => sum + w, 0);
  return raw.map((w) => w / mass);
};
const cloud = (count, shift) =>
  discreteMarginal({ points: Array.from({ length: count }, () => [shift + random.normal(), random.normal()]), weights: weights(count) });
const [source, target] = [cloud(300, 0), cloud(310, 1)];
const between = (epsilon, marginals = {}) => entropicProblem({ source, target, epsilon: { ofMeanCost: epsilon }, marginals });
const image = () => gridMarginal({ shape: [24, 20], weights: weights(480), spacing: 0.1 });
const discrete = [
  // At the default tolerance: single precision, then double, L-BFGS and Newton.
  sinkhorn(between(0.01)),
  sinkhorn(between(0.01), { engine: 'typescript', tolerance: 1e-6 }),
  sinkhorn(between(0.1), { method: 'log' }),
  sinkhorn(between(0.05, { source: { kl: 1 }, target: { kl: 0.3 } })),
  sinkhorn(entropicProblem({ source: image(), target: image(), epsilon: 0.05 }), { tolerance: 1e-7 }),
  sinkhorn(between(0.05, { source: 'at-most', target: 'at-most', mass: 0.7 }), { tolerance: 1e-7 }),
  exactTransport(transportProblem({ source, target })),
].map(read);
const divergence = sinkhornDivergence(between(0.05), { tolerance: 1e-7 });
const middles = [{}, { debiased: true, support: source.points }, { support: { free: 20 } }].map((more) =>
  barycenter({ measures: [source, target], epsilon: 0.3, ...more }, { tolerance: 1e-6, maxIterations: 100 }),
);
discrete.push(divergence.value, divergence.iterations, Array.from(divergence.gradients().x.data));
for (const { marginal, iterations, error } of middles)
  discrete.push(iterations, error, Array.from(marginal.weights), Array.from(marginal.points.data));
const bits = JSON.stringify([plan.value, discrete, exact.crossCovariance.to1DArray(), network.digest, linear.digest, Array.from(draws)]);
process.stdout.write(`${createHash('sha256').update(bits).digest('hex')}\n`);
