import { describe, expect, it } from 'vitest';
import { costFunction, costMatrix } from '../../src/costs/index.ts';
import { entropicProblem } from '../../src/couplings/index.ts';
import { implicitGradient, sinkhorn, sinkhornBatch, sinkhornDivergence } from '../../src/discrete/index.ts';
import { DomainError, InfeasibleError } from '../../src/errors.ts';
import { discreteMarginal, histogram } from '../../src/marginals/index.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { largestDifference, WAYS } from './every-way.ts';
import { randomMarginal } from './oracles.ts';

const inf = Number.POSITIVE_INFINITY;
const [epsilon, C] = [0.5, 0.8];
/** The first source point has only forbidden pairs; the other may go to the only target point. */
const lone = { source: histogram([0.3, 0.7]), target: histogram([1]), cost: costMatrix([[inf], [C]]), epsilon };

describe('points with only forbidden pairs', () => {
  it.each(WAYS)('one allowed pair, penalised sides: plan, values and derivatives in closed form: $method on $engine', (way) => {
    const [rhoA, rhoB] = [1.5, 0.6];
    const p = Math.exp(((epsilon + rhoA) * Math.log(0.7) - C) / (epsilon + rhoA + rhoB));
    const kl = (x: number, y: number): number => x * Math.log(x / y) - x + y;
    const value = p * C + epsilon * (p * Math.log(p / 0.7) - p + 1) + rhoA * (kl(p, 0.7) + 0.3) + rhoB * kl(p, 1);
    const marginals = { source: { kl: rhoA }, target: { kl: rhoB } };
    const answer = sinkhorn(entropicProblem({ ...lone, marginals }), { ...way, tolerance: 1e-13 });
    expect(answer.status).toBe('converged');
    expect(answer.plan().get(0, 0)).toBe(0);
    expect(answer.plan().get(1, 0)).toBeCloseTo(p, 12);
    expect(answer.value.primal).toBeCloseTo(value, 12);
    expect(answer.value.dual).toBeCloseTo(value, 12);
    expect(answer.value.kl).toBeCloseTo(p * Math.log(p / 0.7) - p + 1, 12);
    expect(answer.potentials.f[0]).toBe(inf);
    // d/da of ρ·a + ε·a·m_b, all that such a point adds.
    expect(answer.gradients().a[0]).toBeCloseTo(rhoA + epsilon, 12);
    const other = sinkhorn(entropicProblem({ ...lone, source: histogram([0.3 + 1e-6, 0.7]), marginals }), { ...way, tolerance: 1e-13 });
    expect((other.value.dual - answer.value.dual) / 1e-6).toBeCloseTo(rhoA + epsilon, 6);
  });

  it('beside an exact side, its mass is made up for by the others', () => {
    const answer = sinkhorn(entropicProblem({ ...lone, marginals: { source: { kl: 2 } } }), { tolerance: 1e-13 });
    expect(answer.plan().get(1, 0)).toBeCloseTo(1, 12);
    expect(answer.value.primal).toBeCloseTo(C + (epsilon + 2) * Math.log(1 / 0.7), 12);
    expect(answer.value.gap).toBeLessThan(1e-12);
  });

  it('partial transport: the mass is taken from the others, value in closed form', () => {
    const moved = 0.4;
    const at = { source: 'at-most', target: 'at-most', mass: moved } as const;
    const answer = sinkhorn(entropicProblem({ ...lone, marginals: at }), { tolerance: 1e-13 });
    expect(answer.status).toBe('converged');
    expect(answer.plan().to1DArray()).toEqual([0, expect.closeTo(moved, 12)]);
    expect(answer.value.primal).toBeCloseTo(moved * C + epsilon * (moved * Math.log(moved / 0.7) - moved + 1), 12);
    expect(answer.value.gap).toBeLessThan(1e-11);
    expect(answer.gradients().a[0]).toBeCloseTo(epsilon, 12);
    // 0.7 is all that can move.
    const most = () => sinkhorn(entropicProblem({ ...lone, marginals: { ...at, mass: 0.8 } }));
    expect(most).toThrow(InfeasibleError);
    expect(most).toThrow(/0.7/);
  });

  it.each(['auto', 'log'] as const)('many of them on both sides are the limit of large costs: %s', (method) => {
    const random = randomSource(5);
    const [n, m] = [24, 19];
    const [source, target] = [randomMarginal(n, 2, random), randomMarginal(m, 2, random)];
    const raw = Array.from({ length: n }, () => Array.from({ length: m }, () => random.uniform()));
    const costs = (far: number) => costMatrix(raw.map((row, i) => row.map((c, j) => (i % 7 === 3 || j % 5 === 0 ? far : c))));
    for (const marginals of [
      { source: { kl: 0.3 }, target: { kl: 0.5 } },
      { source: 'at-most', target: 'at-most', mass: 0.4 },
    ] as const) {
      if (method === 'log' && 'mass' in marginals) continue;
      const solve = (far: number) =>
        sinkhorn(entropicProblem({ source, target, cost: costs(far), epsilon: 0.05, marginals }), { method, tolerance: 1e-11 });
      const [never, hardly] = [solve(inf), solve(400)];
      expect(never.status).toBe('converged');
      expect(largestDifference(never.plan().to1DArray(), hardly.plan().to1DArray())).toBeLessThan(1e-10);
      for (const name of ['linear', 'kl', 'primal', 'dual'] as const) expect(never.value[name]).toBeCloseTo(hardly.value[name], 9);
      expect(largestDifference(never.gradients().a, hardly.gradients().a)).toBeLessThan(1e-8);
      expect(largestDifference(never.gradients().b, hardly.gradients().b)).toBeLessThan(1e-8);
    }
  });

  it('are refused by number on an exact side, whatever the other side is', () => {
    for (const more of [
      {},
      { marginals: { target: { kl: 1 } } },
      { target: histogram([1.2]), marginals: { target: 'at-most' } },
    ] as const) {
      const solve = () => sinkhorn(entropicProblem({ ...lone, ...more }));
      expect(solve).toThrow(InfeasibleError);
      expect(solve).toThrow(/source point 0 has only forbidden pairs/);
    }
    const column = { ...lone, source: histogram([1]), target: histogram([0.7, 0.3]), cost: costMatrix([[C, inf]]) };
    expect(() => sinkhorn(entropicProblem({ ...column, marginals: { source: { kl: 1 } } }))).toThrow(/target point 1 has only/);
    expect(sinkhorn(entropicProblem({ ...column, marginals: { target: { kl: 1 } } })).status).toBe('converged');
    const none = entropicProblem({ ...lone, cost: costMatrix([[inf], [inf]]), marginals: { source: { kl: 1 }, target: { kl: 1 } } });
    expect(() => sinkhorn(none)).toThrow(/all pairs are forbidden/);
  });

  it('in batches, divergences, samples and implicit derivatives', () => {
    const both = { source: { kl: 1 }, target: { kl: 1 } } as const;
    const cost = costFunction((x, y) => (Math.abs(x[0]! - y[0]!) > 2 ? inf : (x[0]! - y[0]!) ** 2));
    const source = discreteMarginal({ points: [[0], [1], [9]], weights: [0.5, 0.3, 0.2] });
    const target = discreteMarginal({ points: [[-7], [0.5], [1.5]], weights: [0.1, 0.5, 0.4] });
    const problem = entropicProblem({ source, target, cost, epsilon: 0.3, marginals: both });
    const answer = sinkhorn(problem, { tolerance: 1e-12 });
    expect(answer.status).toBe('converged');
    expect(largestDifference(sinkhornBatch([problem], { tolerance: 1e-12 })[0]!.plan().to1DArray(), answer.plan().to1DArray())).toBe(0);
    expect(answer.conditionalMean([[0], [1]]).data.every(Number.isFinite)).toBe(true);
    expect(() => answer.conditionalMean([[0], [9]])).toThrow(DomainError);
    expect(() => answer.sampleConditional([[9]], randomSource(1))).toThrow(/row 0 has no partner/);
    expect(answer.sample(50, randomSource(1)).x.data.every((x) => x < 9)).toBe(true);

    // Each measure reaches itself, so that only the plan between them leaves points out.
    const divergence = sinkhornDivergence(problem, { tolerance: 1e-12 });
    expect(divergence.status).toBe('converged');
    expect(divergence.bounds.upper - divergence.bounds.lower).toBeLessThan(1e-9);
    expect(divergence.value).toBeGreaterThan(0);

    const L = (weights: number[]): number => {
      const moved = discreteMarginal({ points: [[0], [1], [9]], weights });
      return sinkhorn(entropicProblem({ source: moved, target, cost, epsilon: 0.3, marginals: both }), { tolerance: 1e-13 })
        .plan()
        .get(1, 1);
    };
    const { a } = implicitGradient(problem, sinkhorn(problem, { tolerance: 1e-13 }), {
      plan: [
        [0, 0, 0],
        [0, 1, 0],
        [0, 0, 0],
      ],
    });
    const h = 1e-5;
    expect(a[0]).toBeCloseTo((L([0.5 + h, 0.3, 0.2]) - L([0.5 - h, 0.3, 0.2])) / (2 * h), 6);
    expect(a[2]).toBe(0);
  });
});
