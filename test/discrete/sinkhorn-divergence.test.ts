import { describe, expect, it } from 'vitest';
import { type Cost, costFunction, costMatrix, euclidean, halfSquaredEuclidean, squaredEuclidean } from '../../src/costs/index.ts';
import { entropicProblem, transportProblem } from '../../src/couplings/index.ts';
import { exactTransport, sinkhorn, sinkhornDivergence, sinkhornDivergenceAsync } from '../../src/discrete/index.ts';
import { ConvergenceError, DomainError } from '../../src/errors.ts';
import { type DiscreteMarginal, discreteMarginal, histogram } from '../../src/marginals/index.ts';
import { toRows } from '../../src/numerics/points.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { randomMarginal } from './oracles.ts';

const spaced = (from: number, to: number, n: number): DiscreteMarginal =>
  discreteMarginal({ points: Array.from({ length: n }, (_, i) => [from + ((to - from) * i) / (n - 1)]) });
const scaled = ({ points, weights }: DiscreteMarginal, factor: number): DiscreteMarginal =>
  discreteMarginal({ points, weights: weights.map((w) => factor * w) });
const tight = { tolerance: 1e-12 };

describe('Sinkhorn divergence', () => {
  it('is 1.2046816 for 10 points on [0, 5] and 20 on [1, 3], with KL', () => {
    const made = sinkhornDivergence(entropicProblem({ source: spaced(0, 5, 10), target: spaced(1, 3, 20), epsilon: 1 }), tight);
    expect(made.value).toBeCloseTo(1.2046816, 7);
    expect(made.status).toBe('converged');
    expect(made.bounds.lower).toBeLessThanOrEqual(made.value + 1e-13);
    expect(made.bounds.upper).toBeGreaterThanOrEqual(made.value - 1e-13);
    // The same without KL in the values, as other texts have it.
    const { cross, source, target } = made.couplings;
    expect(cross.value.linear - 0.5 * source.value.linear - 0.5 * target.value.linear).toBeCloseTo(1.2417241, 7);
  });

  it('finds the self-transports that the general solver finds, in few steps at any ε', () => {
    const random = randomSource(3);
    const source = randomMarginal(60, 2, random);
    for (const cost of [squaredEuclidean(), euclidean()]) {
      for (const epsilon of [3, 0.1, 0.003]) {
        const problem = entropicProblem({ source, target: source, epsilon, cost });
        const own = sinkhornDivergence(problem, tight).couplings.source;
        const general = sinkhorn(problem, tight);
        expect(own.status).toBe('converged');
        expect(own.iterations).toBeLessThan(45);
        expect(own.value.dual).toBeCloseTo(general.value.dual, 11);
      }
    }
  });

  it('is 0 between a measure and itself, and nowhere below', () => {
    const random = randomSource(5);
    for (const cost of [squaredEuclidean(), euclidean(), halfSquaredEuclidean()]) {
      for (const marginals of [{}, { source: { kl: 0.7 }, target: { kl: 0.7 } }]) {
        for (const epsilon of [0.02, 0.4, 20]) {
          const [source, other] = [randomMarginal(9, 2, random), randomMarginal(7, 2, random)];
          const of = (target: DiscreteMarginal) => sinkhornDivergence(entropicProblem({ source, target, epsilon, cost, marginals }), tight);
          expect(Math.abs(of(source).value)).toBeLessThan(1e-12 * Math.max(1, epsilon));
          expect(of(other).value).toBeGreaterThan(0);
          const near = discreteMarginal({ points: source.points, weights: source.weights.map((w, i) => w * (1 + 1e-7 * (i - 4))) });
          expect(of(scaled(near, 1 / near.mass)).value).toBeGreaterThan(-1e-12 * Math.max(1, epsilon));
        }
      }
    }
  });

  it('goes to optimal transport as ε → 0 and to half a squared MMD as ε → ∞', () => {
    const random = randomSource(11);
    const [source, target] = [randomMarginal(8, 2, random), randomMarginal(6, 2, random)];
    const exact = exactTransport(transportProblem({ source, target })).value.linear;
    expect(sinkhornDivergence(entropicProblem({ source, target, epsilon: 1e-3 })).value).toBeCloseTo(exact, 2);
    const mean = (p: DiscreteMarginal, q: DiscreteMarginal): number => {
      const costs = squaredEuclidean().between(p.points, q.points);
      let sum = 0;
      p.weights.forEach((a, i) => {
        q.weights.forEach((b, j) => {
          sum += a * b * costs[i * q.weights.length + j]!;
        });
      });
      return sum;
    };
    const mmd = 2 * mean(source, target) - mean(source, source) - mean(target, target);
    expect(sinkhornDivergence(entropicProblem({ source, target, epsilon: 1e6 }), tight).value).toBeCloseTo(mmd / 2, 5);
  });

  it('adds ε/2 (m_a − m_b)² between unequal masses', () => {
    const random = randomSource(12);
    const [source, target] = [scaled(randomMarginal(6, 2, random), 1.3), scaled(randomMarginal(5, 2, random), 0.4)];
    const of = (p: DiscreteMarginal, q: DiscreteMarginal): number =>
      sinkhorn(entropicProblem({ source: p, target: q, epsilon: 0.5, marginals: { source: { kl: 2 }, target: { kl: 2 } } }), tight).value
        .primal;
    const made = sinkhornDivergence(
      entropicProblem({ source, target, epsilon: 0.5, marginals: { source: { kl: 2 }, target: { kl: 2 } } }),
      tight,
    );
    expect(made.value).toBeCloseTo(of(source, target) - of(source, source) / 2 - of(target, target) / 2 + 0.25 * 0.81, 10);
  });

  it.each([
    ['exact', {}],
    ['penalised', { source: { kl: 1.5 }, target: { kl: 1.5 } }],
    ['unequal penalties', { source: { kl: 1.5 }, target: { kl: 0.5 } }],
  ])('has the gradients that central differences give: %s', (_, marginals) => {
    const random = randomSource(21);
    const [source, target] = [randomMarginal(5, 2, random), randomMarginal(4, 2, random)];
    const value = (p: DiscreteMarginal, q: DiscreteMarginal): number =>
      sinkhornDivergence(entropicProblem({ source: p, target: q, epsilon: 0.6, marginals }), { tolerance: 1e-13 }).value;
    const made = sinkhornDivergence(entropicProblem({ source, target, epsilon: 0.6, marginals }), { tolerance: 1e-13 });
    const { x, y, a, b } = made.gradients();
    const h = 1e-5;
    const moved = (m: DiscreteMarginal, i: number, k: number, by: number): DiscreteMarginal =>
      discreteMarginal({
        points: toRows(m.points).map((r, p) => (p === i ? r.map((v, q) => (q === k ? v + by : v)) : r)),
        weights: m.weights,
      });
    expect(x.data[3]).toBeCloseTo((value(moved(source, 1, 1, h), target) - value(moved(source, 1, 1, -h), target)) / (2 * h), 6);
    expect(y.data[4]).toBeCloseTo((value(source, moved(target, 2, 0, h)) - value(source, moved(target, 2, 0, -h))) / (2 * h), 6);
    // Mass moves from one point to another, which keeps exact sides feasible.
    const shifted = (m: DiscreteMarginal, by: number): DiscreteMarginal =>
      discreteMarginal({ points: m.points, weights: m.weights.map((w, i) => w + (i === 0 ? by : i === 2 ? -by : 0)) });
    expect(a[0]! - a[2]!).toBeCloseTo((value(shifted(source, h), target) - value(shifted(source, -h), target)) / (2 * h), 6);
    expect(b[0]! - b[2]!).toBeCloseTo((value(source, shifted(target, h)) - value(source, shifted(target, -h))) / (2 * h), 6);
    if (_ === 'exact') return;
    const grown = (m: DiscreteMarginal, by: number): DiscreteMarginal =>
      discreteMarginal({ points: m.points, weights: m.weights.map((w, i) => w + (i === 1 ? by : 0)) });
    expect(a[1]).toBeCloseTo((value(grown(source, h), target) - value(grown(source, -h), target)) / (2 * h), 6);
    expect(b[1]).toBeCloseTo((value(source, grown(target, h)) - value(source, grown(target, -h))) / (2 * h), 6);
  });

  it('rests where the measures are equal', () => {
    const source = randomMarginal(7, 3, randomSource(2));
    const { x, a } = sinkhornDivergence(entropicProblem({ source, target: source, epsilon: 2 }), tight).gradients();
    expect(Math.max(...x.data.map(Math.abs))).toBeLessThan(1e-10);
    // Up to a constant.
    expect(Math.max(...a) - Math.min(...a)).toBeLessThan(1e-9);
  });

  it('takes costs of histograms on one support, and costs within the sides when there are two', () => {
    const C = [
      [0, 1, 4],
      [1, 0, 1],
      [4, 1, 0],
    ];
    const on = (weights: number[]) => discreteMarginal({ points: [[0], [1], [2]], weights });
    const plain = { epsilon: 0.5 } as const;
    const [p, q] = [
      [0.2, 0.5, 0.3],
      [0.6, 0, 0.4],
    ];
    const byMatrix = sinkhornDivergence(
      entropicProblem({ source: histogram(p), target: histogram(q), cost: costMatrix(C), ...plain }),
      tight,
    );
    const byPoints = sinkhornDivergence(entropicProblem({ source: on(p), target: on(q), ...plain }), tight);
    expect(byMatrix.value).toBeCloseTo(byPoints.value, 11);
    const wide = entropicProblem({
      source: histogram(p),
      target: histogram([0.5, 0.5]),
      cost: costMatrix(C.map((r) => r.slice(0, 2))),
      ...plain,
    });
    expect(() => sinkhornDivergence(wide)).toThrow(/sinkhornDivergence: .*selfCosts/);
    const selfCosts: { source: Cost; target: Cost } = {
      source: costMatrix(C),
      target: costMatrix(C.slice(0, 2).map((r) => r.slice(0, 2))),
    };
    expect(sinkhornDivergence(wide, { selfCosts, ...tight }).value).toBeCloseTo(
      sinkhornDivergence(entropicProblem({ source: on(p), target: on([0.5, 0.5, 0]), ...plain }), tight).value,
      11,
    );
  });

  it('goes on from an earlier one, for one that was aborted in the middle', async () => {
    const problem = entropicProblem({ source: spaced(0, 1, 30), target: spaced(0, 3, 35), epsilon: 0.01 });
    const options = { ...tight, method: 'sinkhorn' } as const;
    const whole = sinkhornDivergence(problem, options);
    const controller = new AbortController();
    const after = Math.floor(0.5 * whole.couplings.cross.iterations);
    const aborted = await sinkhornDivergenceAsync(problem, {
      ...options,
      signal: controller.signal,
      onProgress: ({ iteration }) => iteration === after && controller.abort(),
    });
    expect(aborted.status).toBe('aborted');
    const resumed = sinkhornDivergence(problem, { ...options, initial: aborted });
    expect(resumed.status).toBe('converged');
    expect(resumed.value).toBeCloseTo(whole.value, 10);
    expect(Math.abs(after + resumed.couplings.cross.iterations - whole.couplings.cross.iterations)).toBeLessThanOrEqual(2);
    expect(sinkhornDivergence(problem, { ...options, initial: whole.couplings.cross }).couplings.cross.iterations).toBe(0);
  });

  it('refuses what it cannot mean, and says how it ended', async () => {
    const both = spaced(0, 1, 4);
    const crooked = costFunction((x, y) => Math.max(0, x[0]! - y[0]!));
    expect(() => sinkhornDivergence(entropicProblem({ source: both, target: both, epsilon: 1, cost: crooked }))).toThrow(DomainError);
    const problem = entropicProblem({ source: both, target: spaced(0, 3, 5), epsilon: 0.01 });
    const short = sinkhornDivergence(problem, { maxIterations: 1 });
    expect(short.status).toBe('max-iterations');
    expect(short.warnings.length).toBeGreaterThan(0);
    expect(() => sinkhornDivergence(problem, { maxIterations: 1, onFailure: 'throw' })).toThrow(ConvergenceError);
    expect(() => sinkhornDivergence(problem, { maxIteration: 1 } as object)).toThrow(/maxIteration/);
    expect((await sinkhornDivergenceAsync(problem, { signal: AbortSignal.abort() })).status).toBe('aborted');
    expect((await sinkhornDivergenceAsync(problem, tight)).value).toBe(sinkhornDivergence(problem, tight).value);
    expect(JSON.stringify(short).length).toBeLessThan(1000);
    expect(Object.isFrozen(short)).toBe(true);
  });
});

describe('ε far above the costs', () => {
  const random = randomSource(11);
  const [source, target] = [scaled(randomMarginal(30, 2, random), 1), scaled(randomMarginal(24, 2, random), 1)];
  /** ½ MMD² with kernel −c by loops of the test's own. */
  const limit = (cost: Cost): number => {
    const mean = (p: DiscreteMarginal, q: DiscreteMarginal): number => {
      const costs = cost.between(p.points, q.points);
      return costs.reduce((sum, c, k) => sum + c * p.weights[Math.floor(k / q.weights.length)]! * q.weights[k % q.weights.length]!, 0);
    };
    return mean(source, target) - 0.5 * mean(source, source) - 0.5 * mean(target, target);
  };
  const own = costFunction((x, y) => Math.abs(x[0]! - y[0]!) ** 1.5 + (x[1]! - y[1]!) ** 2, {
    gradient(x, y) {
      const [p, q] = [1.5 * Math.sign(x[0]! - y[0]!) * Math.sqrt(Math.abs(x[0]! - y[0]!)), 2 * (x[1]! - y[1]!)];
      return { x: [p, q], y: [-p, -q] };
    },
  });

  it.each([squaredEuclidean(), euclidean(), own])('the value is the limit, and says so: %#', (cost) => {
    for (const epsilon of [1e10, 1e13, 1e16, 1e20, 1e60, 1e150]) {
      const made = sinkhornDivergence(entropicProblem({ source, target, epsilon, cost }));
      expect(made.status).toBe('converged');
      expect(Math.abs(made.value - limit(cost))).toBeLessThan(1e-13 + 20 / epsilon);
      expect(made.bounds.lower).toBeLessThanOrEqual(made.value);
      expect(made.bounds.upper).toBeGreaterThanOrEqual(made.value);
      expect(made.bounds.upper - made.bounds.lower).toBeLessThan(1e-13);
      expect(made.warnings).toEqual([]);
      const { x, a } = made.gradients();
      const near = sinkhornDivergence(entropicProblem({ source, target, epsilon: 1e5, cost }), tight).gradients();
      x.data.forEach((v, k) => {
        expect(v).toBeCloseTo(near.x.data[k]!, 4);
      });
      a.forEach((v, i) => {
        expect(v - a[0]!).toBeCloseTo(near.a[i]! - near.a[0]!, 3);
      });
    }
  });

  it('goes over from one evaluation to the other without a step', () => {
    for (const cost of [squaredEuclidean(), own]) {
      const at = (epsilon: number) => sinkhornDivergence(entropicProblem({ source, target, epsilon, cost }), { tolerance: 1e-14 });
      // The second-order term is 1e-6 of the costs here, and both know it.
      const [below, above] = [at(2e5), at(3e7)];
      const slope = (below.value - limit(cost)) * 2e5;
      expect(Math.abs(slope)).toBeGreaterThan(1e-3);
      expect((above.value - limit(cost)) * 3e7).toBeCloseTo(slope, 2);
    }
  });

  it('of any mass, to themselves, and under a given matrix', () => {
    const at = (p: DiscreteMarginal, q: DiscreteMarginal) => sinkhornDivergence(entropicProblem({ source: p, target: q, epsilon: 1e18 }));
    expect(at(scaled(source, 7), scaled(target, 7)).value).toBeCloseTo(7 * limit(squaredEuclidean()), 11);
    expect(Math.abs(at(source, source).value)).toBeLessThan(1e-14);
    const between = (p: DiscreteMarginal, q: DiscreteMarginal) =>
      costMatrix(toRows({ data: euclidean().between(p.points, q.points), count: p.points.count, dimension: q.points.count }));
    const [p, q] = [histogram(source.weights), histogram(target.weights)];
    const selfCosts = { source: between(source, source), target: between(target, target) };
    const made = sinkhornDivergence(entropicProblem({ source: p, target: q, cost: between(source, target), epsilon: 1e18 }), { selfCosts });
    expect(made.value).toBeCloseTo(limit(euclidean()), 12);
  });

  it('penalised sides: refused with the largest ε that works, and it does', () => {
    const marginals = { source: { kl: 1 }, target: { kl: 1 } };
    const at = (epsilon: number) => sinkhornDivergence(entropicProblem({ source, target, epsilon, marginals }));
    expect(() => at(1e16)).toThrow(DomainError);
    const most = Number(/take at most ([0-9.e+]+)/.exec(String(attempt(() => at(1e16))))?.[1]);
    expect(most).toBeGreaterThan(1e9);
    const size = Number(/above the costs, at most ([0-9.]+)/.exec(String(attempt(() => at(1e16))))?.[1]);
    expect(() => at(1.02 * most)).toThrow(DomainError);
    const [largest, smaller] = [at(0.98 * most), at(1e6)];
    expect(Math.abs(largest.value - smaller.value)).toBeLessThan(0.01 * size);
  });
});

function attempt(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    return error;
  }
}
