import { expect, test } from 'vitest';
import { bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import { mixtureBridge } from '../../src/diffusion/index.ts';
import { dataMarginal, gaussianMarginal, mixtureMarginal } from '../../src/marginals/index.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { brownian } from '../../src/references/index.ts';

test('whatever the seed of k-means++, the same parts of the target are found', async () => {
  const target = mixtureMarginal({
    weights: [0.3, 0.25, 0.15, 0.15, 0.1, 0.05],
    components: [
      [0, 0],
      [3, 0],
      [0, 3],
      [3, 3],
      [6, 1],
      [1, 6],
    ].map((mean) => gaussianMarginal({ mean, covariance: 0.3 })),
  });
  const problem = bridgeProblem({
    source: dataMarginal(gaussianMarginal({ mean: [0, 0], covariance: 1 }).sample(1500, randomSource(1))),
    target: dataMarginal(target.sample(1500, randomSource(2))),
    reference: brownian({ sigma: 1 }),
  });
  const losses: number[] = [];
  for (let seed = 0; seed < 8; seed++) {
    losses.push((await mixtureBridge(problem, { components: 6, covariance: 'full', seed, tolerance: 1e-5 })).loss);
  }
  expect(Math.max(...losses) - Math.min(...losses)).toBeLessThan(0.003);
});

test('large samples: the fit by every eighth row first ends where the whole does', async () => {
  const components = [-2, 1].map((mean) => gaussianMarginal({ mean: [mean], covariance: 0.3 }));
  const x = gaussianMarginal({ mean: [0], covariance: 1 }).sample(40_000, randomSource(1)).data;
  const y = mixtureMarginal({ weights: [0.4, 0.6], components }).sample(40_000, randomSource(2)).data;
  const draw = (n: number) => ({
    source: dataMarginal({ data: x.slice(0, n), count: n, dimension: 1 }),
    target: dataMarginal({ data: y.slice(0, n), count: n, dimension: 1 }),
    reference: brownian({ sigma: 1 }),
  });
  const options = { components: 2, tolerance: 1e-9 };
  // 40 000 rows go by stages, 39 999 do not.
  const [staged, whole] = [
    await mixtureBridge(bridgeProblem(draw(40_000)), options),
    await mixtureBridge(bridgeProblem(draw(39_999)), options),
  ];
  expect(staged.status).toBe('converged');
  expect(Math.abs(staged.loss - whole.loss)).toBeLessThan(1e-3);
  expect(staged.conditionalMean([[0.5]]).data[0]!).toBeCloseTo(whole.conditionalMean([[0.5]]).data[0]!, 2);
});
