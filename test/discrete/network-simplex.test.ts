import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { networkSimplex, networkSimplexSteps, type SimplexSolution } from '../../src/discrete/network-simplex.ts';
import { BlockPricing } from '../../src/discrete/network-simplex-pricing.ts';
import { greedyStart } from '../../src/discrete/network-simplex-start.ts';
import type { SpanningTree } from '../../src/discrete/network-simplex-tree.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { hungarian, randomCosts } from './oracles.ts';

const INF = Number.POSITIVE_INFINITY;
const uniform = (n: number): Float64Array => new Float64Array(n).fill(1 / n);
const sum = (v: Float64Array): number => v.reduce((s, x) => s + x, 0);

/** Weights of mass 1, over many decades or with ties on request. */
function weights(n: number, seed: number, kind: 'plain' | 'decades' | 'ties'): Float64Array {
  const random = randomSource(seed);
  const raw = Float64Array.from({ length: n }, () => {
    const u = random.uniform();
    return kind === 'ties' ? 1 + Math.floor(3 * u) : kind === 'decades' ? 10 ** (-12 * u) : u + 0.05;
  });
  const total = sum(raw);
  return raw.map((w) => w / total);
}

function valueOf({ entries: { rows, columns, masses } }: SimplexSolution, costs: Float64Array, m: number): number {
  return masses.reduce((s, p, k) => s + p * costs[rows[k]! * m + columns[k]!]!, 0);
}

/** Marginals met, never a forbidden pair, duals feasible everywhere and tight where mass flows. */
function expectProof(solution: SimplexSolution, costs: Float64Array, a: Float64Array, b: Float64Array): void {
  const { entries, f, g } = solution;
  const [rows, columns] = [new Float64Array(a.length), new Float64Array(b.length)];
  const scale = costs.reduce((top, c) => (c < INF ? Math.max(top, Math.abs(c)) : top), 1e-300);
  entries.masses.forEach((p, k) => {
    const [i, j] = [entries.rows[k]!, entries.columns[k]!];
    rows[i]! += p;
    columns[j]! += p;
    const c = costs[i * b.length + j]!;
    expect(c).toBeLessThan(INF);
    if (p > 1e-15) expect(Math.abs(c - f[i]! - g[j]!)).toBeLessThan(1e-12 * scale);
  });
  a.forEach((w, i) => expect(Math.abs(rows[i]! - w)).toBeLessThan(1e-14));
  b.forEach((w, j) => expect(Math.abs(columns[j]! - w)).toBeLessThan(1e-14));
  for (let p = 0; p < costs.length; p++) {
    expect(costs[p]! - f[Math.floor(p / b.length)]! - g[p % b.length]!).toBeGreaterThan(-1e-12 * scale);
  }
  expect(entries.masses.length).toBeLessThanOrEqual(a.length + b.length - 1);
  expect(Number.isInteger(solution.pivots)).toBe(true);
}

/** Σ over the best permutation that avoids ∞, by trying all. */
function bruteForce(costs: readonly (readonly number[])[]): number {
  const n = costs.length;
  const visit = (i: number, used: number): number => {
    if (i === n) return 0;
    let least = INF;
    for (let j = 0; j < n; j++) if ((used & (1 << j)) === 0) least = Math.min(least, costs[i]![j]! + visit(i + 1, used | (1 << j)));
    return least;
  };
  return visit(0, 0);
}

describe('optimal', () => {
  it('equals the best of all permutations, forbidden pairs and infeasible problems included', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 7 }), fc.integer(), fc.constantFrom(0, 0.3, 0.6, 0.8), (n, seed, wall) => {
        const random = randomSource(seed);
        const costs = randomCosts(n, n, seed).map((row) => row.map((c) => (random.uniform() < wall ? INF : c)));
        const flat = Float64Array.from(costs.flat());
        const solution = networkSimplex(flat, uniform(n), uniform(n));
        const best = bruteForce(costs);
        expect(solution.optimal).toBe(true);
        if (best === INF) expect(solution.forbiddenMass).toBeGreaterThan(0.5 / n);
        else {
          expect(solution.forbiddenMass).toBe(0);
          expect(valueOf(solution, flat, n)).toBeCloseTo(best / n, 12);
          expectProof(solution, flat, uniform(n), uniform(n));
        }
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  it('equals the Hungarian method at 150 points with costs from a few integers: almost all pivots degenerate', () => {
    for (const levels of [1, 2, 5]) {
      const costs = randomCosts(150, 150, levels).map((row) => row.map((c) => Math.round(levels * c)));
      const flat = Float64Array.from(costs.flat());
      const solution = networkSimplex(flat, uniform(150), uniform(150));
      expect(valueOf(solution, flat, 150)).toBeCloseTo(hungarian(costs) / 150, 11);
      expectProof(solution, flat, uniform(150), uniform(150));
    }
  });

  it('proves itself for n ≠ m, ties, weights over 12 decades, tiny and huge costs, walls', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 30 }),
        fc.integer(),
        fc.constantFrom('plain' as const, 'decades' as const, 'ties' as const),
        fc.constantFrom(1e-9, 1, 1e9),
        fc.constantFrom(0, 0.5),
        (n, m, seed, kind, scale, wall) => {
          const random = randomSource(seed);
          const costs = Float64Array.from(randomCosts(n, m, seed).flat(), (c) => (random.uniform() < wall ? INF : scale * c));
          const [a, b] = [weights(n, seed, kind), weights(m, seed + 1, kind)];
          const solution = networkSimplex(costs, a, b);
          if (solution.forbiddenMass > 1e-12) expect(wall).toBeGreaterThan(0);
          else expectProof(solution, costs, a, b);
        },
      ),
      { numRuns: 200, seed: 2 },
    );
  });

  it('pairs that no feasible plan uses keep feasible duals: the staircase of walls', () => {
    // Lower triangular: the only plan is the diagonal, whatever the finite costs off it.
    const n = 8;
    const random = randomSource(4);
    const costs = Float64Array.from({ length: n * n }, (_, p) => (p % n > Math.floor(p / n) ? INF : 10 * random.normal()));
    const solution = networkSimplex(costs, uniform(n), uniform(n));
    expectProof(solution, costs, uniform(n), uniform(n));
    expect(Array.from(solution.entries.columns)).toEqual([...Array(n).keys()]);
  });

  it('needs a fraction of the pivots from its own potentials, and survives a bad guess', () => {
    const random = randomSource(5);
    const [n, m] = [200, 200];
    const x = Array.from({ length: n }, () => [random.normal(), random.normal()]);
    const y = Array.from({ length: m }, () => [2 * random.normal(), random.uniform() + 1]);
    const costs = Float64Array.from(x.flatMap(([p, q]) => y.map(([r, s]) => (p! - r!) ** 2 + (q! - s!) ** 2)));
    const cold = networkSimplex(costs, uniform(n), uniform(m));
    const warm = networkSimplex(costs, uniform(n), uniform(m), cold);
    expect(warm.pivots).toBeLessThan(cold.pivots / 2);
    expect(valueOf(warm, costs, m)).toBeCloseTo(valueOf(cold, costs, m), 12);
    expectProof(networkSimplex(costs, uniform(n), uniform(m), { g: cold.g }), costs, uniform(n), uniform(m));
    const bad = networkSimplex(costs, uniform(n), uniform(m), { f: Float64Array.from({ length: n }, (_, i) => 1e6 * Math.sin(i)) });
    expectProof(bad, costs, uniform(n), uniform(m));
  });
});

describe('stopped', () => {
  it('leaves a feasible plan and feasible duals that bound the optimum', () => {
    const [n, m] = [40, 50];
    const costs = Float64Array.from(randomCosts(n, m, 6).flat());
    const [a, b] = [weights(n, 3, 'plain'), weights(m, 4, 'plain')];
    const best = networkSimplex(costs, a, b);
    const optimum = valueOf(best, costs, m);
    let last = INF;
    for (const limit of [0, 5, 20, 60]) {
      const steps = networkSimplexSteps(costs, a, b, {}, limit);
      let step = steps.next(false);
      while (!step.done) step = steps.next(false);
      const { entries, f, g, optimal, pivots } = step.value;
      expect([optimal, pivots]).toEqual([false, limit]);
      const value = valueOf(step.value, costs, m);
      const dual = f.reduce((s, x, i) => s + x * a[i]!, 0) + g.reduce((s, x, j) => s + x * b[j]!, 0);
      expect(dual).toBeLessThanOrEqual(optimum + 1e-12);
      expect(value).toBeGreaterThanOrEqual(optimum - 1e-12);
      expect(value).toBeLessThanOrEqual(last);
      last = value;
      for (let p = 0; p < costs.length; p++) expect(f[Math.floor(p / m)]! + g[p % m]!).toBeLessThanOrEqual(costs[p]! + 1e-12);
      expect(sum(entries.masses)).toBeCloseTo(1, 13);
    }
  });
});

describe('the spanning tree', () => {
  it('keeps its order, sizes, potentials and strong feasibility through every pivot', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 }), fc.integer(), fc.boolean(), (n, width, seed, ties) => {
        // Ones tie exactly.
        const m = ties ? n : width;
        const mass = (k: number, shift: number) => (ties ? new Float64Array(k).fill(1) : weights(k, seed + shift, 'plain'));
        const costs = Float64Array.from(randomCosts(n, m, seed).flat(), (c) => (ties ? Math.round(c) : c));
        const start = greedyStart(costs, mass(n, 0), mass(m, 7));
        let begun = start.next();
        while (!begun.done) begun = start.next();
        const { tree, atTop } = begun.value;
        tree.setPotentials((i, j) => costs[i * m + j]!, atTop);
        const pricing = new BlockPricing(tree, costs, 1e-13);
        expectSoundTree(tree, costs, m);
        for (let pivots = 0; pricing.next(); pivots++) {
          tree.pivot(pricing.row, n + pricing.column, pricing.reduced);
          expectSoundTree(tree, costs, m);
          expect(pivots).toBeLessThan(1000);
        }
      }),
      { numRuns: 60, seed: 3 },
    );
  });
});

function expectSoundTree(tree: SpanningTree, costs: Float64Array, m: number): void {
  const { n, root, count, parent, upward, flow, potential } = tree;
  const { next, previous, last, size } = tree as unknown as Record<'next' | 'previous' | 'last' | 'size', Int32Array>;
  const order = [root];
  for (let node = next![root]!; node !== root && order.length <= count; node = next![node]!) order.push(node);
  expect([...order].sort((i, j) => i - j)).toEqual([...Array(count).keys()]);
  const place = new Map(order.map((node, k) => [node, k]));
  const sizes = new Array<number>(count).fill(1);
  for (const node of order.slice(1).reverse()) sizes[parent[node]!]! += sizes[node]!;
  order.forEach((node, k) => {
    expect(previous![next![node]!]).toBe(node);
    expect(size![node]).toBe(sizes[node]);
    expect(last![node]).toBe(order[k + sizes[node]! - 1]);
    if (node === root) return;
    const over = parent[node]!;
    // After its parent and within its stretch.
    expect(place.get(node)!).toBeGreaterThan(place.get(over)!);
    expect(k).toBeLessThan(place.get(over)! + sizes[over]!);
    if (!(flow[node]! > 0)) expect(upward[node]).toBe(1);
    if (over === root) return;
    const [tail, head] = upward[node] === 1 ? [node, over] : [over, node];
    expect(potential[tail]! - potential[head]!).toBeCloseTo(costs[tail * m + head - n]!, 11);
  });
}
