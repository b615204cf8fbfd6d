import { describe, expect, it } from 'vitest';
import { costFunction, costMatrix, euclidean } from '../../src/costs/index.ts';
import { type EntropicProblem, entropicProblem, type MarginalConstraint } from '../../src/couplings/index.ts';
import { type DiscreteCoupling, implicitGradient, sinkhorn } from '../../src/discrete/index.ts';
import { DomainError } from '../../src/errors.ts';
import { type DiscreteMarginal, discreteMarginal, histogram } from '../../src/marginals/index.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { randomCosts, randomMarginal } from './oracles.ts';

const [n, m] = [6, 5];
const h = 1e-5;
const tight = { tolerance: 1e-13, maxIterations: 5000 };
type Marginals = { source?: MarginalConstraint; target?: MarginalConstraint; mass?: number };

const random = randomSource(91);
const numbers = (count: number): number[] => Array.from({ length: count }, () => random.normal());
/** Sees the constant in the potentials too, which partial plans fix. */
const cotangent = { plan: Array.from({ length: n }, () => numbers(m)), f: numbers(n), g: numbers(m) };

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

const solved = (problem: EntropicProblem): DiscreteCoupling => {
  const made = sinkhorn(problem, tight);
  expect(made.error).toBeLessThan(1e-11);
  return made;
};
const scaled = ({ points, weights }: DiscreteMarginal, factor: number): DiscreteMarginal =>
  discreteMarginal({ points, weights: weights.map((w) => factor * w) });
const grown = ({ points, weights }: DiscreteMarginal, i: number, by: number): DiscreteMarginal =>
  discreteMarginal({ points, weights: weights.map((w, k) => (k === i ? w + by : w)) });
const moved = ({ points, weights }: DiscreteMarginal, at: number, by: number): DiscreteMarginal =>
  discreteMarginal({ points: { ...points, data: points.data.map((v, p) => (p === at ? v + by : v)) }, weights });
const slope = (at: (by: number) => number): number => (at(h) - at(-h)) / (2 * h);

const big = scaled(randomMarginal(n, 2, random), 1.3);
const small = scaled(randomMarginal(m, 2, random), 0.8);
const SIDES: [string, Marginals, DiscreteMarginal, DiscreteMarginal][] = [
  ['at most, mass 0.5', { source: 'at-most', target: 'at-most', mass: 0.5 }, big, small],
  ['at most, mass 0.75', { source: 'at-most', target: 'at-most', mass: 0.75 }, big, small],
  ['at most and exact', { source: 'at-most', target: 'exact' }, big, small],
  ['exact and at most', { source: 'exact', target: 'at-most' }, scaled(big, 0.5), small],
];

describe.each(SIDES)('derivatives through a partial plan, sides %s', (_, marginals, source, target) => {
  const tilted = costFunction((x, y) => (x[0]! - 1.2 * y[0]!) ** 2 + Math.cosh(x[1]! + y[1]!), {
    gradient(x, y) {
      const [r, s] = [2 * (x[0]! - 1.2 * y[0]!), Math.sinh(x[1]! + y[1]!)];
      return { x: [r, s], y: [-1.2 * r, s] };
    },
  });

  it('has full points and others', () => {
    const P = solved(entropicProblem({ source, target, epsilon: 0.5, marginals })).plan();
    const full = (values: number[], w: Float64Array): number => values.filter((v, i) => v > w[i]! - 1e-9).length;
    const sums = [P.sum('row'), P.sum('column')];
    const counts = [full(sums[0]!, source.weights), full(sums[1]!, target.weights)];
    expect(counts[0]! > 0 && counts[0]! + counts[1]! < n + m).toBe(true);
  });

  it.each([
    ['squared Euclidean', undefined],
    ['euclidean', euclidean()],
    ['a function', tilted],
  ] as const)('points: %s', (_name, cost) => {
    const on = { epsilon: 0.5, marginals, ...(cost === undefined ? {} : { cost }) };
    const of = (p: DiscreteMarginal, q: DiscreteMarginal): number => functional(solved(entropicProblem({ source: p, target: q, ...on })));
    const problem = entropicProblem({ source, target, ...on });
    const made = implicitGradient(problem, solved(problem), cotangent, { tolerance: 1e-13 });
    expect(made.status).toBe('converged');
    expect(made.warnings).toEqual([]);
    for (let p = 0; p < 2 * n; p++)
      expect(made.x.data[p]).toBeCloseTo(
        slope((by) => of(moved(source, p, by), target)),
        5,
      );
    for (let p = 0; p < 2 * m; p++)
      expect(made.y.data[p]).toBeCloseTo(
        slope((by) => of(source, moved(target, p, by))),
        5,
      );
  });

  it('weights, one at a time', () => {
    const of = (p: DiscreteMarginal, q: DiscreteMarginal): number =>
      functional(solved(entropicProblem({ source: p, target: q, epsilon: 0.5, marginals })));
    const problem = entropicProblem({ source, target, epsilon: 0.5, marginals });
    const { a, b } = implicitGradient(problem, solved(problem), cotangent, { tolerance: 1e-13 });
    for (let i = 0; i < n; i++)
      expect(a[i]).toBeCloseTo(
        slope((by) => of(grown(source, i, by), target)),
        5,
      );
    for (let j = 0; j < m; j++)
      expect(b[j]).toBeCloseTo(
        slope((by) => of(source, grown(target, j, by))),
        5,
      );
  });

  it('costs', () => {
    const C = randomCosts(n, m, 3);
    const on = { source: histogram(source.weights), target: histogram(target.weights), epsilon: 0.7, marginals };
    const at = (i: number, j: number, by: number): number =>
      functional(solved(entropicProblem({ ...on, cost: costMatrix(C.map((r, p) => r.map((c, q) => (p === i && q === j ? c + by : c)))) })));
    const problem = entropicProblem({ ...on, cost: costMatrix(C) });
    const { cost } = implicitGradient(problem, solved(problem), cotangent, { tolerance: 1e-13 });
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < m; j++)
        expect(cost.get(i, j)).toBeCloseTo(
          slope((by) => at(i, j, by)),
          5,
        );
    }
  });
});

describe('derivatives through a partial plan', () => {
  const problem = entropicProblem({
    source: big,
    target: small,
    epsilon: 0.3,
    marginals: { source: 'at-most', target: 'at-most', mass: 0.6 },
  });

  it('keeps the value where it is to first order, as the envelope theorem says', () => {
    // The derivative of ⟨P, C⟩ + ε KL in P is f ⊕ g, which is at rest along all that the bounds and the mass allow.
    const coupling = solved(problem);
    const { f, g } = coupling.potentials;
    const plan = Array.from(f, (u) => Array.from(g, (v) => u + v));
    const made = implicitGradient(problem, coupling, { plan }, { tolerance: 1e-13 });
    expect(Math.max(...made.x.data.map(Math.abs), ...made.y.data.map(Math.abs))).toBeLessThan(1e-9);
  });

  it('leaves points without weight alone', () => {
    const extra = discreteMarginal({ points: [...rowsOf(big), [0.3, 0.1]], weights: [...big.weights, 0] });
    const wide = entropicProblem({ source: extra, target: small, epsilon: 0.3, marginals: problem.marginals });
    const terms = { u: [...numbers(n), 5], v: numbers(m) };
    const made = implicitGradient(wide, solved(wide), { plan: [terms] });
    const plain = implicitGradient(problem, solved(problem), { plan: [{ u: terms.u.slice(0, n), v: terms.v }] });
    expect([made.x.data[2 * n], made.a[n], made.cost.get(n, 1)]).toEqual([0, 0, 0]);
    plain.x.data.forEach((v, p) => {
      expect(made.x.data[p]).toBeCloseTo(v, 8);
    });
  });

  it('is refused where a side gives all it has, and warns where a bound only just binds', () => {
    const at = (source: number[], target: number[], marginals: Marginals) =>
      entropicProblem({
        source: histogram(source),
        target: histogram(target),
        cost: costMatrix(randomCosts(2, 2, 4)),
        epsilon: 1,
        marginals,
      });
    const gradient = (on: EntropicProblem) =>
      implicitGradient(on, sinkhorn(on, { tolerance: 1e-12 }), { plan: [{ u: [1, 0], v: [1, 0] }] });
    const both = { source: 'at-most', target: 'at-most' } as const;
    expect(() => gradient(at([0.5, 0.5], [1, 1], { ...both, mass: 1 }))).toThrow(DomainError);
    expect(() => gradient(at([0.5, 0.5], [1, 1], { ...both, mass: 1 }))).toThrow(
      /^implicitGradient: .*source's mass.*make the source 'exact'/,
    );
    expect(() => gradient(at([1, 1], [0.5, 0.5], { ...both, mass: 1 }))).toThrow(/make the target 'exact'/);
    expect(() => gradient(at([0.5, 0.5], [0.4, 0.6], { source: 'exact', target: 'at-most' }))).toThrow(/make the target 'exact'/);
    // The same two problems with an exact side, which are smooth.
    expect(gradient(at([0.5, 0.5], [1, 1], { source: 'exact', target: 'at-most' })).status).toBe('converged');
    // By symmetry no bound presses, and the mass is such that one is just reached.
    const even = entropicProblem({
      source: histogram([1, 1]),
      target: histogram([0.5, 2]),
      cost: costMatrix([
        [0, 0],
        [0, 0],
      ]),
      epsilon: 1,
      marginals: { ...both, mass: 1.999999 },
    });
    expect(gradient(even).warnings.join()).toMatch(/only just/);
    const far = entropicProblem({
      source: histogram([0.5, 0.5]),
      target: histogram([1, 1]),
      cost: costMatrix([
        [0, 1],
        [1e4, 1e4],
      ]),
      epsilon: 1,
      marginals: { ...both, mass: 0.5 },
    });
    expect(() => gradient(far)).toThrow(/raise epsilon/);
  });
});

function rowsOf({ points: { data, count, dimension } }: DiscreteMarginal): number[][] {
  return Array.from({ length: count }, (_, i) => Array.from(data.subarray(i * dimension, (i + 1) * dimension)));
}
