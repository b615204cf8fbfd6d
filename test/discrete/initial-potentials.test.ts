import { describe, expect, it } from 'vitest';
import { euclidean, squaredEuclidean } from '../../src/costs/index.ts';
import { entropicProblem } from '../../src/couplings/index.ts';
import { sinkhorn } from '../../src/discrete/index.ts';
import { DomainError } from '../../src/errors.ts';
import { discreteMarginal } from '../../src/marginals/index.ts';
import { randomSource } from '../../src/numerics/random.ts';

const cloud = (count: number, dimension: number, seed: number, spread = 1, shift = 0) => {
  const random = randomSource(seed);
  const points = Array.from({ length: count }, () => Array.from({ length: dimension }, () => shift + spread * random.normal()));
  return discreteMarginal({ points });
};

describe('starts that are computed', () => {
  it.each([
    ['gaussian', 2, 0.3],
    ['subsample', 2, 0.1],
    ['sorting', 1, 0.02],
  ] as const)("'%s' leads to the same plan in fewer iterations than from nothing", (initial, dimension, share) => {
    const [source, target] = [cloud(300, dimension, 1), cloud(250, dimension, 2, 0.7, 1)];
    const problem = entropicProblem({ source, target, epsilon: { ofMeanCost: share } });
    const options = { method: 'sinkhorn', tolerance: 1e-8 } as const;
    const [cold, warm] = [sinkhorn(problem, options), sinkhorn(problem, { ...options, initial })];
    expect(warm.status).toBe('converged');
    expect(warm.value.primal).toBeCloseTo(cold.value.primal, 8);
    expect(warm.iterations).toBeLessThan(cold.iterations);
    expect(warm.errors[0]!).toBeLessThan(0.5 * cold.errors[0]!);
  });

  it('a Gaussian start is nearly the answer between large Gaussian samples', () => {
    const problem = entropicProblem({ source: cloud(1500, 1, 3), target: cloud(1500, 1, 4, 2, -1), epsilon: 2, cost: squaredEuclidean() });
    expect(sinkhorn(problem, { initial: 'gaussian' }).errors[0]!).toBeLessThan(0.05);
  });

  it('are refused where they have no meaning', () => {
    const [source, target] = [cloud(5, 2, 5), cloud(5, 2, 6)];
    const squared = entropicProblem({ source, target, epsilon: 1 });
    expect(() => sinkhorn(squared, { initial: 'sorting' })).toThrow(/line/);
    expect(() => sinkhorn(squared, { initial: 'random' as never })).toThrow(DomainError);
    expect(() => sinkhorn(entropicProblem({ source, target, epsilon: 1, cost: euclidean() }), { initial: 'gaussian' })).toThrow(/squared/);
  });
});
