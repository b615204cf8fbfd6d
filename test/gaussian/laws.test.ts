import { Matrix } from 'ml-matrix';
import { squaredEuclidean } from '../../src/costs/squared-euclidean.ts';
import { bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import { entropicProblem } from '../../src/couplings/entropic-problem.ts';
import { gaussianBridge, gaussianChain, gaussianCoupling, gaussianImf, gaussianIpf, populationDsb } from '../../src/gaussian/index.ts';
import { gaussianMarginal } from '../../src/marginals/gaussian-marginal.ts';
import type { RandomSource } from '../../src/numerics/random.ts';
import { brownian, type Reference, timeGrid } from '../../src/references/index.ts';
import { bridgeLaws } from '../laws/bridge-laws.ts';
import { couplingLaws } from '../laws/coupling-laws.ts';
import { everyReference, randomGaussian } from '../laws/random-gaussians.ts';

const dimensionOf = (random: RandomSource): number => 1 + random.integer(4);

function randomProblem(
  random: RandomSource,
  reference: (dimension: number, random: RandomSource) => Reference = () => brownian({ sigma: 0.9 }),
) {
  const dimension = dimensionOf(random);
  return bridgeProblem({
    source: randomGaussian(dimension, random),
    target: randomGaussian(dimension, random),
    reference: reference(dimension, random),
  });
}

const coupled = { linear: true, draws: 1500 };

couplingLaws(
  'gaussianCoupling, balanced',
  (random) => {
    const dimension = dimensionOf(random);
    const [source, target] = [randomGaussian(dimension, random, 1.7), randomGaussian(dimension, random, 1.7)];
    return gaussianCoupling(entropicProblem({ source, target, epsilon: 0.2 + random.uniform() }));
  },
  coupled,
);

couplingLaws(
  'gaussianCoupling, singular marginals',
  () => {
    const line = Matrix.columnVector([1, 2, -1]);
    const source = gaussianMarginal({ mean: [0, 1, 2], covariance: line.mmul(line.transpose()) });
    const target = gaussianMarginal({
      mean: [1, 1, 0],
      covariance: [
        [1, 0, 0],
        [0, 0.5, 0],
        [0, 0, 0],
      ],
    });
    return gaussianCoupling(entropicProblem({ source, target, epsilon: 0.4 }));
  },
  { ...coupled, instances: 1 },
);

couplingLaws(
  'gaussianCoupling, unequal penalties',
  (random) => {
    const dimension = dimensionOf(random);
    return gaussianCoupling(
      entropicProblem({
        source: randomGaussian(dimension, random, 1.4),
        target: randomGaussian(dimension, random, 0.6),
        cost: squaredEuclidean(),
        epsilon: 0.7,
        marginals: { source: { kl: 1.1 }, target: { kl: 3 } },
      }),
    );
  },
  { ...coupled, marginalError: false },
);

for (const [name, reference] of everyReference) {
  bridgeLaws(`gaussianBridge, ${name}`, (random) => gaussianBridge(randomProblem(random, reference)), {
    fokkerPlanck: 'linear',
    finiteAtEnds: true,
    instances: 2,
    draws: 1200,
  });
}

couplingLaws('gaussianBridge', (random) => gaussianBridge(randomProblem(random, everyReference.at(-1)![1])), coupled);
couplingLaws('gaussianChain', (random) => gaussianChain(randomProblem(random), timeGrid.uniform({ steps: 7 })), coupled);
couplingLaws('gaussianIpf.iterate(3)', (random) => gaussianIpf(randomProblem(random)).iterate(3), { ...coupled, marginalError: false });
couplingLaws(
  'populationDsb, mean, half-step 4',
  (random) => populationDsb(randomProblem(random), timeGrid.uniform({ steps: 7 }), { target: 'mean' }).iterate(4),
  { ...coupled, marginalError: false, instances: 2 },
);

bridgeLaws('gaussianIpf.iterate(2)', (random) => gaussianIpf(randomProblem(random, everyReference[2]![1])).iterate(2), {
  fokkerPlanck: 'linear',
  finiteAtEnds: true,
  ends: false,
  instances: 2,
  draws: 1200,
});
bridgeLaws('gaussianImf.iterate(2)', (random) => gaussianImf(randomProblem(random)).iterate(2), {
  fokkerPlanck: 'linear',
  finiteAtEnds: true,
  instances: 2,
  draws: 1200,
});
