import { expect, it } from 'vitest';
import { euclidean, squaredEuclidean } from '../../src/costs/index.ts';
import { entropicProblem, transportProblem } from '../../src/couplings/index.ts';
import { exactTransport, sinkhorn } from '../../src/discrete/index.ts';
import { discreteMarginal } from '../../src/marginals/index.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { randomMarginal } from './oracles.ts';

it('the cost of a sparse plan is a sum over its entries: 100 000 points under another cost, forward and back', () => {
  const n = 100_000;
  const at = (shift: number) => discreteMarginal({ points: Array.from({ length: n }, (_, i) => [i / n + shift]) });
  const plan = exactTransport(transportProblem({ source: at(0), target: at(0.25) }));
  expect(plan.transportCost(euclidean())).toBeCloseTo(0.25, 10);
  expect(plan.reverse().transportCost(squaredEuclidean())).toBeCloseTo(0.0625, 10);
});

it('any cost of an entropic plan is Σ P C', () => {
  const random = randomSource(4);
  const [source, target] = [randomMarginal(7, 2, random), randomMarginal(5, 2, random)];
  const coupling = sinkhorn(entropicProblem({ source, target, epsilon: 0.3 }));
  const plan = coupling.plan();
  for (const cost of [euclidean(), squaredEuclidean()]) {
    const costs = cost.between(source.points, target.points);
    let sum = 0;
    for (let i = 0; i < 7; i++) for (let j = 0; j < 5; j++) sum += plan.get(i, j) * costs[5 * i + j]!;
    expect(coupling.transportCost(cost)).toBeCloseTo(sum, 12);
  }
});
