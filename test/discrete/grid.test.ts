import { describe, expect, it } from 'vitest';
import type { Cost } from '../../src/costs/cost.ts';
import { costFunction } from '../../src/costs/cost-function.ts';
import { euclidean } from '../../src/costs/euclidean.ts';
import { lp } from '../../src/costs/lp.ts';
import { halfSquaredEuclidean, squaredEuclidean } from '../../src/costs/squared-euclidean.ts';
import { entropicProblem, type MarginalConstraint } from '../../src/couplings/entropic-problem.ts';
import type { DiscreteCoupling } from '../../src/discrete/discrete-coupling.ts';
import { type SinkhornOptions, sinkhorn } from '../../src/discrete/sinkhorn.ts';
import { type DiscreteMarginal, discreteMarginal } from '../../src/marginals/discrete-marginal.ts';
import { type GridMarginal, gridMarginal } from '../../src/marginals/grid-marginal.ts';
import { randomSource } from '../../src/numerics/random.ts';

/** Separable kernels work in double precision from the start, stored ones begin in single. */
const separable = ({ stats }: DiscreteCoupling): boolean => stats.levels!.every(({ precision }) => precision === 'f64');

/** A bumpy image of mass 1 with holes of weight zero. */
function image(shape: readonly number[], seed: number, spacing: number | readonly number[] = 1 / shape[0]!): GridMarginal {
  const random = randomSource(seed);
  const count = shape.reduce((product, length) => product * length, 1);
  const raw = Array.from({ length: count }, () => (random.uniform() < 0.2 ? 0 : random.uniform() ** 3));
  const total = raw.reduce((sum, w) => sum + w, 0);
  return gridMarginal({ shape, weights: raw.map((w) => w / total), spacing, origin: shape.map((_, k) => 0.1 * k) });
}

/** Mass heaped up at one end of the first axis, so that it has far to go. */
function heap(shape: readonly [number, number], rate: number): GridMarginal {
  const weights = Array.from(
    { length: shape[0] * shape[1] },
    (_, i) => Math.exp((rate * Math.floor(i / shape[1])) / shape[0]) * (1 + (i % 3)),
  );
  const total = weights.reduce((sum, w) => sum + w, 0);
  return gridMarginal({ shape, weights: weights.map((w) => w / total), spacing: 1 / shape[0] });
}

/** The same measure as a cloud, which knows nothing of grids. */
const cloud = ({ points, weights }: GridMarginal): DiscreteMarginal => discreteMarginal({ points, weights });

interface Case {
  readonly cost?: Cost;
  readonly epsilon: number | { readonly ofMeanCost: number };
  readonly marginals?: { readonly source?: MarginalConstraint; readonly target?: MarginalConstraint };
}

function both(
  source: GridMarginal,
  target: GridMarginal,
  options: Case,
  more: SinkhornOptions = {},
): readonly [DiscreteCoupling, DiscreteCoupling] {
  const how = { tolerance: 1e-13, ...more };
  return [
    sinkhorn(entropicProblem({ source, target, ...options }), how),
    sinkhorn(entropicProblem({ source: cloud(source), target: cloud(target), ...options }), how),
  ];
}

const largestDifference = (x: ArrayLike<number>, y: ArrayLike<number>): number =>
  Array.from(x, (value, i) => Math.abs(value - y[i]!)).reduce((a, b) => Math.max(a, b), 0);

function expectEqual(grid: DiscreteCoupling, points: DiscreteCoupling): void {
  expect(separable(grid)).toBe(true);
  expect(separable(points)).toBe(false);
  expect(grid.status).toBe(points.status);
  expect(grid.error).toBeLessThan(2e-12);
  const scale = points.value.linear;
  // Potentials are unique up to a constant when both sides are exact.
  const shift = grid.potentials.f[0]! - points.potentials.f[0]!;
  expect(
    largestDifference(
      grid.potentials.f.map((f) => f - shift),
      points.potentials.f,
    ),
  ).toBeLessThan(1e-10 * scale);
  expect(
    largestDifference(
      grid.potentials.g.map((g) => g + shift),
      points.potentials.g,
    ),
  ).toBeLessThan(1e-10 * scale);
  for (const name of ['linear', 'kl', 'entropy', 'primal', 'dual'] as const) {
    expect(Math.abs(grid.value[name] - points.value[name]), name).toBeLessThan(1e-10 * Math.max(1, Math.abs(points.value[name])));
  }
  expect(grid.value.gap).toBeGreaterThan(-1e-12);
  const random = randomSource(5);
  const v = Float64Array.from({ length: grid.target.weights.length }, () => random.normal());
  const u = Float64Array.from({ length: grid.source.weights.length }, () => random.normal());
  expect(largestDifference(grid.apply(v), points.apply(v))).toBeLessThan(1e-12);
  expect(largestDifference(grid.applyTranspose(u), points.applyTranspose(u))).toBeLessThan(1e-12);
  expect(largestDifference(grid.plan().getRow(7), points.plan().getRow(7))).toBeLessThan(1e-12);
  expect(largestDifference(grid.conditionalMean(grid.source.points).data, points.conditionalMean(grid.source.points).data)).toBeLessThan(
    1e-10,
  );
}

describe('a problem between grids', () => {
  it.each([
    ['2-D, squared', [24, 22], [21, 25], {}],
    ['2-D, half squared', [26, 26], [26, 26], { cost: halfSquaredEuclidean() }],
    ['2-D, lp(1.5)', [24, 28], [26, 22], { cost: lp(1.5) }],
    ['2-D, lp(1)', [24, 28], [26, 22], { cost: lp(1) }],
    ['3-D', [8, 7, 9], [9, 8, 7], {}],
    ['4-D', [5, 4, 5, 4], [4, 5, 4, 5], {}],
  ] as const)('is solved as between clouds: %s', (_, left, right, options) => {
    const [source, target] = [image(left, 1), image(right, 2)];
    for (const ofMeanCost of [1, 0.05]) {
      const [grid, points] = both(source, target, { epsilon: { ofMeanCost }, ...options });
      expectEqual(grid, points);
    }
  });

  it('is solved at any ε: plain products first, then line by line in the log domain', () => {
    const [source, target] = [heap([40, 16], -12), heap([36, 18], 15)];
    const [grid, points] = both(source, target, { epsilon: { ofMeanCost: 5e-4 } }, { tolerance: 1e-11 });
    expect(separable(grid)).toBe(true);
    expect(grid.stats.exponentialPasses).toBeGreaterThan(grid.stats.matrixPasses);
    expect(grid.status).toBe('converged');
    expect(points.status).toBe('converged');
    expect(Math.abs(grid.value.linear - points.value.linear)).toBeLessThan(1e-10 * points.value.linear);
    expect(largestDifference(grid.plan().getRow(100), points.plan().getRow(100))).toBeLessThan(1e-10);
    const v = Float64Array.from({ length: target.weights.length }, (_, j) => Math.sin(j));
    expect(largestDifference(grid.apply(v), points.apply(v))).toBeLessThan(1e-11);
    expect(largestDifference(grid.conditionalMean(source.points).data, points.conditionalMean(source.points).data)).toBeLessThan(1e-7);
  });

  it.each([
    ['both sides', { source: { kl: 0.3 }, target: { kl: 0.7 } }],
    ['one side', { target: { kl: 0.2 } }],
  ])('is solved with penalties on %s', (_, marginals) => {
    const [source, target] = [image([24, 22], 1), image([21, 25], 2)];
    const [grid, points] = both(source, target, { epsilon: { ofMeanCost: 0.1 }, marginals });
    expectEqual(grid, points);
  });

  it('takes every method to the same plan', () => {
    const [source, target] = [image([24, 22], 1), image([22, 24], 2)];
    const problem = entropicProblem({ source, target, epsilon: { ofMeanCost: 0.2 } });
    const reference = sinkhorn(problem, { tolerance: 1e-12 });
    expect(separable(reference)).toBe(true);
    for (const method of ['lbfgs', 'newton', 'sinkhorn', 'log', 'over-relaxed'] as const) {
      const answer = sinkhorn(problem, { tolerance: 1e-12, method });
      expect(answer.status, method).toBe('converged');
      expect(Math.abs(answer.value.linear - reference.value.linear), method).toBeLessThan(1e-10);
    }
  });

  it('starts from an earlier answer, from f or from g', () => {
    const [source, target] = [image([24, 22], 1), image([22, 24], 2)];
    const problem = entropicProblem({ source, target, epsilon: { ofMeanCost: 0.1 } });
    const answer = sinkhorn(problem, { tolerance: 1e-11 });
    const { f, g } = answer.potentials;
    for (const initial of [answer, { f }, { g }]) expect(sinkhorn(problem, { tolerance: 1e-10, initial }).iterations).toBe(0);
  });

  it('bounds the value from both sides, with plain TypeScript as with WebAssembly', () => {
    const [source, target] = [image([26, 26], 5), image([26, 26], 6)];
    const problem = entropicProblem({ source, target, epsilon: { ofMeanCost: 0.02 } });
    const exact = sinkhorn(problem, { tolerance: 1e-13 }).value.dual;
    for (const engine of ['wasm', 'typescript'] as const) {
      for (const tolerance of [1e-2, 1e-4, 1e-6]) {
        const { value, status } = sinkhorn(problem, { tolerance, engine });
        expect(status).toBe('converged');
        expect(value.gap).toBeGreaterThan(0);
        expect(value.dual).toBeLessThan(exact + 1e-14);
        expect(value.primal).toBeGreaterThan(exact - 1e-14);
        // The bound of the entropy adds ε·m·log(e/m) at most for mass m that was moved.
        expect(value.gap).toBeLessThan(5 * tolerance * Math.log(Math.E / tolerance) * problem.epsilon + 2 * tolerance * 2);
      }
    }
  });

  it('has moments, gradients, a cost and a reverse', () => {
    const [source, target] = [image([24, 22], 1), image([21, 25], 2)];
    const [grid, points] = both(source, target, { epsilon: { ofMeanCost: 0.1 } });
    expect(Math.abs(grid.transportCost() - points.transportCost())).toBeLessThan(1e-12);
    expect(Math.abs(grid.transportCost(euclidean()) - points.transportCost(euclidean()))).toBeLessThan(1e-12);
    expect(largestDifference(grid.gradients().x.data, points.gradients().x.data)).toBeLessThan(1e-12);
    expect(largestDifference(grid.gradients().y.data, points.gradients().y.data)).toBeLessThan(1e-12);
    const back = grid.reverse() as DiscreteCoupling;
    expect(largestDifference(back.conditionalMean(target.points).data, points.reverse().conditionalMean(target.points).data)).toBeLessThan(
      1e-11,
    );
    expect(largestDifference(back.apply(source.weights), points.applyTranspose(source.weights))).toBeLessThan(1e-14);
    // Away from the nodes the map is the cloud's.
    const away = [[0.33, 0.21]];
    expect(largestDifference(grid.conditionalMean(away).data, points.conditionalMean(away).data)).toBeLessThan(1e-11);
  });

  it('lies between clouds where the cost has no axes, or where all pairs are few', () => {
    const [source, target] = [image([24, 22], 1), image([21, 25], 2)];
    for (const cost of [euclidean(), costFunction((x, y) => Math.abs(x[0]! - y[0]!) + Math.abs(x[1]! - y[1]!))]) {
      const [grid, points] = both(source, target, { epsilon: { ofMeanCost: 0.2 }, cost });
      expect(separable(grid)).toBe(false);
      expect(grid.value.linear).toBe(points.value.linear);
    }
    const [line, other] = [image([200], 1), image([180], 2)];
    const [grid, points] = both(line, other, { epsilon: { ofMeanCost: 0.2 }, cost: squaredEuclidean() });
    // Their ε, from sums along the axis and from moments, differ by rounding.
    expect(grid.value.linear).toBeCloseTo(points.value.linear, 13);
    expect(grid.stats.levels?.at(-1)?.method).toBe(points.stats.levels?.at(-1)?.method);
  });

  it('never forms pairs: 96 × 96 nodes in a few megabytes', () => {
    const [source, target] = [image([96, 96], 1), image([96, 96], 2)];
    const answer = sinkhorn(entropicProblem({ source, target, epsilon: { ofMeanCost: 0.05 }, cost: lp(1.5) }), {
      tolerance: 1e-6,
      memory: 3e6,
    });
    expect(answer.status).toBe('converged');
    expect(answer.value.gap).toBeLessThan(1e-5);
    expect(answer.conditionalMean(source.points).count).toBe(96 * 96);
    const problem = entropicProblem({ source, target, epsilon: { ofMeanCost: 0.05 } });
    expect(() => sinkhorn(problem, { memory: 1e5 })).toThrow(
      /sinkhorn: grids of 96 × 96 and 96 × 96 nodes need .* GB, above the limit .* raise memory/,
    );
  });
});

describe('mean costs on grids', () => {
  it.each([squaredEuclidean(), halfSquaredEuclidean(), lp(1.5)])('are those of all pairs: $name', (cost) => {
    const [source, target] = [image([6, 5], 1), image([4, 7], 2)];
    const costs = cost.between(source.points, target.points);
    let mean = 0;
    source.weights.forEach((a, i) => {
      target.weights.forEach((b, j) => {
        mean += a * b * costs[i * target.weights.length + j]!;
      });
    });
    expect(entropicProblem({ source, target, cost, epsilon: { ofMeanCost: 1 } }).epsilon).toBeCloseTo(mean, 13);
  });
});
