import { describe, expect, it } from 'vitest';
import { costMatrix } from '../../src/costs/index.ts';
import { entropicProblem } from '../../src/couplings/index.ts';
import { type DiscreteCoupling, sinkhorn } from '../../src/discrete/index.ts';
import { type DiscreteMarginal, discreteMarginal, histogram } from '../../src/marginals/index.ts';
import { iterate } from '../../src/numerics/iterate.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { isPlain, numbersOf, roundingBound, sideErrorsOf, squaredDistances, sum, WAYS } from './every-way.ts';
import { randomMarginal } from './oracles.ts';

function clouds(
  n: number,
  m: number,
  seed: number,
): { source: DiscreteMarginal; target: DiscreteMarginal; costs: number[][]; mean: number } {
  const random = randomSource(seed);
  const [source, target] = [randomMarginal(n, 2, random), randomMarginal(m, 2, random)];
  const costs = squaredDistances(source.points, target.points);
  return { source, target, costs, mean: sum(costs.flat()) / (n * m) };
}

/** The answer says of itself what the test finds. */
function expectHonest(answer: DiscreteCoupling, epsilon: number, costs: number[][], tolerance: number): void {
  const found = sideErrorsOf(answer, epsilon, costs);
  const rounding = 1e-12 + 4 * roundingBound(answer, epsilon, costs);
  expect(Math.abs(found.source + found.target - answer.error)).toBeLessThan(rounding + 1e-8 * answer.error);
  expect(answer.status === 'converged').toBe(answer.error <= tolerance);
  if (answer.status !== 'converged') expect(answer.warnings.join()).toContain(answer.status);
}

describe.each(WAYS)('$method on $engine', (way) => {
  it('case 8: marginals within tolerance, the side updated last exact to its rounding floor', () => {
    const { source, target, costs, mean } = clouds(25, 21, 8);
    for (const share of isPlain(way) ? [0.1, 0.02] : [0.1, 0.01, 0.001]) {
      const epsilon = share * mean;
      for (const maxIterations of [7, 50_000]) {
        const answer = sinkhorn(entropicProblem({ source, target, epsilon }), { ...way, maxIterations });
        expectHonest(answer, epsilon, costs, 1e-9);
        if (maxIterations > 7) expect(answer.status).toBe('converged');
        expect(answer.marginalError().source).toBeLessThanOrEqual(roundingBound(answer, epsilon, costs));
        expect(sideErrorsOf(answer, epsilon, costs).source).toBeLessThanOrEqual(roundingBound(answer, epsilon, costs));
      }
    }
  });

  it('case 8: stagnated takes no progress and an error below the rounding bound', () => {
    for (const seed of [9, 13, 15, 21, 26, 30]) {
      const { source, target, costs, mean } = clouds(15, 18, seed);
      const epsilon = 0.3 * mean;
      const answer = sinkhorn(entropicProblem({ source, target, epsilon }), { ...way, tolerance: 0 });
      expect(answer.status).toBe('stagnated');
      expect(answer.error).toBeGreaterThan(0);
      expect(answer.error).toBeLessThanOrEqual(roundingBound(answer, epsilon, costs));
    }
  });

  it('case 9: weak duality at every iteration, the dual monotone under plain Sinkhorn', () => {
    const { source, target, mean } = clouds(14, 11, 19);
    const problem = entropicProblem({ source, target, epsilon: 0.05 * mean });
    let last = Number.NEGATIVE_INFINITY;
    let highest = Number.POSITIVE_INFINITY;
    for (let maxIterations = 0; maxIterations <= 14; maxIterations++) {
      const { value } = sinkhorn(problem, { ...way, maxIterations });
      expect(value.gap).toBeGreaterThanOrEqual(-1e-12);
      if (way.method === 'sinkhorn' || way.method === 'log') expect(value.dual).toBeGreaterThanOrEqual(last - 1e-12);
      last = value.dual;
      highest = Math.min(highest, value.primal);
      // Every lower bound lies below every upper bound.
      expect(value.dual).toBeLessThanOrEqual(highest + 1e-12);
    }
  });

  it('case 15: forbidden pairs carry nothing, and the limit is that of large costs', () => {
    const { source, target, costs } = clouds(12, 12, 15);
    const allowed = (i: number, j: number): boolean => Math.abs(i - j) <= 4 || i === 11;
    const matrix = (large: number) => costMatrix(costs.map((row, i) => row.map((c, j) => (allowed(i, j) ? c : large))));
    const solve = (large: number) =>
      sinkhorn(entropicProblem({ source, target, cost: matrix(large), epsilon: 0.5 }), { ...way, tolerance: 1e-11, maxIterations: 20_000 });
    const [strict, large] = [solve(Number.POSITIVE_INFINITY), solve(60)];
    expect(strict.status).toBe('converged');
    const [P, Q] = [strict.plan(), large.plan()];
    for (let i = 0; i < 12; i++) {
      for (let j = 0; j < 12; j++) {
        if (!allowed(i, j)) expect(P.get(i, j)).toBe(0);
        expect(P.get(i, j)).toBeCloseTo(Q.get(i, j), 9);
      }
    }
    // Rounding may have to put mass on a forbidden pair: then there is no upper bound. The lower one stands.
    expect(strict.value.primal === Number.POSITIVE_INFINITY || Math.abs(strict.value.primal - large.value.primal) < 1e-8).toBe(true);
    expect(strict.value.dual).toBeCloseTo(large.value.dual, 8);
    expect(Number.isFinite(strict.value.linear)).toBe(true);
  });

  it('case 15: feasible without total support: potentials diverge, the status is honest', () => {
    const inf = Number.POSITIVE_INFINITY;
    const half = histogram([0.5, 0.5]);
    const cost = costMatrix([
      [0, 0],
      [inf, 0],
    ]);
    const answer = sinkhorn(entropicProblem({ source: half, target: half, cost, epsilon: 1 }), { ...way, maxIterations: 3000 });
    const costs = [
      [0, 0],
      [inf, 0],
    ];
    expectHonest(answer, 1, costs, 1e-9);
    if (isPlain(way)) expect(answer.status).toBe('max-iterations');
    const P = answer.plan();
    expect(P.get(1, 0)).toBe(0);
    // The only feasible plan is the diagonal, with value log 2.
    expect(P.get(0, 0)).toBeCloseTo(0.5, 3);
    expect(answer.value.dual).toBeLessThanOrEqual(Math.log(2) + 1e-12);
    expect(answer.value.primal).toBeGreaterThanOrEqual(Math.log(2) - 1e-12);
  });

  it('case 16: outliers at ε = 1e-4 of the mean cost: converged, or the true residual', () => {
    const random = randomSource(3);
    const cloud = Array.from({ length: 18 }, () => [random.normal(), random.normal()]);
    const source = discreteMarginal({ points: [...cloud, [300, 0]] });
    const target = discreteMarginal({ points: [...cloud.map(([x, y]) => [x! + 1, 0.7 * y!]), [0, -300]] });
    const problem = entropicProblem({ source, target, epsilon: { ofMeanCost: 1e-4 } });
    for (const maxIterations of [0, 5, 2000]) {
      const answer = sinkhorn(problem, { ...way, maxIterations });
      expectHonest(answer, problem.epsilon, squaredDistances(source.points, target.points), 1e-9);
      expect(numbersOf(answer).every(Number.isFinite)).toBe(true);
    }
  });

  it('case 18: a warm start at the solution stops at the first check', () => {
    // The second is large enough for single precision, in which a start cannot be judged.
    for (const [n, m] of [
      [20, 17],
      [80, 90],
    ] as const) {
      const { source, target, mean } = clouds(n, m, 18);
      const problem = entropicProblem({ source, target, epsilon: 0.1 * mean });
      const first = sinkhorn(problem, { ...way, tolerance: 1e-10 });
      for (const initial of [first, { f: first.potentials.f }, { g: first.potentials.g }]) {
        expect(sinkhorn(problem, { ...way, initial })).toMatchObject({ status: 'converged', iterations: 0 });
      }
    }
  });
});

describe('case 17: a forced divergence is reported', () => {
  it('a driver step that returns NaN', () => {
    const run = iterate({ path: 'test', initial: () => 1, step: () => Number.NaN, error: (x) => x }, { tolerance: 1e-9 });
    expect(run).toMatchObject({ status: 'diverged', iterations: 1 });
  });

  it.each([2.01, 2.1, 2.5, 4])('over-relaxation with ω = %f', (relaxation) => {
    for (const [n, share] of [
      [6, 1],
      [20, 0.1],
      [20, 0.01],
      [80, 0.1],
    ] as const) {
      const { source, target, costs, mean } = clouds(n, n + 1, 17);
      const problem = entropicProblem({ source, target, epsilon: share * mean });
      const answer = sinkhorn(problem, { method: 'over-relaxed', relaxation, maxIterations: 20_000 });
      expect(answer.status).toBe('diverged');
      expect(answer.iterations).toBeLessThan(5000);
      expect(answer.warnings.join()).toContain('diverged');
      expect([...answer.potentials.f, ...answer.potentials.g].every(Number.isFinite)).toBe(true);
      expect(answer.error).toBeGreaterThan(1e-9);
      if (Number.isFinite(answer.error)) expectHonest(answer, share * mean, costs, 1e-9);
    }
  });

  it('below 2 it converges', () => {
    const { source, target, mean } = clouds(20, 21, 17);
    for (const relaxation of [1, 1.5, 1.8]) {
      expect(sinkhorn(entropicProblem({ source, target, epsilon: 0.1 * mean }), { method: 'over-relaxed', relaxation }).status).toBe(
        'converged',
      );
    }
  });
});
