import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { costMatrix } from '../../src/costs/index.ts';
import { entropicProblem, type MarginalConstraint } from '../../src/couplings/index.ts';
import { type DiscreteCoupling, type SinkhornOptions, sinkhorn } from '../../src/discrete/index.ts';
import { METHODS } from '../../src/discrete/solver.ts';
import { histogram } from '../../src/marginals/index.ts';
import { type RandomSource, randomSource } from '../../src/numerics/random.ts';
import { largestDifference, roundingBound, sideErrorsOf, sum } from './every-way.ts';

interface Case {
  readonly a: number[];
  readonly b: number[];
  readonly C: number[][];
  readonly epsilon: number;
  readonly random: RandomSource;
  readonly way: SinkhornOptions;
}

const simplex = (n: number, random: RandomSource, spread: number): number[] => {
  const raw = Array.from({ length: n }, () => 10 ** (-spread * random.uniform()));
  return raw.map((w) => w / sum(raw));
};

/** Random costs, weights over up to six decades, every method and engine. */
const cases: fc.Arbitrary<Case> = fc
  .record({
    n: fc.integer({ min: 1, max: 11 }),
    m: fc.integer({ min: 1, max: 11 }),
    seed: fc.integer(),
    spread: fc.constantFrom(0, 1, 6),
    epsilon: fc.constantFrom(0.2, 0.5, 3),
    method: fc.constantFrom(...METHODS),
    engine: fc.constantFrom('wasm' as const, 'typescript' as const),
  })
  .map(({ n, m, seed, spread, epsilon, method, engine }) => {
    const random = randomSource(seed);
    const C = Array.from({ length: n }, () => Array.from({ length: m }, () => random.normal()));
    return { a: simplex(n, random, spread), b: simplex(m, random, spread), C, epsilon, random, way: { method, engine, tolerance: 1e-11 } };
  });

const KL: MarginalConstraint = { kl: 0.7 };

function solve(
  { a, b, C, epsilon, way }: Omit<Case, 'random'>,
  options: SinkhornOptions & { both?: MarginalConstraint } = {},
): DiscreteCoupling {
  const { both = 'exact', ...rest } = options;
  const marginals = { source: both, target: both };
  return sinkhorn(entropicProblem({ source: histogram(a), target: histogram(b), cost: costMatrix(C), epsilon, marginals }), {
    ...way,
    ...rest,
  });
}

const plan = (answer: DiscreteCoupling): number[] => answer.plan().to1DArray();
const transposed = (C: number[][]): number[][] => C[0]!.map((_, j) => C.map((row) => row[j]!));
const mapped = (C: number[][], f: (c: number, i: number, j: number) => number): number[][] =>
  C.map((row, i) => row.map((c, j) => f(c, i, j)));

function shuffled(n: number, random: RandomSource): number[] {
  const keys = Array.from({ length: n }, () => random.uniform());
  return keys.map((_, i) => i).sort((i, j) => keys[i]! - keys[j]!);
}

function holds(property: (c: Case) => void, seed: number): void {
  fc.assert(fc.property(cases, property), { numRuns: 60, seed });
}

describe('properties of every answer', () => {
  it('marginal constraints hold to what the answer says, by sums of the test', () => {
    holds((c) => {
      const answer = solve(c);
      expect(answer.status).toBe('converged');
      const errors = sideErrorsOf(answer, c.epsilon, c.C);
      expect(errors.source + errors.target).toBeLessThan(1e-11 + 4 * roundingBound(answer, c.epsilon, c.C));
      const P = plan(answer);
      expect(P.every((p) => p >= 0)).toBe(true);
      expect(sum(P)).toBeCloseTo(1, 10);
      expect(
        largestDifference(
          answer.apply(c.b.map(() => 1)),
          c.a.map((_, i) => sum(P.slice(i * c.b.length, (i + 1) * c.b.length))),
        ),
      ).toBeLessThan(1e-14);
    }, 1);
  });

  it('the plan is a scaling of the kernel: f ⊕ g − C = ε log(P/ab)', () => {
    holds(({ random: _, ...c }) => {
      for (const both of ['exact', KL] as const) {
        const answer = solve(c, { both });
        const { f, g } = answer.potentials;
        const P = plan(answer);
        const expected = c.a.flatMap((a, i) => c.b.map((b, j) => a * b * Math.exp((f[i]! + g[j]! - c.C[i]![j]!) / c.epsilon)));
        expect(largestDifference(P, expected)).toBeLessThan(1e-13);
      }
    }, 2);
  });

  it('exchanging the sides transposes the plan', () => {
    holds((c) => {
      for (const both of ['exact', KL] as const) {
        const one = solve(c, { both });
        const other = solve({ ...c, a: c.b, b: c.a, C: transposed(c.C) }, { both });
        expect(largestDifference(other.plan().transpose().to1DArray(), plan(one))).toBeLessThan(1e-9);
        expect(other.value.primal).toBeCloseTo(one.value.primal, 9);
      }
    }, 3);
  });

  it('C → sC + k, ε → sε leaves the plan; powers of two leave every bit of it', () => {
    holds((c) => {
      const base = solve(c);
      const scale = 0.01 + 100 * c.random.uniform();
      const offset = c.random.normal();
      const scaled = solve({ ...c, C: mapped(c.C, (x) => scale * x + offset), epsilon: scale * c.epsilon });
      expect(largestDifference(plan(scaled), plan(base))).toBeLessThan(1e-9);
      expect(Math.abs(scaled.value.primal - scale * base.value.primal - offset)).toBeLessThan(1e-9 * scale);
      const doubled = solve({ ...c, C: mapped(c.C, (x) => 1024 * x), epsilon: 1024 * c.epsilon });
      expect(plan(doubled)).toEqual(plan(base));
      expect(doubled.iterations).toBe(base.iterations);
      expect(doubled.value.primal).toBe(1024 * base.value.primal);
    }, 4);
  });

  it('row and column shifts of C go into the potentials', () => {
    holds((c) => {
      const [r, s] = [c.a.map(() => 3 * c.random.normal()), c.b.map(() => 3 * c.random.normal())];
      const base = solve(c);
      const shifted = solve({ ...c, C: mapped(c.C, (x, i, j) => x + r[i]! + s[j]!) });
      expect(largestDifference(plan(shifted), plan(base))).toBeLessThan(1e-9);
      const linear = sum(r.map((x, i) => x * c.a[i]!)) + sum(s.map((x, j) => x * c.b[j]!));
      expect(shifted.value.dual).toBeCloseTo(base.value.dual + linear, 9);
    }, 5);
  });

  it('permuting the points permutes the plan', () => {
    holds((c) => {
      const [rows, columns] = [shuffled(c.a.length, c.random), shuffled(c.b.length, c.random)];
      const base = plan(solve(c));
      const other = solve({
        ...c,
        a: rows.map((i) => c.a[i]!),
        b: columns.map((j) => c.b[j]!),
        C: rows.map((i) => columns.map((j) => c.C[i]![j]!)),
      });
      const expected = rows.flatMap((i) => columns.map((j) => base[i * c.b.length + j]!));
      expect(largestDifference(plan(other), expected)).toBeLessThan(1e-9);
    }, 6);
  });

  it('two points at the same place are one point with their weights added', () => {
    holds((c) => {
      const cut = 0.1 + 0.8 * c.random.uniform();
      const base = solve(c);
      const split = solve({ ...c, a: [cut * c.a[0]!, ...c.a.slice(1), (1 - cut) * c.a[0]!], C: [...c.C, c.C[0]!] });
      const P = plan(split);
      const [n, m] = [c.a.length, c.b.length];
      const merged = P.slice(0, n * m).map((p, k) => (k < m ? p + P[n * m + k]! : p));
      expect(largestDifference(merged, plan(base))).toBeLessThan(1e-9);
      expect(split.value.primal).toBeCloseTo(base.value.primal, 9);
    }, 7);
  });
});

describe('properties of the value', () => {
  it('convex in the weights of either side', () => {
    holds((c) => {
      const [a, b] = [simplex(c.a.length, c.random, 1), simplex(c.b.length, c.random, 1)];
      const t = c.random.uniform();
      const mix = (p: number[], q: number[]): number[] => p.map((x, i) => t * x + (1 - t) * q[i]!);
      for (const both of ['exact', KL] as const) {
        const value = (own: Partial<Case>): number => solve({ ...c, ...own }, { both }).value.dual;
        expect(value({ a: mix(c.a, a) })).toBeLessThanOrEqual(t * value({}) + (1 - t) * value({ a }) + 1e-9);
        expect(value({ b: mix(c.b, b) })).toBeLessThanOrEqual(t * value({}) + (1 - t) * value({ b }) + 1e-9);
      }
    }, 8);
  });

  it('concave in the cost, monotone in the cost and in ε', () => {
    holds((c) => {
      const D = mapped(c.C, () => c.random.normal());
      const t = c.random.uniform();
      const value = (own: Partial<Case>): number => solve({ ...c, ...own }).value.dual;
      const mixed = mapped(c.C, (x, i, j) => t * x + (1 - t) * D[i]![j]!);
      expect(value({ C: mixed })).toBeGreaterThanOrEqual(t * value({}) + (1 - t) * value({ C: D }) - 1e-9);
      expect(value({ C: mapped(c.C, (x, i, j) => x + Math.abs(D[i]![j]!)) })).toBeGreaterThanOrEqual(value({}) - 1e-9);
      expect(value({ epsilon: 1.5 * c.epsilon })).toBeGreaterThanOrEqual(value({}) - 1e-9);
    }, 9);
  });

  it('weak duality: any potentials bound it from below, the plan rounded from them from above', () => {
    holds((c) => {
      for (const both of ['exact', KL] as const) {
        const { primal, dual } = solve(c, { both }).value;
        const start = { g: c.b.map(() => 2 * c.random.normal()) };
        for (const maxIterations of [0, 1, 4]) {
          const { value } = solve(c, { both, initial: start, maxIterations });
          expect(value.dual).toBeLessThanOrEqual(primal + 1e-10);
          expect(value.primal).toBeGreaterThanOrEqual(dual - 1e-10);
          expect(value.gap).toBeGreaterThanOrEqual(-1e-12 * Math.max(1, Math.abs(value.primal)));
        }
      }
    }, 10);
  });

  it('the dual does not fall under plain Sinkhorn, and the marginal error does not rise', () => {
    holds((c) => {
      let [dual, error] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
      const method = c.way.method === 'log' ? 'log' : 'sinkhorn';
      for (let maxIterations = 0; maxIterations <= 8; maxIterations++) {
        const answer = solve(c, { method, maxIterations, tolerance: 1e-14, initial: { g: c.b.map((_, j) => Math.sin(3 * j)) } });
        expect(answer.value.dual).toBeGreaterThanOrEqual(dual - 1e-12);
        expect(answer.error).toBeLessThanOrEqual(error + 1e-13);
        [dual, error] = [answer.value.dual, answer.error];
      }
    }, 11);
  });
});
