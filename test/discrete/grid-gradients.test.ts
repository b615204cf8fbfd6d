import { describe, expect, it } from 'vitest';
import { type Cost, circular, costFunction, lp } from '../../src/costs/index.ts';
import { entropicProblem } from '../../src/couplings/index.ts';
import { type DiscreteCoupling, implicitGradient, sinkhorn, sinkhornDivergence } from '../../src/discrete/index.ts';
import { type DiscreteMarginal, discreteMarginal, gridMarginal } from '../../src/marginals/index.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { largestDifference, sum } from './every-way.ts';

const random = randomSource(23);
/** Random weights on a grid, some of them 0. */
function image(shape: number[], origin: number[], spacing: number): DiscreteMarginal {
  const raw = Array.from({ length: shape.reduce((n, k) => n * k, 1) }, () => Math.max(0, random.uniform() - 0.1));
  return gridMarginal({ shape, origin, spacing, weights: raw.map((w) => w / sum(raw)) });
}
const cloud = ({ points, weights }: DiscreteMarginal): DiscreteMarginal => discreteMarginal({ points, weights });
const [left, right] = [image([14, 13], [0, 0.1], 0.21), image([12, 15], [0.3, 0], 0.19)];
const [below, above] = [image([5, 6, 4], [0, 0, 0], 0.3), image([6, 4, 5], [0.2, 0, 0.1], 0.25)];
/** The same cost as a function of points, which knows no axes. */
const pairwise = (cost: Cost): Cost => {
  const [p, q] = [new Float64Array(3), new Float64Array(3)];
  return costFunction((x, y) => x.reduce((total, value, k) => total + cost.axis!(value, y[k]!), 0), {
    gradient(x, y) {
      cost.gradient!(x, y, p, q);
      return { x: Array.from(p.subarray(0, x.length)), y: Array.from(q.subarray(0, x.length)) };
    },
  });
};

describe('derivatives between grids, one axis at a time', () => {
  const agree = (onGrid: DiscreteCoupling, onPoints: DiscreteCoupling): void => {
    const [own, other] = [onGrid.gradients(), onPoints.gradients()];
    expect(largestDifference(own.x.data, other.x.data)).toBeLessThan(1e-11);
    expect(largestDifference(own.y.data, other.y.data)).toBeLessThan(1e-11);
    expect(own.x.data.some((v) => Math.abs(v) > 1e-4)).toBe(true);
    const back = (onGrid.reverse() as DiscreteCoupling).gradients();
    expect(Array.from(back.x.data)).toEqual(Array.from(own.y.data));
  };

  it.each([
    ['l1', lp(1), left, right],
    ['l1.5', lp(1.5), left, right],
    ['l3 in space', lp(3), below, above],
    ['circular', circular({ circumference: 3, p: 2 }), left, right],
  ] as const)('are those of all pairs: %s', (_, cost, p, q) => {
    for (const epsilon of [0.3, 0.003]) {
      for (const marginals of [
        {},
        { source: { kl: 0.5 }, target: { kl: 2 } },
        { source: 'at-most', target: 'at-most', mass: 0.6 },
      ] as const) {
        const solve = (source: DiscreteMarginal, target: DiscreteMarginal, given: Cost) =>
          sinkhorn(entropicProblem({ source, target, cost: given, epsilon, marginals }), { tolerance: 1e-12, maxIterations: 3000 });
        const onGrid = solve(p, q, cost);
        // From the same potentials, so that only the derivative is compared.
        const onPoints = sinkhorn(entropicProblem({ source: cloud(p), target: cloud(q), cost: pairwise(cost), epsilon, marginals }), {
          initial: onGrid,
          tolerance: 1e-12,
          maxIterations: 3000,
        });
        if (onGrid.status === 'converged' && onPoints.status === 'converged') agree(onGrid, onPoints);
        else expect(epsilon).toBe(0.003);
      }
    }
  });

  it('ask the derivative of the cost once for every pair of nodes of an axis', () => {
    let asked = 0;
    const { gradient, ...rest } = lp(1.5);
    const counting: Cost = {
      ...rest,
      gradient(x, y, dx, dy) {
        asked++;
        gradient!(x, y, dx, dy);
      },
    };
    const answer = sinkhorn(entropicProblem({ source: left, target: right, cost: counting, epsilon: 0.1 }));
    expect(answer.gradients().x.count).toBe(14 * 13);
    expect(asked).toBe(14 * 12 + 13 * 15);
  });

  it('of divergences and through the plan', () => {
    const cost = lp(1.5);
    const of = (source: DiscreteMarginal, target: DiscreteMarginal, given: Cost) =>
      entropicProblem({ source, target, cost: given, epsilon: 0.2 });
    const [grids, points] = [of(left, right, cost), of(cloud(left), cloud(right), pairwise(cost))];
    const [own, other] = [grids, points].map((problem) => sinkhornDivergence(problem, { tolerance: 1e-12 }).gradients());
    expect(largestDifference(own!.x.data, other!.x.data)).toBeLessThan(1e-10);
    expect(largestDifference(own!.y.data, other!.y.data)).toBeLessThan(1e-10);

    const normal = (count: number): Float64Array => random.fillNormal(new Float64Array(count));
    const [n, m] = [14 * 13, 12 * 15];
    const f = normal(n).map((v, i) => (left.weights[i]! > 0 ? v : 0));
    const present = left.weights.filter((w) => w > 0).length;
    const centred = f.map((v, i) => (left.weights[i]! > 0 ? v - sum(f) / present : 0));
    const cotangent = {
      plan: [
        { u: normal(n), v: normal(m) },
        { u: normal(n), v: normal(m) },
      ],
      f: centred,
    };
    const [gridwise, pairs] = [grids, points].map((problem) =>
      implicitGradient(problem, sinkhorn(problem, { tolerance: 1e-13 }), cotangent, { tolerance: 1e-12 }),
    );
    const size = pairs!.x.data.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    expect(largestDifference(gridwise!.x.data, pairs!.x.data)).toBeLessThan(1e-8 * size);
    expect(largestDifference(gridwise!.y.data, pairs!.y.data)).toBeLessThan(1e-8 * size);
  });
});
