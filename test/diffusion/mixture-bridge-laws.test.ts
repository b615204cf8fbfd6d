import { bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import { mixtureBridge } from '../../src/diffusion/index.ts';
import { dataMarginal, gaussianMarginal, mixtureMarginal } from '../../src/marginals/index.ts';
import type { RandomSource } from '../../src/numerics/random.ts';
import { brownian } from '../../src/references/index.ts';
import { bridgeLaws } from '../laws/bridge-laws.ts';
import { couplingLaws } from '../laws/coupling-laws.ts';
import { everyReference, randomGaussian } from '../laws/random-gaussians.ts';

const twoHills = mixtureMarginal({
  weights: [0.4, 0.6],
  components: [
    gaussianMarginal({ mean: [-1.5, 0.5], covariance: 0.3 }),
    gaussianMarginal({
      mean: [1, -0.4],
      covariance: [
        [0.5, 0.2],
        [0.2, 0.4],
      ],
    }),
  ],
});

/** A source made of points: everything about the bridge is exact. */
const fromPoints = (covariance: 'diagonal' | 'full', method: 'em' | 'adam') => (random: RandomSource) =>
  mixtureBridge(
    bridgeProblem({
      source: dataMarginal(gaussianMarginal({ mean: [0, 0.3], covariance: 0.8 }).sample(60, random)),
      target: twoHills,
      reference: everyReference[random.integer(5)]![1](2, random),
    }),
    { components: 3, covariance, method, samples: 600, maxIterations: method === 'em' ? 30 : 150 },
  );

/** A Gaussian source: moments and the view back in time are estimates. */
const fromGaussian = () =>
  mixtureBridge(
    bridgeProblem({ source: gaussianMarginal({ mean: [0, 0.3], covariance: 0.8 }), target: twoHills, reference: brownian({ sigma: 1 }) }),
    { components: 3, covariance: 'full', samples: 1000, maxIterations: 40 },
  );

/** One component: the Gaussian bridge. */
const oneComponent = (random: RandomSource) =>
  mixtureBridge(
    bridgeProblem({
      source: randomGaussian(2, random),
      target: randomGaussian(2, random),
      reference: everyReference[random.integer(6)]![1](2, random),
    }),
    { components: 1, covariance: 'full', samples: 400 },
  );

couplingLaws('mixtureBridge from points', fromPoints('full', 'em'), { instances: 2, draws: 2000, marginalError: false });
bridgeLaws('mixtureBridge from points', fromPoints('full', 'em'), { instances: 2, draws: 2000, ends: false });
couplingLaws('mixtureBridge from points, diagonal, Adam', fromPoints('diagonal', 'adam'), {
  instances: 1,
  draws: 1500,
  marginalError: false,
});
bridgeLaws('mixtureBridge from points, diagonal, Adam', fromPoints('diagonal', 'adam'), { instances: 1, draws: 1500, ends: false });
couplingLaws('mixtureBridge from a Gaussian', fromGaussian, { instances: 1, draws: 1500, marginalError: false, slack: 0.02 });
bridgeLaws('mixtureBridge from a Gaussian', fromGaussian, { instances: 1, draws: 1000, ends: false, slack: 0.02 });
couplingLaws('mixtureBridge of one component', oneComponent, { instances: 2, draws: 1200, linear: true });
bridgeLaws('mixtureBridge of one component', oneComponent, {
  instances: 2,
  draws: 800,
  fokkerPlanck: 'linear',
  finiteAtEnds: true,
});
