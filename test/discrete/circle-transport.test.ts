import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { circular, euclidean } from '../../src/costs/index.ts';
import { transportProblem } from '../../src/couplings/index.ts';
import { exactTransport } from '../../src/discrete/index.ts';
import { networkSimplex } from '../../src/discrete/network-simplex.ts';
import { DomainError } from '../../src/errors.ts';
import { type DiscreteMarginal, discreteMarginal } from '../../src/marginals/index.ts';
import { points } from '../../src/numerics/points.ts';
import { randomSource } from '../../src/numerics/random.ts';

/** Angles, some in clusters and some on a lattice so that many break points coincide; weights equal or not, some zero. */
function measure(n: number, seed: number, circumference: number, kind: 'uniform' | 'weights' | 'zeros'): DiscreteMarginal {
  const random = randomSource(seed);
  const places = Array.from({ length: n }, () => [
    circumference * (random.uniform() < 0.3 ? Math.round(8 * random.uniform()) / 8 : 0.2 * random.normal() + Math.round(random.uniform())),
  ]);
  if (kind === 'uniform') return discreteMarginal({ points: places });
  const raw = places.map((_, i) => (kind === 'zeros' && i > 0 && random.uniform() < 0.4 ? 0 : random.uniform() + 0.01));
  const total = raw.reduce((s, w) => s + w, 0);
  return discreteMarginal({ points: places, weights: raw.map((w) => w / total) });
}

describe('on the circle', () => {
  it('finds what the simplex finds, with duals that prove it', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer(),
        fc.constantFrom(1, 1.5, 2, 3),
        fc.constantFrom('uniform' as const, 'weights' as const, 'zeros' as const),
        fc.constantFrom(1, 2 * Math.PI, 360),
        (n, m, seed, p, kind, circumference) => {
          const cost = circular({ circumference, p });
          const [source, target] = [measure(n, seed, circumference, kind), measure(m, seed + 1, circumference, kind)];
          const answer = exactTransport(transportProblem({ source, target, cost }));
          const costs = cost.between(source.points, target.points);
          const scale = (circumference / 2) ** p;
          const support = (weights: Float64Array): number[] => [...weights.keys()].filter((i) => weights[i]! > 0);
          const [rows, columns] = [support(source.weights), support(target.weights)];
          const reduced = Float64Array.from(rows.flatMap((i) => columns.map((j) => costs[i * m + j]!)));
          const { entries } = networkSimplex(
            reduced,
            Float64Array.from(rows, (i) => source.weights[i]!),
            Float64Array.from(columns, (j) => target.weights[j]!),
          );
          const best = entries.masses.reduce((s, q, k) => s + q * reduced[entries.rows[k]! * columns.length + entries.columns[k]!]!, 0);
          expect(Math.abs(answer.value.linear - best)).toBeLessThan(1e-12 * scale);
          expect(Math.abs(answer.value.gap)).toBeLessThan(1e-12 * scale);
          expect(answer.error).toBeLessThan(1e-13);
          for (let i = 0, q = 0; i < n; i++) {
            for (let j = 0; j < m; j++, q++) {
              expect(costs[q]! - answer.potentials.f[i]! - answer.potentials.g[j]!).toBeGreaterThan(-1e-11 * scale);
            }
          }
        },
      ),
      { numRuns: 400, seed: 6 },
    );
  });

  // POT 0.9.7: ot.wasserstein_circle(u, v, a, b, p) and, on the matrix of costs, ot.emd2, for the arrays below.
  const [n, m] = [40, 55];
  const u = Array.from({ length: n }, (_, i) => [0.5 + 0.5 * Math.sin(1.7 * i + 0.3)]);
  const v = Array.from({ length: m }, (_, j) => [0.5 + 0.5 * Math.cos(1.1 * j) ** 3]);
  const weights = (k: number, w: (i: number) => number): number[] => {
    const raw = Array.from({ length: k }, (_, i) => 1.2 + w(i));
    const total = raw.reduce((s, x) => s + x, 0);
    return raw.map((x) => x / total);
  };
  const source = discreteMarginal({ points: u, weights: weights(n, (i) => Math.sin(5 * i + 1)) });
  const target = discreteMarginal({ points: v, weights: weights(m, (j) => Math.cos(3 * j + 2)) });
  it.each([
    [1, 0.09716069810428805],
    [1.5, 0.036363056407714055],
    [2, 0.014395542639113804],
    [3, 0.002502743275231794],
  ])('agrees with POT for p = %s', (p, expected) => {
    const { value } = exactTransport(transportProblem({ source, target, cost: circular({ circumference: 1, p }) }));
    expect(value.linear).toBeCloseTo(expected, 14);
  });

  it('a rotation by less than half a circle costs its angle; 100 000 points', () => {
    const random = randomSource(7);
    const count = 100_000;
    const x = Float64Array.from({ length: count }, () => 150 * random.uniform());
    const turned = x.map((_, i) => x[(7 * i) % count]! - 20 + 360 * Math.round(random.normal()));
    const problem = transportProblem({
      source: discreteMarginal({ points: { data: x, count, dimension: 1 } }),
      target: discreteMarginal({ points: { data: turned, count, dimension: 1 } }),
      cost: circular({ circumference: 360 }),
    });
    const { value, error } = exactTransport(problem);
    expect(value.linear).toBeCloseTo(400, 6);
    expect(Math.abs(value.gap)).toBeLessThan(1e-6);
    expect(error).toBeLessThan(1e-12);
  });

  it('identical measures cost nothing; one point goes the short way', () => {
    const same = measure(9, 3, 1, 'weights');
    expect(exactTransport(transportProblem({ source: same, target: same, cost: circular({ circumference: 1 }) })).value.linear).toBeCloseTo(
      0,
      15,
    );
    const one = (x: number) => discreteMarginal({ points: [[x]] });
    const answer = exactTransport(transportProblem({ source: one(23), target: one(1), cost: circular({ circumference: 24, p: 1 }) }));
    expect(answer.value.linear).toBe(2);
    expect(answer.plan().to2DArray()).toEqual([[1]]);
  });
});

describe('the circular cost', () => {
  it('is the shorter arc to the power p, summed over the circles of a torus', () => {
    const at = (x: number[], y: number[], cost = circular({ circumference: 10, p: 1 })) => cost.between(points([x]), points([y]))[0];
    expect(at([1], [9])).toBe(2);
    expect(at([1], [-11])).toBe(2);
    expect(at([0], [5])).toBe(5);
    expect(at([1, 9], [2, 1])).toBe(3);
    expect(at([1], [9], circular({ circumference: 10 }))).toBe(4);
    expect(at([1], [9], circular({ circumference: 10, p: 3 }))).toBe(8);
    expect(at([0], [2 * Math.PI + 1], circular({ p: 1 }))).toBeCloseTo(1, 14);
    expect(at([0.5], [0.25], circular({ circumference: 10, p: 1 }))).toBe(euclidean().between(points([[0.5]]), points([[0.25]]))[0]);
  });

  it('refuses circles without length and powers that are none', () => {
    expect(() => circular({ circumference: 0 })).toThrow(DomainError);
    expect(() => circular({ circumference: Number.POSITIVE_INFINITY })).toThrow(/circumference must be > 0/);
    expect(() => circular({ p: -1 })).toThrow(/p must be > 0/);
    expect(() => circular({ radius: 1 } as object)).toThrow(DomainError);
  });
});
