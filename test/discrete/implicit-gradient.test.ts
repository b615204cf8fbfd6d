import { describe, expect, it } from 'vitest';
import { costMatrix } from '../../src/costs/index.ts';
import { type EntropicProblem, entropicProblem } from '../../src/couplings/index.ts';
import { type DiscreteCoupling, implicitGradient, implicitGradientAsync, sinkhorn } from '../../src/discrete/index.ts';
import { ConvergenceError, DomainError, ShapeError } from '../../src/errors.ts';
import { type DiscreteMarginal, discreteMarginal, histogram } from '../../src/marginals/index.ts';
import { toRows } from '../../src/numerics/points.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { randomCosts, randomMarginal } from './oracles.ts';

const n = 5;
const m = 4;
const h = 1e-5;
const tight = { tolerance: 1e-14, maxIterations: 2000 };
const SIDES = [
  ['exact', {}],
  ['penalised', { source: { kl: 0.8 }, target: { kl: 1.7 } }],
  ['semi-relaxed', { source: { kl: 0.8 } }],
] as const;

const cotangent = (() => {
  const random = randomSource(77);
  const numbers = (count: number): number[] => Array.from({ length: count }, () => random.normal());
  const [f, g] = [numbers(n), numbers(m)];
  // A function that does not see the constant in the potentials.
  const excess = (f.reduce((s, v) => s + v, 0) - g.reduce((s, v) => s + v, 0)) / n;
  return { plan: Array.from({ length: n }, () => numbers(m)), f: f.map((v) => v - excess), g };
})();

function functional({ potentials, plan }: DiscreteCoupling): number {
  const P = plan();
  let sum = 0;
  for (let i = 0; i < n; i++) for (let j = 0; j < m; j++) sum += P.get(i, j) * cotangent.plan[i]![j]!;
  cotangent.f.forEach((v, i) => {
    sum += v * potentials.f[i]!;
  });
  cotangent.g.forEach((v, j) => {
    sum += v * potentials.g[j]!;
  });
  return sum;
}

const value = (problem: EntropicProblem): number => functional(sinkhorn(problem, tight));
const shifted = (w: ArrayLike<number>, changes: Record<number, number>): number[] => Array.from(w, (v, i) => v + (changes[i] ?? 0));

describe.each(SIDES)('derivatives through the plan, sides %s', (name, marginals) => {
  const random = randomSource(5);
  const [source, target] = [randomMarginal(n, 2, random), randomMarginal(m, 2, random)];
  const of = (p: DiscreteMarginal, q: DiscreteMarginal): number =>
    value(entropicProblem({ source: p, target: q, epsilon: 0.7, marginals }));
  const problem = entropicProblem({ source, target, epsilon: 0.7, marginals });
  const made = implicitGradient(problem, sinkhorn(problem, tight), cotangent, { tolerance: 1e-13 });

  it('points', () => {
    const moved = (w: DiscreteMarginal, i: number, k: number, by: number): DiscreteMarginal =>
      discreteMarginal({
        points: toRows(w.points).map((r, p) => (p === i ? r.map((v, q) => (q === k ? v + by : v)) : r)),
        weights: w.weights,
      });
    for (const [i, k] of [
      [0, 0],
      [3, 1],
    ] as const) {
      expect(made.x.data[2 * i + k]).toBeCloseTo((of(moved(source, i, k, h), target) - of(moved(source, i, k, -h), target)) / (2 * h), 6);
      expect(made.y.data[2 * i + k]).toBeCloseTo((of(source, moved(target, i, k, h)) - of(source, moved(target, i, k, -h))) / (2 * h), 6);
    }
    expect(made.status).toBe('converged');
    expect(made.iterations).toBeLessThan(10);
  });

  it('weights', () => {
    const weighted = (w: DiscreteMarginal, changes: Record<number, number>): DiscreteMarginal =>
      discreteMarginal({ points: w.points, weights: shifted(w.weights, changes) });
    const slope = (p: Record<number, number>, q: Record<number, number>): number => {
      const scale = (changes: Record<number, number>, by: number) =>
        Object.fromEntries(Object.entries(changes).map(([i, v]) => [i, by * v]));
      const at = (by: number): number => of(weighted(source, scale(p, by)), weighted(target, scale(q, by)));
      return (at(h) - at(-h)) / (2 * h);
    };
    const { a, b } = made;
    expect(a[0]! - a[2]!).toBeCloseTo(slope({ 0: 1, 2: -1 }, {}), 6);
    expect(b[1]! - b[3]!).toBeCloseTo(slope({}, { 1: 1, 3: -1 }), 6);
    expect(a[1]! + b[2]!).toBeCloseTo(slope({ 1: 1 }, { 2: 1 }), 6);
    if (name === 'penalised') {
      expect(a[4]).toBeCloseTo(slope({ 4: 1 }, {}), 6);
      expect(b[0]).toBeCloseTo(slope({}, { 0: 1 }), 6);
    }
  });

  it('costs', () => {
    const C = randomCosts(n, m, 3);
    const on = { source: histogram(source.weights), target: histogram(target.weights), epsilon: 0.7, marginals };
    const at = (i: number, j: number, by: number): number =>
      value(entropicProblem({ ...on, cost: costMatrix(C.map((r, p) => r.map((c, q) => (p === i && q === j ? c + by : c)))) }));
    const fixed = entropicProblem({ ...on, cost: costMatrix(C) });
    const { cost } = implicitGradient(fixed, sinkhorn(fixed, tight), cotangent, { tolerance: 1e-13 });
    for (const [i, j] of [
      [0, 0],
      [2, 3],
      [4, 1],
    ] as const) {
      expect(cost.get(i, j)).toBeCloseTo((at(i, j, h) - at(i, j, -h)) / (2 * h), 6);
    }
  });
});

describe('derivatives through the plan', () => {
  const random = randomSource(15);
  const [source, target] = [randomMarginal(60, 2, random), randomMarginal(70, 2, random)];
  const problem = entropicProblem({ source, target, epsilon: 0.05 });
  const coupling = sinkhorn(problem, { tolerance: 1e-12 });
  const vector = (count: number): number[] => Array.from({ length: count }, () => random.normal());

  it('the same for outer products as for the matrix they add up to', () => {
    const terms = [0, 1].map(() => ({ u: vector(60), v: vector(70) }));
    const dense = Array.from({ length: 60 }, (_, i) =>
      Array.from({ length: 70 }, (__, j) => terms.reduce((s, { u, v }) => s + u[i]! * v[j]!, 0)),
    );
    const byTerms = implicitGradient(problem, coupling, { plan: terms });
    const byMatrix = implicitGradient(problem, coupling, { plan: dense });
    expect(byTerms.status).toBe('converged');
    byMatrix.x.data.forEach((x, k) => {
      expect(byTerms.x.data[k]).toBeCloseTo(x, 7);
    });
    expect(byTerms.cost.get(7, 9)).toBeCloseTo(byMatrix.cost.get(7, 9), 9);
  });

  it('of the value is what the envelope theorem says', () => {
    // OT = ⟨a, f⟩ + ⟨b, g⟩ at the optimum between exact sides.
    const made = implicitGradient(problem, coupling, { f: source.weights, g: target.weights });
    const envelope = coupling.gradients();
    made.x.data.forEach((x, k) => {
      expect(x).toBeCloseTo(envelope.x.data[k]!, 8);
    });
    expect(made.cost.get(3, 4)).toBeCloseTo(coupling.plan().get(3, 4), 10);
  });

  it('leaves points without weight alone', () => {
    const zero = discreteMarginal({
      points: source.points,
      weights: Array.from(source.weights, (w, i) => (i === 3 ? 0 : w / (1 - source.weights[3]!))),
    });
    const thin = entropicProblem({ source: zero, target, epsilon: 0.3 });
    const made = implicitGradient(thin, sinkhorn(thin, { tolerance: 1e-11 }), { plan: [{ u: vector(60), v: vector(70) }] });
    expect([made.x.data[6], made.a[3], made.cost.get(3, 0)]).toEqual([0, 0, 0]);
    expect(made.x.data.every(Number.isFinite)).toBe(true);
  });

  it('refuses what it cannot differentiate, and says how it ended', async () => {
    expect(() => implicitGradient(problem, coupling, {})).toThrow(DomainError);
    expect(() => implicitGradient(problem, coupling, { f: vector(60) })).toThrow(/constant in the potentials/);
    expect(() => implicitGradient(problem, coupling, { f: [1] })).toThrow(ShapeError);
    expect(() => implicitGradient(problem, {} as never, { f: vector(60) })).toThrow(ShapeError);
    expect(() => implicitGradient(problem, coupling, { q: 1 } as never)).toThrow(/'q'/);
    const terms = { plan: [{ u: vector(60), v: vector(70) }] };
    const short = implicitGradient(problem, coupling, terms, { maxIterations: 1 });
    expect(short.status).toBe('max-iterations');
    expect(short.warnings[0]).toMatch(/^implicitGradient: max-iterations/);
    expect(() => implicitGradient(problem, coupling, terms, { maxIterations: 1, onFailure: 'throw' })).toThrow(ConvergenceError);
    expect((await implicitGradientAsync(problem, coupling, terms, { signal: AbortSignal.abort() })).status).toBe('aborted');
    expect((await implicitGradientAsync(problem, coupling, terms)).a).toEqual(implicitGradient(problem, coupling, terms).a);
    expect(JSON.stringify(short).length).toBeLessThan(400);
  });
});
