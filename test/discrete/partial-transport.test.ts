import { describe, expect, it } from 'vitest';
import { costMatrix, squaredEuclidean } from '../../src/costs/index.ts';
import { entropicProblem, type MarginalConstraint, transportProblem } from '../../src/couplings/index.ts';
import { type DiscreteCoupling, exactTransport, sinkhorn, sinkhornAsync } from '../../src/discrete/index.ts';
import { waterLevel } from '../../src/discrete/partial-dual.ts';
import { DomainError, InfeasibleError } from '../../src/errors.ts';
import { gaussianCoupling } from '../../src/gaussian/index.ts';
import { type DiscreteMarginal, discreteMarginal, gaussianMarginal, histogram } from '../../src/marginals/index.ts';
import { toRows } from '../../src/numerics/points.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { randomMarginal } from './oracles.ts';

const scaled = ({ points, weights }: DiscreteMarginal, factor: number): DiscreteMarginal =>
  discreteMarginal({ points, weights: weights.map((w) => factor * w) });
const sum = (v: ArrayLike<number>): number => Array.from(v).reduce((s, x) => s + x, 0);
const both = (mass: number) => ({ source: 'at-most', target: 'at-most', mass }) as const;

function pair(seed: number, n = 9, m = 11): { source: DiscreteMarginal; target: DiscreteMarginal } {
  const random = randomSource(seed);
  return { source: scaled(randomMarginal(n, 2, random), 1.3), target: scaled(randomMarginal(m, 2, random), 0.8) };
}

/** Ascent on blocks of the dual with clipped potentials: slow, and right. */
function referee(C: Float64Array, a: Float64Array, b: Float64Array, epsilon: number, mass: number, turns: number): number[][] {
  const [n, m] = [a.length, b.length];
  const [f, g] = [new Float64Array(n), new Float64Array(m)];
  let shift = 0;
  const soft = (terms: number[]): number => {
    const top = Math.max(...terms);
    return top + Math.log(sum(terms.map((t) => Math.exp(t - top))));
  };
  const at = (i: number, j: number): number => (f[i]! + g[j]! + shift - C[i * m + j]!) / epsilon + Math.log(a[i]! * b[j]!);
  for (let t = 0; t < turns; t++) {
    for (let i = 0; i < n; i++) {
      f[i] = 0;
      f[i] = Math.min(0, epsilon * (Math.log(a[i]!) - soft(Array.from(b, (_, j) => at(i, j)))));
    }
    for (let j = 0; j < m; j++) {
      g[j] = 0;
      g[j] = Math.min(0, epsilon * (Math.log(b[j]!) - soft(Array.from(a, (_, i) => at(i, j)))));
    }
    shift += epsilon * (Math.log(mass) - soft(Array.from(a).flatMap((_, i) => Array.from(b, (__, j) => at(i, j)))));
  }
  return Array.from(a, (_, i) => Array.from(b, (__, j) => Math.exp(at(i, j))));
}

/** The linear programme, with a dummy point on either side for what stays behind. */
function exactPartial(C: Float64Array, a: Float64Array, b: Float64Array, mass: number): number {
  const m = b.length;
  const rows = [
    ...Array.from(a, (_, i) => [...C.subarray(i * m, (i + 1) * m), 0]),
    [...new Array<number>(m).fill(0), Number.POSITIVE_INFINITY],
  ];
  const source = histogram([...a, sum(b) - mass]);
  const target = histogram([...b, sum(a) - mass]);
  return exactTransport(transportProblem({ source, target, cost: costMatrix(rows) })).value.linear;
}

describe('the water level', () => {
  it('fills to the mass wanted', () => {
    const random = randomSource(1);
    for (let trial = 0; trial < 50; trial++) {
      const n = 1 + Math.floor(random.uniform() * 12);
      const weights = Array.from({ length: n }, () => random.uniform() + 0.01);
      const H = Float64Array.from(weights, () => 4 * random.normal());
      const mass = random.uniform() * sum(weights);
      const level = waterLevel(Float64Array.from(weights, Math.log), H, n, mass);
      expect(sum(weights.map((w, i) => w * Math.min(1, Math.exp(level - H[i]!))))).toBeCloseTo(mass, 12);
    }
    expect(waterLevel(new Float64Array([0, 0]), new Float64Array([3, 5]), 2, 2)).toBeCloseTo(5, 12);
  });
});

describe('partial transport', () => {
  it.each([
    [0.3, 0.5],
    [0.3, 0.2],
    [0.05, 0.7],
    [2, 0.79],
  ])('is the limit of ascent by blocks: ε = %f, mass %f', (epsilon, mass) => {
    const { source, target } = pair(3);
    const made = sinkhorn(entropicProblem({ source, target, epsilon, marginals: both(mass) }), { tolerance: 1e-11 });
    const costs = squaredEuclidean().between(source.points, target.points);
    expect(made.status).toBe('converged');
    const want = referee(costs, source.weights, target.weights, epsilon, mass, 1500);
    const plan = made.plan();
    want.forEach((r, i) => {
      r.forEach((p, j) => {
        expect(plan.get(i, j)).toBeCloseTo(p, 9);
      });
    });
    expect(made.mass).toBeCloseTo(mass, 10);
    expect(made.value.gap).toBeGreaterThanOrEqual(-1e-13);
    expect(made.value.gap).toBeLessThan(1e-8);
    const { f, g } = made.potentials;
    expect(plan.get(2, 3)).toBeCloseTo(
      source.weights[2]! * target.weights[3]! * Math.exp((f[2]! + g[3]! - costs[2 * 11 + 3]!) / epsilon),
      12,
    );
  });

  it('goes to the linear programme as ε → 0', () => {
    const { source, target } = pair(5);
    const costs = squaredEuclidean().between(source.points, target.points);
    for (const mass of [0.1, 0.45, 0.8]) {
      const exact = exactPartial(costs, source.weights, target.weights, mass);
      const made = sinkhorn(entropicProblem({ source, target, epsilon: 2e-4, marginals: both(mass) }), { tolerance: 1e-8 });
      expect(made.status).toBe('converged');
      expect(made.value.linear).toBeGreaterThan(exact - 1e-9);
      expect(made.value.linear).toBeLessThan(exact + 2e-3);
      expect(sum(made.applyTranspose(new Float64Array(9).fill(1)).map((p, j) => Math.max(0, p - target.weights[j]!)))).toBeLessThan(1e-8);
    }
  });

  it.each([
    ['source', { source: 'at-most', target: 'exact' }],
    ['target', { source: 'exact', target: 'at-most' }],
  ] as [string, { source: MarginalConstraint; target: MarginalConstraint }][])('one side at most: %s', (open, marginals) => {
    const { source: big, target: small } = pair(7);
    const [source, target] = open === 'source' ? [big, small] : [small, big];
    const made = sinkhorn(entropicProblem({ source, target, epsilon: 0.1, marginals }), { tolerance: 1e-11 });
    expect(made.status).toBe('converged');
    const [rows, columns] = [
      made.apply(new Float64Array(target.weights.length).fill(1)),
      made.applyTranspose(new Float64Array(source.weights.length).fill(1)),
    ];
    const [bound, exact] = open === 'source' ? [rows, columns] : [columns, rows];
    exact.forEach((p, i) => {
      expect(p).toBeCloseTo(small.weights[i]!, 10);
    });
    bound.forEach((p, i) => {
      expect(p).toBeLessThan(big.weights[i]! + 1e-10);
    });
    expect(sum(bound.map((p, i) => (p < big.weights[i]! - 1e-6 ? 1 : 0)))).toBeGreaterThan(0);
    // The mass of the smaller side with two bounds is the same problem.
    const two = sinkhorn(entropicProblem({ source, target, epsilon: 0.1, marginals: both(0.8) }), { tolerance: 1e-11 });
    expect(two.value.primal).toBeCloseTo(made.value.primal, 8);
  });

  it('moving everything between equal masses is the balanced problem, and transposing exchanges the sides', () => {
    const random = randomSource(9);
    const [source, target] = [randomMarginal(6, 2, random), randomMarginal(7, 2, random)];
    const all = sinkhorn(entropicProblem({ source, target, epsilon: 0.2, marginals: both(1) }), { tolerance: 1e-10 });
    expect(all.value.primal).toBeCloseTo(sinkhorn(entropicProblem({ source, target, epsilon: 0.2 })).value.primal, 8);
    const there = sinkhorn(entropicProblem({ source, target, epsilon: 0.2, marginals: both(0.6) }), { tolerance: 1e-11 });
    const back = sinkhorn(entropicProblem({ source: target, target: source, epsilon: 0.2, marginals: both(0.6) }), { tolerance: 1e-11 });
    expect(back.value.primal).toBeCloseTo(there.value.primal, 10);
    expect(back.plan().get(3, 2)).toBeCloseTo((there.reverse() as DiscreteCoupling).plan().get(3, 2), 9);
  });

  it('has the gradients that central differences give', () => {
    const { source, target } = pair(13, 5, 4);
    const value = (p: DiscreteMarginal, q: DiscreteMarginal): number =>
      sinkhorn(entropicProblem({ source: p, target: q, epsilon: 0.4, marginals: both(0.5) }), { tolerance: 1e-13 }).value.dual;
    const { x, a, b } = sinkhorn(entropicProblem({ source, target, epsilon: 0.4, marginals: both(0.5) }), { tolerance: 1e-13 }).gradients();
    const h = 1e-5;
    const grown = (m: DiscreteMarginal, k: number, by: number): DiscreteMarginal =>
      discreteMarginal({ points: m.points, weights: m.weights.map((w, i) => w + (i === k ? by : 0)) });
    for (let i = 0; i < 5; i++)
      expect(a[i]).toBeCloseTo((value(grown(source, i, h), target) - value(grown(source, i, -h), target)) / (2 * h), 6);
    for (let j = 0; j < 4; j++)
      expect(b[j]).toBeCloseTo((value(source, grown(target, j, h)) - value(source, grown(target, j, -h))) / (2 * h), 6);
    const moved = (by: number): DiscreteMarginal =>
      discreteMarginal({ points: toRows(source.points).map((r, i) => (i === 2 ? [r[0]! + by, r[1]!] : r)), weights: source.weights });
    expect(x.data[4]).toBeCloseTo((value(moved(h), target) - value(moved(-h), target)) / (2 * h), 6);
  });

  it('converges at every ε on random problems, with zero weights and forbidden pairs', () => {
    const random = randomSource(17);
    for (let trial = 0; trial < 40; trial++) {
      const [n, m] = [2 + Math.floor(random.uniform() * 30), 2 + Math.floor(random.uniform() * 30)];
      const weights = (count: number): number[] =>
        Array.from({ length: count }, (_, i) => (i > 0 && random.uniform() < 0.1 ? 0 : 10 ** (-4 * random.uniform())));
      const [a, b] = [weights(n), weights(m)];
      const cost = costMatrix(
        a.map((_row, i) => b.map((_, j) => (i > 0 && j > 0 && random.uniform() < 0.03 ? Number.POSITIVE_INFINITY : random.normal() ** 2))),
      );
      const mass = random.uniform() * 0.6 * Math.min(sum(a), sum(b)) * (trial % 2 === 0 ? 1 : 0.1);
      const epsilon = [10, 1, 0.1, 0.01, 0.002][trial % 5]!;
      const made = sinkhorn(entropicProblem({ source: histogram(a), target: histogram(b), cost, epsilon, marginals: both(mass) }), {
        maxIterations: 20_000,
      });
      expect([made.status, trial]).toEqual(['converged', trial]);
      expect(made.value.gap).toBeGreaterThan(-1e-11 * Math.max(1, Math.abs(made.value.primal)));
      expect(made.mass).toBeCloseTo(mass, 8);
    }
  });

  it('starts where another answer ended', async () => {
    const { source, target } = pair(3, 40, 50);
    const problem = entropicProblem({ source, target, epsilon: 0.05, marginals: both(0.5) });
    const cold = sinkhorn(problem);
    expect(cold.iterations).toBeGreaterThan(5);
    const { levels } = cold.stats;
    expect(levels!.reduce((sum, { steps }) => sum + steps, levels!.length - 1)).toBe(cold.iterations);
    expect(levels!.at(-1)).toMatchObject({ epsilon: 0.05, method: 'bounded-lbfgs', precision: 'f64' });
    expect(sinkhorn(problem, { initial: cold }).iterations).toBeLessThan(3);
    // One side tells the other, points that are full included.
    for (const mass of [0.2, 0.5, 0.75]) {
      const own = entropicProblem({ source, target, epsilon: 0.05, marginals: both(mass) });
      const { f, g } = sinkhorn(own, { tolerance: 1e-10 }).potentials;
      for (const initial of [{ f }, { g }]) expect(sinkhorn(own, { initial })).toMatchObject({ status: 'converged', iterations: 0 });
    }
    expect((await sinkhornAsync(problem)).potentials.f).toEqual(cold.potentials.f);
    const stopped = await sinkhornAsync(problem, { signal: AbortSignal.abort() });
    expect(stopped.status).toBe('aborted');
    expect(Number.isFinite(stopped.value.dual)).toBe(true);
    expect(stopped.value.gap).toBeGreaterThan(0);
  });

  it('refuses what has no plan or leaves it open', () => {
    const { source, target } = pair(1);
    const at = (marginals: Parameters<typeof entropicProblem>[0]['marginals']) => () =>
      entropicProblem({ source, target, epsilon: 1, ...(marginals === undefined ? {} : { marginals }) });
    expect(at({ source: 'at-most', target: 'at-most' })).toThrow(/mass open/);
    expect(at(both(0.81))).toThrow(InfeasibleError);
    expect(at({ source: 'exact', target: 'at-most' })).toThrow(InfeasibleError);
    expect(at({ source: 'at-most', mass: 0.5 })).toThrow(DomainError);
    expect(at({ source: 'at-most', target: { kl: 1 } })).toThrow(DomainError);
    expect(at(both(-1))).toThrow(DomainError);
    const forbidden = costMatrix([
      [0, Number.POSITIVE_INFINITY],
      [0, Number.POSITIVE_INFINITY],
      [0, 1],
    ]);
    const narrow = { source: histogram([1, 1, 0.1]), target: histogram([0.5, 1]), cost: forbidden, epsilon: 1 };
    expect(() => sinkhorn(entropicProblem({ ...narrow, marginals: both(0.7) }))).toThrow(InfeasibleError);
    expect(sinkhorn(entropicProblem({ ...narrow, marginals: both(0.55) })).status).toBe('converged');
    expect(() => sinkhorn(entropicProblem({ ...narrow, marginals: both(0.5) }), { method: 'sinkhorn' })).toThrow(/at-most/);
    const normal = gaussianMarginal({ mean: [0], covariance: 1 });
    expect(() => gaussianCoupling(entropicProblem({ source: normal, target: normal, epsilon: 1, marginals: both(0.5) }))).toThrow(
      /gaussianCoupling/,
    );
  });
});
