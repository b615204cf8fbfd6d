import { describe, expect, it } from 'vitest';
import type { Cost } from '../../src/costs/cost.ts';
import { costFunction } from '../../src/costs/cost-function.ts';
import { lp } from '../../src/costs/lp.ts';
import { halfSquaredEuclidean, squaredEuclidean } from '../../src/costs/squared-euclidean.ts';
import { entropicProblem, type MarginalConstraint } from '../../src/couplings/entropic-problem.ts';
import type { DiscreteCoupling } from '../../src/discrete/discrete-coupling.ts';
import { type SinkhornOptions, sinkhorn } from '../../src/discrete/sinkhorn.ts';
import { type DiscreteMarginal, discreteMarginal } from '../../src/marginals/discrete-marginal.ts';
import { type GridMarginal, gridMarginal } from '../../src/marginals/grid-marginal.ts';
import { randomSource } from '../../src/numerics/random.ts';

/** A bumpy image of mass 1 with holes of weight zero. */
function image(shape: readonly number[], seed: number, spacing: number | readonly number[] = 1 / shape[0]!): GridMarginal {
  const random = randomSource(seed);
  const count = shape.reduce((product, length) => product * length, 1);
  const raw = Array.from({ length: count }, () => (random.uniform() < 0.2 ? 0 : random.uniform() ** 3));
  const total = raw.reduce((sum, w) => sum + w, 0);
  return gridMarginal({ shape, weights: raw.map((w) => w / total), spacing, origin: shape.map((_, k) => 0.1 * k) });
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
    ['2-D, squared', [20, 18], [17, 21], {}],
    ['2-D, half squared', [22, 22], [22, 22], { cost: halfSquaredEuclidean() }],
    ['2-D, lp(1.5)', [16, 20], [20, 18], { cost: lp(1.5) }],
    ['2-D, lp(1)', [16, 20], [20, 18], { cost: lp(1) }],
    ['3-D', [8, 7, 9], [9, 8, 7], {}],
    ['4-D', [5, 4, 5, 4], [4, 5, 4, 5], {}],
  ] as const)('is solved as between clouds: %s', (_, left, right, options) => {
    const [source, target] = [image(left, 1), image(right, 2)];
    for (const ofMeanCost of [1, 0.05]) {
      const [grid, points] = both(source, target, { epsilon: { ofMeanCost }, ...options });
      expect(grid.stats.matrixPasses).toBeGreaterThan(0);
      expectEqual(grid, points);
    }
  });
});
