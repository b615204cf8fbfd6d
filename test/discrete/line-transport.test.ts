import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Cost, circular, euclidean, halfSquaredEuclidean, lp, squaredEuclidean } from '../../src/costs/index.ts';
import { transportProblem } from '../../src/couplings/index.ts';
import { exactTransport } from '../../src/discrete/index.ts';
import { networkSimplex } from '../../src/discrete/network-simplex.ts';
import { DomainError } from '../../src/errors.ts';
import { type DiscreteMarginal, discreteMarginal } from '../../src/marginals/index.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { sortedOrder } from '../../src/numerics/sorted-order.ts';

/** Positions with duplicates and weights with zeros. */
function measure(n: number, seed: number, spread: number): DiscreteMarginal {
  const random = randomSource(seed);
  const points = Array.from({ length: n }, () => [spread * (random.uniform() < 0.3 ? Math.round(random.normal()) : random.normal())]);
  const raw = points.map((_, i) => (i > 0 && random.uniform() < 0.2 ? 0 : random.uniform() + 0.01));
  const total = raw.reduce((s, w) => s + w, 0);
  return discreteMarginal({ points, weights: raw.map((w) => w / total) });
}

function expectOptimal(source: DiscreteMarginal, target: DiscreteMarginal, cost: Cost): void {
  const answer = exactTransport(transportProblem({ source, target, cost }));
  const [n, m] = [source.weights.length, target.weights.length];
  const costs = cost.between(source.points, target.points);
  const scale = costs.reduce((top, c) => Math.max(top, c), 1e-300);
  const { f, g } = answer.potentials;
  const plan = answer.plan();
  for (let i = 0, p = 0; i < n; i++) {
    for (let j = 0; j < m; j++, p++) {
      expect(costs[p]! - f[i]! - g[j]!).toBeGreaterThan(-1e-12 * scale);
      if (plan.get(i, j) > 1e-13) expect(costs[p]! - f[i]! - g[j]!).toBeLessThan(1e-11 * scale);
    }
  }
  const support = (weights: Float64Array): number[] => [...weights.keys()].filter((i) => weights[i]! > 0);
  const [rows, columns] = [support(source.weights), support(target.weights)];
  const reduced = Float64Array.from(rows.flatMap((i) => columns.map((j) => costs[i * m + j]!)));
  const simplex = networkSimplex(
    reduced,
    Float64Array.from(rows, (i) => source.weights[i]!),
    Float64Array.from(columns, (j) => target.weights[j]!),
  );
  const { entries } = simplex;
  const best = entries.masses.reduce((s, p, k) => s + p * reduced[entries.rows[k]! * columns.length + entries.columns[k]!]!, 0);
  expect(Math.abs(answer.value.linear - best)).toBeLessThan(1e-12 * scale);
  expect(Math.abs(answer.value.gap)).toBeLessThan(1e-12 * scale);
  expect(answer.error).toBeLessThan(1e-14);
  expect(answer.status).toBe('converged');
}

const sizes = fc.integer({ min: 1, max: 25 });

describe('on the line', () => {
  it.each([squaredEuclidean(), halfSquaredEuclidean(), euclidean(), lp(1), lp(1.5), lp(2), lp(4)])(
    '$name: what the simplex finds',
    (cost) => {
      fc.assert(
        fc.property(sizes, sizes, fc.integer(), (n, m, seed) => expectOptimal(measure(n, seed, 1), measure(m, seed + 1, 2), cost)),
        { numRuns: 40, seed: 5 },
      );
    },
  );

  it('concave costs go to the simplex', () => {
    expectOptimal(measure(12, 1, 1), measure(9, 2, 1), lp(0.5));
  });

  it('100 000 points each, without costs: half the squared distance of shifted copies', () => {
    const random = randomSource(8);
    const n = 100_000;
    const x = Float64Array.from({ length: n }, () => random.normal());
    const source = discreteMarginal({ points: { data: x, count: n, dimension: 1 } });
    const target = discreteMarginal({ points: { data: x.map((_, i) => x[(7 * i) % n]! + 3), count: n, dimension: 1 } });
    const answer = exactTransport(transportProblem({ source, target, cost: halfSquaredEuclidean() }));
    expect(answer.value.linear).toBeCloseTo(4.5, 10);
    expect(Math.abs(answer.value.gap)).toBeLessThan(1e-9);
    expect(answer.error).toBeLessThan(1e-12);
    expect(() => answer.plan()).toThrow(DomainError);
  });

  it('refuses costs that overflow', () => {
    const [source, target] = [discreteMarginal({ points: [[-1e200]] }), discreteMarginal({ points: [[1e200]] })];
    expect(() => exactTransport(transportProblem({ source, target }))).toThrow(/^exactTransport: .*overflows.*rescale/);
    expect(() => exactTransport(transportProblem({ source, target, cost: circular({ circumference: 1e200 }) }))).toThrow(DomainError);
  });
});

describe('sortedOrder', () => {
  it('is the stable order of the values, signs, zeros and tiny numbers included', () => {
    const random = randomSource(3);
    for (const n of [0, 1, 2, 100, 2048, 5001]) {
      const x = Float64Array.from({ length: n }, (_, i) =>
        i % 7 === 0 ? 0 : i % 11 === 0 ? -0 : Math.round(100 * random.normal()) * 10 ** (600 * random.uniform() - 300),
      );
      const expected = [...x.keys()].sort((i, j) => x[i]! - x[j]! || i - j);
      expect(Array.from(sortedOrder(x))).toEqual(expected);
    }
  });
});
