import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { costMatrix, euclidean, lp, squaredEuclidean } from '../../src/costs/index.ts';
import { transportProblem } from '../../src/couplings/index.ts';
import { exactTransport, exactTransportAsync } from '../../src/discrete/index.ts';
import { networkSimplex } from '../../src/discrete/network-simplex.ts';
import { ConvergenceError, InfeasibleError } from '../../src/errors.ts';
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
    // The remedy is one that exists here.
    const alone = costMatrix([
      [0, inf],
      [0, inf],
    ]);
    expect(() => exactTransport(transportProblem({ source: uniform(2), target: uniform(2), cost: alone }))).toThrow(
      /^exactTransport: target point 1 has only forbidden pairs; .*or use entropicProblem with/,
    );
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

describe('against POT', () => {
  // POT 0.9.7, ot.emd(a, b, ot.dist(x, y, metric), numItermax=10**7), for these arrays; the metrics in the order of the costs below.
  const [n, m] = [40, 55];
  const x = Array.from({ length: n }, (_, i) => [Math.sin(1.7 * i + 0.3), Math.cos(2.3 * i * i + 0.1), Math.sin(0.37 * i * i)]);
  const y = Array.from({ length: m }, (_, j) => [0.5 * Math.cos(1.1 * j) + 0.2, Math.sin(0.9 * j * j + 0.4), 0.7 * Math.cos(3.1 * j)]);
  const normalised = (raw: number[]): number[] => raw.map((w) => w / raw.reduce((sum, v) => sum + v, 0));
  const source = discreteMarginal({ points: x, weights: normalised(x.map((_, i) => 1.2 + Math.sin(5 * i + 1))) });
  const target = discreteMarginal({ points: y, weights: normalised(y.map((_, j) => 1.2 + Math.cos(3 * j + 2))) });
  it.each([
    ['sqeuclidean', squaredEuclidean(), 0.403039990522625],
    ['euclidean', euclidean(), 0.5920688816703048],
    ['cityblock', lp(1), 0.8625447210707113],
  ] as const)('%s', (_, cost, expected) => {
    const answer = exactTransport(transportProblem({ source, target, cost }));
    expect(answer.value.linear).toBeCloseTo(expected, 13);
    expect(answer.transportCost()).toBeCloseTo(expected, 13);
    expect(answer.value.dual).toBeCloseTo(expected, 13);
  });
});

describe('options', () => {
  const random = randomSource(11);
  const problem = transportProblem({ source: randomMarginal(300, 2, random, true), target: randomMarginal(300, 2, random, true) });
  const optimum = exactTransport(problem).value.linear;

  it('a run that is stopped returns a feasible plan whose gap bounds what is left', () => {
    const stopped = exactTransport(problem, { maxIterations: 200 });
    expect([stopped.status, stopped.iterations]).toEqual(['max-iterations', 200]);
    expect(stopped.error).toBeLessThan(1e-12);
    expect(stopped.value.linear).toBeGreaterThan(optimum);
    expect(stopped.value.dual).toBeLessThan(optimum);
    expect(stopped.value.gap).toBe(stopped.value.primal - stopped.value.dual);
    expect(stopped.warnings.join()).toMatch(/feasible, and at most .* dearer/);
    expect(exactTransport(problem, { timeLimit: 1e-9 })).toMatchObject({ status: 'time-limit' });
    expect(() => exactTransport(problem, { maxIterations: 3, onFailure: 'throw' })).toThrow(ConvergenceError);
  });

  it('goes on from a stopped answer', () => {
    const stopped = exactTransport(problem, { maxIterations: 3000 });
    const done = exactTransport(problem, { initial: stopped });
    expect(done.status).toBe('converged');
    expect(done.value.linear).toBeCloseTo(optimum, 12);
    expect(done.iterations).toBeLessThan(exactTransport(problem).iterations);
    expect(exactTransport(problem, { initial: { g: done.potentials.g } }).value.linear).toBeCloseTo(optimum, 12);
  });

  it('reports progress, the answer last', () => {
    const seen: number[] = [];
    const answer = exactTransport(problem, { onProgress: ({ iteration, error }) => seen.push(iteration) && expect(error).toBe(0) });
    expect(seen.length).toBeGreaterThan(2);
    expect(seen.at(-1)).toBe(answer.iterations);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });

  it('the asynchronous form gives up the thread and can be aborted', async () => {
    const big = transportProblem({ source: randomMarginal(900, 3, random), target: randomMarginal(900, 3, random) });
    const controller = new AbortController();
    let ticks = 0;
    const timer = setInterval(() => ++ticks === 2 && controller.abort(), 1);
    const answer = await exactTransportAsync(big, { signal: controller.signal });
    clearInterval(timer);
    expect(ticks).toBeGreaterThanOrEqual(2);
    expect(answer.status).toBe('aborted');
    expect(answer.error).toBeLessThan(1e-12);
    expect(answer.value.gap).toBeGreaterThan(0);
  });

  it('stopped before a plan without forbidden pairs exists: no upper bound, and no mass on them', () => {
    // A greedy row takes what another one needs: 0 → 0 costs least, but 1 may only go to 0.
    const inf = Number.POSITIVE_INFINITY;
    const cost = costMatrix([
      [0, 1],
      [0, inf],
    ]);
    const walled = transportProblem({ source: uniform(2), target: uniform(2), cost });
    const stopped = exactTransport(walled, { maxIterations: 0 });
    expect(stopped.status).toBe('max-iterations');
    expect(stopped.value.primal).toBe(inf);
    expect(stopped.value.dual).toBeLessThanOrEqual(0.5);
    expect(stopped.error).toBeCloseTo(1, 14);
    expect(stopped.plan().get(1, 1)).toBe(0);
    expect(exactTransport(walled).value.linear).toBe(0.5);
  });

  it.each([
    [{ timeLimit: 0 }, /^exactTransport: timeLimit must be > 0/],
    [{ maxIterations: -1 }, /^exactTransport: maxIterations must be a whole number ≥ 0/],
    [{ initial: { f: [1] } }, /^exactTransport: initial.f has 1 entries for 300 points/],
    [{ initial: { g: new Float64Array(300).fill(Number.NaN) } }, /^exactTransport: initial.g has an entry that is not finite/],
    [{ initial: {} }, /^exactTransport: initial has neither f nor g/],
    [{ tolerance: 1 }, /^exactTransport: .*tolerance/],
  ] as const)('refuses %j', (options, message) => {
    expect(() => exactTransport(problem, options as object)).toThrow(message);
  });
});

it('the asynchronous form gives the same answer', async () => {
  const random = randomSource(2);
  const problem = transportProblem({ source: randomMarginal(10, 3, random), target: randomMarginal(12, 3, random) });
  expect((await exactTransportAsync(problem)).value).toEqual(exactTransport(problem).value);
});
