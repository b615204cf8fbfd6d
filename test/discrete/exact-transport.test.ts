import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { costMatrix, euclidean, lp } from '../../src/costs/index.ts';
import { transportProblem } from '../../src/couplings/index.ts';
import { exactTransport, exactTransportAsync } from '../../src/discrete/index.ts';
import { networkSimplex } from '../../src/discrete/network-simplex.ts';
import { InfeasibleError } from '../../src/errors.ts';
import { discreteMarginal, histogram } from '../../src/marginals/index.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { hungarian, randomCosts, randomMarginal } from './oracles.ts';

const uniform = (n: number) => histogram(new Float64Array(n).fill(1 / n));

describe('network simplex', () => {
  it('agrees with the Hungarian method on random assignments, negative costs included', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer(), (n, seed) => {
        const costs = randomCosts(n, n, seed);
        const answer = exactTransport(transportProblem({ source: uniform(n), target: uniform(n), cost: costMatrix(costs) }));
        expect(answer.value.linear).toBeCloseTo(hungarian(costs) / n, 10);
      }),
      { numRuns: 60, seed: 1 },
    );
  });

  it('finds a planted permutation', () => {
    const n = 30;
    const costs = randomCosts(n, n, 3).map((row, i) => row.map((c, j) => (j === (7 * i + 3) % n ? -10 : Math.abs(c))));
    const plan = exactTransport(transportProblem({ source: uniform(n), target: uniform(n), cost: costMatrix(costs) })).plan();
    for (let i = 0; i < n; i++) expect(plan.get(i, (7 * i + 3) % n)).toBeCloseTo(1 / n, 14);
  });

  it('has duals that prove it: feasible everywhere, tight where mass flows', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 25 }), fc.integer({ min: 1, max: 25 }), fc.integer(), fc.boolean(), (n, m, seed, ties) => {
        const random = randomSource(seed);
        const [a, b] = [randomMarginal(n, 1, random, ties), randomMarginal(m, 1, random, ties)];
        const costs = randomCosts(n, m, seed).map((row) => row.map((c) => (ties ? Math.round(2 * c) : c)));
        const answer = exactTransport(
          transportProblem({ source: histogram(a.weights), target: histogram(b.weights), cost: costMatrix(costs) }),
        );
        const { f, g } = answer.potentials;
        const plan = answer.plan();
        for (let i = 0; i < n; i++) {
          for (let j = 0; j < m; j++) {
            const slack = costs[i]![j]! - f[i]! - g[j]!;
            expect(slack).toBeGreaterThan(-1e-10);
            if (plan.get(i, j) > 1e-12) expect(slack).toBeLessThan(1e-10);
          }
        }
        expect(Math.abs(answer.value.gap)).toBeLessThan(1e-10);
        expect(answer.error).toBeLessThan(1e-12);
      }),
      { numRuns: 80, seed: 2 },
    );
  });

  it('y = ∇φ(x) for convex φ: the identity is optimal', () => {
    const random = randomSource(9);
    const x = Array.from({ length: 40 }, () => [random.normal(), random.normal()]);
    // φ(x) = log(e^{2x₁} + e^{x₂}) + |x|²/2
    const y = x.map(([u, v]) => {
      const p = Math.exp(2 * u!) / (Math.exp(2 * u!) + Math.exp(v!));
      return [2 * p + u!, 1 - p + v!];
    });
    const plan = exactTransport(
      transportProblem({ source: discreteMarginal({ points: x }), target: discreteMarginal({ points: y }) }),
    ).plan();
    for (let i = 0; i < 40; i++) expect(plan.get(i, i)).toBeCloseTo(1 / 40, 14);
  });

  it('respects forbidden pairs, and names an infeasible problem', () => {
    const inf = Number.POSITIVE_INFINITY;
    const answer = exactTransport(
      transportProblem({
        source: uniform(2),
        target: uniform(2),
        cost: costMatrix([
          [0, 0],
          [inf, 0],
        ]),
      }),
    );
    expect(answer.plan().to2DArray()).toEqual([
      [0.5, 0],
      [0, 0.5],
    ]);
    const stuck = costMatrix([
      [0, inf, inf],
      [0, inf, inf],
      [0, 0, 0],
    ]);
    expect(() => exactTransport(transportProblem({ source: uniform(3), target: uniform(3), cost: stuck }))).toThrow(InfeasibleError);
    expect(networkSimplex(Float64Array.of(0, inf, 0, inf), Float64Array.of(0.5, 0.5), Float64Array.of(0.5, 0.5)).forbiddenMass).toBeCloseTo(
      0.5,
      14,
    );
  });

  it('leaves points without weight out, with duals that stay feasible', () => {
    const source = discreteMarginal({
      points: [
        [0, 0],
        [3, 1],
        [1, 0],
      ],
      weights: [0.5, 0, 0.5],
    });
    const target = discreteMarginal({
      points: [
        [0, 1],
        [9, 9],
        [1, 1],
      ],
      weights: [0.5, 0, 0.5],
    });
    const answer = exactTransport(transportProblem({ source, target }));
    expect(answer.value.linear).toBeCloseTo(1, 12);
    const costs = [...Array(3).keys()].map((i) =>
      [...Array(3).keys()].map((j) => {
        const [p, q] = [source.points.data, target.points.data];
        return (p[2 * i]! - q[2 * j]!) ** 2 + (p[2 * i + 1]! - q[2 * j + 1]!) ** 2;
      }),
    );
    costs.forEach((row, i) =>
      row.forEach((c, j) => expect(answer.potentials.f[i]! + answer.potentials.g[j]!).toBeLessThanOrEqual(c + 1e-12)),
    );
  });
});

describe('on the line', () => {
  it('sorting agrees with the simplex method for convex costs, weights and ties included', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer(),
        fc.constantFrom(1, 1.5, 2, 3),
        (n, m, seed, p) => {
          const random = randomSource(seed);
          const [source, target] = [randomMarginal(n, 1, random), randomMarginal(m, 1, random, true)];
          const cost = p === 1 ? euclidean() : lp(p);
          const line = exactTransport(transportProblem({ source, target, cost }));
          const simplex = networkSimplex(cost.between(source.points, target.points), source.weights, target.weights);
          const value = simplex.entries.reduce(
            (sum, e) => sum + e.mass * Math.abs(source.points.data[e.row]! - target.points.data[e.column]!) ** p,
            0,
          );
          expect(line.value.linear).toBeCloseTo(value, 10);
          expect(Math.abs(line.value.gap)).toBeLessThan(1e-10);
          expect(line.error).toBeLessThan(1e-12);
        },
      ),
      { numRuns: 60, seed: 5 },
    );
  });

  it('sorted points of equal number pair in order', () => {
    const source = discreteMarginal({ points: [[3], [1], [2]] });
    const target = discreteMarginal({ points: [[10], [30], [20]] });
    expect(exactTransport(transportProblem({ source, target })).value.linear).toBeCloseTo((9 ** 2 + 18 ** 2 + 27 ** 2) / 3, 10);
  });
});

it('the asynchronous form gives the same answer', async () => {
  const random = randomSource(2);
  const problem = transportProblem({ source: randomMarginal(10, 3, random), target: randomMarginal(12, 3, random) });
  expect((await exactTransportAsync(problem)).value).toEqual(exactTransport(problem).value);
});
