import { describe, expect, it } from 'vitest';
import { type Cost, circular, cosine, costFunction, costMatrix, euclidean, halfSquaredEuclidean, lp } from '../../src/costs/index.ts';
import { entropicProblem, transportProblem } from '../../src/couplings/index.ts';
import { type DiscreteCoupling, exactTransport, sinkhorn, sinkhornBatch, sinkhornDivergence } from '../../src/discrete/index.ts';
import { DomainError } from '../../src/errors.ts';
import { type DiscreteMarginal, discreteMarginal, gridMarginal, histogram } from '../../src/marginals/index.ts';
import type { Points } from '../../src/numerics/points.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { randomMarginal } from './oracles.ts';

const h = 1e-5;
const tight = { tolerance: 1e-12 };

/** Not symmetric, so that the two arguments cannot be mistaken for each other. */
const tilted = costFunction((x, y) => (x[0]! - 2 * y[0]!) ** 2 + Math.cosh(x.at(-1)! + y.at(-1)!), {
  gradient(x, y) {
    const [dx, dy] = [new Float64Array(x.length), new Float64Array(x.length)];
    dx[0]! += 2 * (x[0]! - 2 * y[0]!);
    dy[0]! += -4 * (x[0]! - 2 * y[0]!);
    dx[x.length - 1]! += Math.sinh(x.at(-1)! + y.at(-1)!);
    dy[x.length - 1]! += Math.sinh(x.at(-1)! + y.at(-1)!);
    return { x: dx, y: dy };
  },
});
const COSTS: [string, Cost][] = [
  ['euclidean', euclidean()],
  ['l1', lp(1)],
  ['l1.5', lp(1.5)],
  ['l3', lp(3)],
  ['cosine', cosine()],
  ['circular', circular({ circumference: 3 })],
  ['a function', tilted],
];

const moved = (m: DiscreteMarginal, at: number, by: number): DiscreteMarginal =>
  discreteMarginal({ points: { ...m.points, data: m.points.data.map((v, p) => (p === at ? v + by : v)) }, weights: m.weights });

/** Central differences of a value in every coordinate of one measure. */
function differences(m: DiscreteMarginal, value: (m: DiscreteMarginal) => number): number[] {
  return Array.from(m.points.data, (_, p) => (value(moved(m, p, h)) - value(moved(m, p, -h))) / (2 * h));
}

function expectClose(found: Points, wanted: ArrayLike<number>): void {
  Array.from(wanted).forEach((v, p) => {
    expect(found.data[p]).toBeCloseTo(v, 6);
  });
}

describe.each([
  ['exact sides', {}],
  ['penalised sides', { source: { kl: 0.8 }, target: { kl: 1.7 } }],
  ['one penalised side', { target: { kl: 0.5 } }],
] as const)('derivatives of the value in the points, %s', (_, marginals) => {
  it.each(COSTS.flatMap(([name, cost]) => [1, 2, 3].map((d) => [name, d, cost] as const)))('%s in %i-D', (name, d, cost) => {
    if (name === 'cosine' && d === 1) return;
    const random = randomSource(30 + d);
    const [source, target] = [randomMarginal(5, d, random), randomMarginal(4, d, random)];
    const solve = (p: DiscreteMarginal, q: DiscreteMarginal): DiscreteCoupling =>
      sinkhorn(entropicProblem({ source: p, target: q, cost, epsilon: 0.4, marginals }), tight);
    const made = solve(source, target);
    expect(made.status).toBe('converged');
    const { x, y } = made.gradients();
    expectClose(
      x,
      differences(source, (p) => solve(p, target).value.dual),
    );
    expectClose(
      y,
      differences(target, (q) => solve(source, q).value.dual),
    );
    const back = (made.reverse() as DiscreteCoupling).gradients();
    expect([back.x, back.y]).toEqual([y, x]);
    expect(back.cost.get(3, 4)).toBe(made.plan().get(4, 3));
    expect((made.reverse().reverse() as DiscreteCoupling).gradients().x).toEqual(x);
  });
});

describe('derivatives of the value in the points', () => {
  const random = randomSource(8);
  const [source, target] = [randomMarginal(6, 2, random), randomMarginal(7, 2, random)];

  it('the same row by row as by products', () => {
    const half = costFunction((x, y) => halfSquaredEuclidean().between(pointOf(x), pointOf(y))[0]!, {
      gradient: (x, y) => ({ x: x.map((v, k) => v - y[k]!), y: y.map((v, k) => v - x[k]!) }),
    });
    const on = { source, target, epsilon: 0.1 };
    const [rows, products] = [half, halfSquaredEuclidean()].map((cost) => sinkhorn(entropicProblem({ ...on, cost }), tight).gradients());
    expectClose(rows!.x, products!.x.data);
    expectClose(rows!.y, products!.y.data);
  });

  it('of partial plans', () => {
    const marginals = { source: 'at-most', target: 'at-most', mass: 0.6 } as const;
    const solve = (p: DiscreteMarginal, q: DiscreteMarginal): DiscreteCoupling =>
      sinkhorn(entropicProblem({ source: p, target: q, cost: euclidean(), epsilon: 0.3, marginals }), { tolerance: 1e-13 });
    const { x, y } = solve(source, target).gradients();
    expectClose(
      x,
      differences(source, (p) => solve(p, target).value.dual),
    );
    expectClose(
      y,
      differences(target, (q) => solve(source, q).value.dual),
    );
  });

  it.each([
    ['euclidean', euclidean(), 2],
    ['l1.5 on the line', lp(1.5), 1],
    ['circular', circular({ circumference: 5, p: 2 }), 1],
  ] as const)('of exact plans: %s', (_, cost, d) => {
    const [p, q] = [randomMarginal(6, d, randomSource(3)), randomMarginal(7, d, randomSource(4))];
    const value = (a: DiscreteMarginal, b: DiscreteMarginal): number =>
      exactTransport(transportProblem({ source: a, target: b, cost })).value.linear;
    const { x, y } = exactTransport(transportProblem({ source: p, target: q, cost })).gradients();
    expectClose(
      x,
      differences(p, (a) => value(a, q)),
    );
    expectClose(
      y,
      differences(q, (b) => value(p, b)),
    );
  });

  it('of grids, of batches, beside points without weight and forbidden pairs', () => {
    const grid = (weights: number[]): DiscreteMarginal => gridMarginal({ shape: [4, 5], weights });
    const numbers = (): number[] => Array.from({ length: 20 }, () => random.uniform());
    const share = (w: number[]): number[] => w.map((v) => v / w.reduce((s, u) => s + u, 0));
    const [left, right] = [grid(share(numbers())), grid(share(numbers()))];
    const flat = ({ points, weights }: DiscreteMarginal): DiscreteMarginal => discreteMarginal({ points, weights });
    const [p, q, cost] = [flat(left), flat(right), lp(1)];
    const cloud = sinkhorn(entropicProblem({ source: p, target: q, cost, epsilon: 0.5 }), tight).gradients();
    expectClose(sinkhorn(entropicProblem({ source: left, target: right, cost, epsilon: 0.5 }), tight).gradients().x, cloud.x.data);
    const batch = sinkhornBatch(
      [1, 0.5].map((epsilon) => entropicProblem({ source: p, target: q, cost, epsilon })),
      tight,
    );
    expectClose(batch[1]!.gradients().y, cloud.y.data);

    const asked: number[] = [];
    const guarded = costFunction((x, y) => (x[0]! > 5 && y[0]! < 5 ? Number.POSITIVE_INFINITY : Math.abs(x[0]! - y[0]!)), {
      gradient(x, y) {
        asked.push(x[0]!, y[0]!);
        return { x: [Math.sign(x[0]! - y[0]!)], y: [Math.sign(y[0]! - x[0]!)] };
      },
    });
    const line = (at: number[], weights: number[]): DiscreteMarginal => discreteMarginal({ points: at.map((v) => [v]), weights });
    const [source3, target2] = [line([0, 1, 9], [0.6, 0, 0.4]), line([3, 8], [0.5, 0.5])];
    const { x, y } = sinkhorn(entropicProblem({ source: source3, target: target2, cost: guarded, epsilon: 1 }), tight).gradients();
    // 9 may only go to 8, and a tenth of 0 has to go there too.
    expectClose(x, [-0.6, 0, 0.4]);
    expectClose(y, [0.5, 0.1 - 0.4]);
    expect(asked).toEqual([0, 3, 0, 8, 9, 8]);
  });

  it('are those of a subgradient where points coincide', () => {
    const { x } = sinkhorn(entropicProblem({ source, target: source, cost: euclidean(), epsilon: 0.01 }), tight).gradients();
    expect(x.data.every(Number.isFinite)).toBe(true);
  });

  it('of Sinkhorn divergences', () => {
    const problem = (p: DiscreteMarginal, q: DiscreteMarginal, cost: Cost) => entropicProblem({ source: p, target: q, cost, epsilon: 0.5 });
    for (const cost of [euclidean(), lp(1.5), cosine()]) {
      const value = (p: DiscreteMarginal, q: DiscreteMarginal): number =>
        sinkhornDivergence(problem(p, q, cost), { tolerance: 1e-13 }).value;
      const { x, y } = sinkhornDivergence(problem(source, target, cost), { tolerance: 1e-13 }).gradients();
      expectClose(
        x,
        differences(source, (p) => value(p, target)),
      );
      expectClose(
        y,
        differences(target, (q) => value(source, q)),
      );
    }
    const still = sinkhornDivergence(problem(source, source, euclidean()), tight).gradients();
    expect(Math.max(...still.x.data.map(Math.abs))).toBeLessThan(1e-10);
  });

  it('are refused where the cost has none, with the remedy', () => {
    const both = histogram([0.5, 0.5]);
    const matrix = costMatrix([
      [0, 1],
      [1, 0],
    ]);
    const answer = sinkhorn(entropicProblem({ source: both, target: both, cost: matrix, epsilon: 1 }));
    expect(() => answer.gradients().x).toThrow(DomainError);
    expect(() => answer.gradients().y).toThrow(
      /^sinkhorn\.gradients: no derivative of costMatrix in the points is known; use a cost of points/,
    );
    expect(answer.gradients().cost.get(0, 1)).toBeGreaterThan(0);
    const plain = sinkhorn(entropicProblem({ source, target, cost: costFunction(() => 1), epsilon: 1 }));
    expect(() => plain.gradients().x).toThrow(/pass costFunction\(f, \{ gradient \}\)/);
    const exact = exactTransport(transportProblem({ source: both, target: both, cost: matrix }));
    expect(() => exact.gradients().x).toThrow(/^exactTransport\.gradients/);
  });
});

function pointOf(x: Float64Array): Points {
  return { data: x, count: 1, dimension: x.length };
}
