import * as fc from 'fast-check';
import { Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { costFunction, costMatrix, halfSquaredEuclidean, squaredEuclidean } from '../../src/costs/index.ts';
import { type EntropicProblem, entropicProblem, transportProblem } from '../../src/couplings/index.ts';
import { exactTransport, sinkhorn, sinkhornAsync } from '../../src/discrete/index.ts';
import { ConvergenceError, DomainError, InfeasibleError, ShapeError } from '../../src/errors.ts';
import { type DiscreteMarginal, discreteMarginal, gaussianMarginal, histogram } from '../../src/marginals/index.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { randomCosts, randomMarginal } from './oracles.ts';

const half = histogram([0.5, 0.5]);
const flip = [
  [0, 1],
  [1, 0],
];
const sum = (v: ArrayLike<number>): number => Array.from(v).reduce((a, b) => a + b, 0);
const largestGap = (a: Matrix, b: Matrix): number => Math.max(...Matrix.sub(a, b).to1DArray().map(Math.abs));

type Random = EntropicProblem & { readonly source: DiscreteMarginal; readonly target: DiscreteMarginal };

function randomProblem(n: number, m: number, seed: number, epsilon = 0.3): Random {
  const random = randomSource(seed);
  const [source, target] = [randomMarginal(n, 2, random), randomMarginal(m, 2, random)];
  return { ...entropicProblem({ source, target, epsilon }), source, target };
}

describe('closed forms', () => {
  it.each([10, 1, 0.1, 0.01])('2 × 2 at ε = %f', (epsilon) => {
    const plan = sinkhorn(entropicProblem({ source: half, target: half, cost: costMatrix(flip), epsilon }));
    expect(plan.plan().get(0, 0)).toBeCloseTo(1 / (2 * (1 + Math.exp(-1 / epsilon))), 12);
    if (epsilon === 1) expect(plan.value.linear).toBeCloseTo(0.2689414213699951, 12);
  });

  it('1 × 1, one row, one column', () => {
    const one = histogram([1]);
    const many = histogram([0.2, 0.3, 0.5]);
    expect(sinkhorn(entropicProblem({ source: one, target: one, cost: costMatrix([[3]]), epsilon: 0.1 })).value.linear).toBeCloseTo(3, 12);
    const row = sinkhorn(entropicProblem({ source: one, target: many, cost: costMatrix([[1, 2, 3]]), epsilon: 0.1 }));
    expect(
      row
        .plan()
        .to1DArray()
        .map((p) => p.toFixed(10)),
    ).toEqual(['0.2000000000', '0.3000000000', '0.5000000000']);
    const column = sinkhorn(entropicProblem({ source: many, target: one, cost: costMatrix([[1], [2], [3]]), epsilon: 0.1 }));
    expect(column.value.linear).toBeCloseTo(0.2 + 0.6 + 1.5, 12);
  });

  it('ε → ∞ gives the product', () => {
    const { source, target } = randomProblem(4, 6, 1);
    const plan = sinkhorn(entropicProblem({ source, target, epsilon: 1e8 })).plan();
    source.weights.forEach((a, i) => {
      target.weights.forEach((b, j) => {
        expect(plan.get(i, j)).toBeCloseTo(a * b, 7);
      });
    });
  });

  it('coinciding clouds have no cost at small ε, and a diameter of 0 is no trouble', () => {
    const same = discreteMarginal({
      points: [
        [1, 1],
        [1, 1],
        [1, 1],
      ],
    });
    const plan = sinkhorn(entropicProblem({ source: same, target: same, epsilon: 0.1 }));
    expect(plan.status).toBe('converged');
    expect(plan.value.linear).toBe(0);
  });

  it('agrees with the Gaussian closed form on a grid', () => {
    const x = Array.from({ length: 361 }, (_, i) => -9 + i / 20);
    const density = (mean: number, variance: number): number[] => {
      const raw = x.map((t) => Math.exp(-((t - mean) ** 2) / (2 * variance)));
      return raw.map((w) => w / sum(raw));
    };
    const at = (mean: number, variance: number) => discreteMarginal({ points: x.map((t) => [t]), weights: density(mean, variance) });
    for (const epsilon of [0.3, 1, 4]) {
      const problem = entropicProblem({ source: at(-0.3, 0.8), target: at(0.4, 0.5), cost: halfSquaredEuclidean(), epsilon });
      const plan = sinkhorn(problem, { tolerance: 1e-12 });
      const sigma = Math.sqrt(0.8 * 0.5);
      const s = (2 * sigma) / (epsilon + Math.sqrt(epsilon ** 2 + 4 * sigma ** 2));
      expect(plan.moments().crossCovariance.get(0, 0)).toBeCloseTo(s * sigma, 9);
      const value = 0.5 * (0.49 + 1.3) - sigma * s - (epsilon / 2) * Math.log(1 - s * s);
      expect(plan.value.primal).toBeCloseTo(value, 9);
    }
  });
});

describe('against exact transport', () => {
  it('the cost lies between the exact one and ε min(H(a), H(b)) above, and does not fall when ε grows', () => {
    const { source, target } = randomProblem(12, 9, 4);
    const exact = exactTransport(transportProblem({ source, target })).value.linear;
    const entropy = (w: Float64Array): number => -w.reduce((s, p) => s + p * Math.log(p), 0);
    let last = exact;
    for (const epsilon of [0.02, 0.1, 0.5, 2, 10]) {
      const { linear } = sinkhorn(entropicProblem({ source, target, epsilon })).value;
      expect(linear).toBeGreaterThanOrEqual(last - 1e-9);
      expect(linear - exact).toBeLessThanOrEqual(epsilon * Math.min(entropy(source.weights), entropy(target.weights)));
      last = linear;
    }
  });
});

describe('certificates', () => {
  it('weak duality and honest errors, on random problems', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer(),
        fc.constantFrom(0.05, 0.3, 2),
        (n, m, seed, epsilon) => {
          const problem = randomProblem(n, m, seed, epsilon);
          for (const maxIterations of [0, 1, 3, 100_000]) {
            const answer = sinkhorn(problem, { maxIterations, method: 'log' });
            const { value, error, status } = answer;
            expect(value.gap).toBeGreaterThanOrEqual(-1e-12 * Math.max(1, Math.abs(value.primal)));
            const rows = answer.apply(new Float64Array(m).fill(1));
            const columns = answer.applyTranspose(new Float64Array(n).fill(1));
            const { source, target } = answer;
            const recomputed =
              sum(rows.map((r, i) => Math.abs(r - source.weights[i]!))) + sum(columns.map((c, j) => Math.abs(c - target.weights[j]!)));
            expect(recomputed).toBeCloseTo(error, 9);
            expect(status === 'converged').toBe(error <= 1e-9);
            expect(value.primal).toBeCloseTo(value.linear + epsilon * value.kl, 10);
          }
        },
      ),
      { numRuns: 40, seed: 2 },
    );
  });

  it('the dual does not fall under plain iteration', () => {
    const problem = randomProblem(8, 7, 3, 0.05);
    let last = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < 20; k++) {
      const { dual } = sinkhorn(problem, { maxIterations: k, method: 'log' }).value;
      expect(dual).toBeGreaterThanOrEqual(last - 1e-12);
      last = dual;
    }
  });

  it('the side updated last is exact to its rounding floor', () => {
    const answer = sinkhorn(randomProblem(20, 15, 8, 0.01), { tolerance: 1e-9 });
    expect(answer.marginalError().source).toBeLessThan(1e-12);
  });
});

describe('laws', () => {
  const problems = fc.record({ n: fc.integer({ min: 2, max: 7 }), m: fc.integer({ min: 2, max: 7 }), seed: fc.integer() });

  it('transpose, scaling, offset and shifts of the cost', () => {
    fc.assert(
      fc.property(problems, ({ n, m, seed }) => {
        const random = randomSource(seed);
        const a = randomMarginal(n, 1, random).weights;
        const b = randomMarginal(m, 1, random).weights;
        const costs = randomCosts(n, m, seed + 1);
        const solve = (c: number[][], epsilon: number, swap = false) =>
          sinkhorn(entropicProblem({ source: histogram(swap ? b : a), target: histogram(swap ? a : b), cost: costMatrix(c), epsilon }), {
            tolerance: 1e-11,
          });
        const base = solve(costs, 0.5);
        const turned = solve(
          costs[0]!.map((_, j) => costs.map((row) => row[j]!)),
          0.5,
          true,
        );
        expect(largestGap(turned.plan().transpose(), base.plan())).toBeLessThan(1e-9);
        const scaled = solve(
          costs.map((row) => row.map((c) => 3 * c + 2)),
          1.5,
        );
        expect(largestGap(scaled.plan(), base.plan())).toBeLessThan(1e-9);
        expect(scaled.value.linear).toBeCloseTo(3 * base.value.linear + 2, 8);
        const shifted = solve(
          costs.map((row, i) => row.map((c, j) => c + i - 2 * j)),
          0.5,
        );
        expect(largestGap(shifted.plan(), base.plan())).toBeLessThan(1e-9);
      }),
      { numRuns: 25, seed: 3 },
    );
  });

  it('permutation of the points', () => {
    fc.assert(
      fc.property(problems, ({ n, m, seed }) => {
        const problem = randomProblem(n, m, seed);
        const { source } = problem;
        const order = Array.from({ length: n }, (_, i) => n - 1 - i);
        const rows = order.map((i) => [...source.points.data.subarray(2 * i, 2 * i + 2)]);
        const permuted = discreteMarginal({ points: rows, weights: order.map((i) => source.weights[i]!) });
        const base = sinkhorn(problem).plan();
        const other = sinkhorn(entropicProblem({ source: permuted, target: problem.target, epsilon: problem.epsilon })).plan();
        order.forEach((i, k) => {
          for (let j = 0; j < m; j++) expect(other.get(k, j)).toBeCloseTo(base.get(i, j), 8);
        });
      }),
      { numRuns: 25, seed: 4 },
    );
  });

  it('zero weights are the problem without those points, without NaN anywhere', () => {
    const points = [
      [0, 0],
      [1, 0],
      [5, 5],
      [0, 2],
    ];
    const target = discreteMarginal({
      points: [
        [1, 1],
        [2, 2],
        [9, 9],
      ],
      weights: [0.5, 0.5, 0],
    });
    const full = sinkhorn(entropicProblem({ source: discreteMarginal({ points, weights: [0.5, 0.25, 0, 0.25] }), target, epsilon: 0.7 }));
    const kept = [0, 1, 3];
    const reduced = sinkhorn(
      entropicProblem({
        source: discreteMarginal({ points: kept.map((i) => points[i]!), weights: [0.5, 0.25, 0.25] }),
        target: discreteMarginal({
          points: [
            [1, 1],
            [2, 2],
          ],
        }),
        epsilon: 0.7,
      }),
    );
    kept.forEach((i, r) => {
      for (let j = 0; j < 2; j++) expect(full.plan().get(i, j)).toBeCloseTo(reduced.plan().get(r, j), 10);
    });
    expect(full.value.primal).toBeCloseTo(reduced.value.primal, 10);
    expect([...full.potentials.f, ...full.potentials.g].every(Number.isFinite)).toBe(true);
    // The potential of a point without weight is the soft-min it would have.
    const { f, g } = full.potentials;
    const soft = -0.7 * Math.log(0.5 * Math.exp((g[0]! - 32) / 0.7) + 0.5 * Math.exp((g[1]! - 18) / 0.7));
    expect(f[2]).toBeCloseTo(soft, 9);
  });
});

describe('unbalanced', () => {
  it('ρ → ∞ is balanced, ρ → 0 the kernel, a half-penalised problem keeps its exact side', () => {
    const { source, target } = randomProblem(5, 6, 9);
    const solve = (marginals: object) => sinkhorn(entropicProblem({ source, target, epsilon: 0.5, marginals }), { tolerance: 1e-11 });
    const balanced = solve({});
    const stiff = solve({ source: { kl: 1e7 }, target: { kl: 1e7 } });
    expect(largestGap(stiff.plan(), balanced.plan())).toBeLessThan(1e-6);
    const loose = solve({ source: { kl: 1e-9 }, target: { kl: 1e-9 } }).plan();
    const costs = squaredEuclidean().between(source.points, target.points);
    source.weights.forEach((a, i) => {
      target.weights.forEach((b, j) => {
        expect(loose.get(i, j)).toBeCloseTo(a * b * Math.exp(-costs[i * 6 + j]! / 0.5), 7);
      });
    });
    const semi = solve({ target: { kl: 1 } });
    const rows = semi.apply(new Float64Array(6).fill(1));
    rows.forEach((r, i) => expect(r).toBeCloseTo(source.weights[i]!, 9));
    expect(semi.value.gap).toBeGreaterThanOrEqual(-1e-12);
    expect(semi.value.gap).toBeLessThan(1e-8);
  });

  it('solves unequal masses', () => {
    const source = discreteMarginal({ points: [[0], [1]], weights: [2, 1] });
    const target = discreteMarginal({ points: [[0], [1]], weights: [0.5, 0.5] });
    const answer = sinkhorn(entropicProblem({ source, target, epsilon: 0.3, marginals: { source: { kl: 1 }, target: { kl: 2 } } }));
    expect(answer.status).toBe('converged');
    expect(answer.value.gap).toBeLessThan(1e-8);
    expect(answer.mass).toBeGreaterThan(1);
    expect(answer.mass).toBeLessThan(3);
  });
});

describe('gradients', () => {
  it('agree with central differences in points, weights and cost', () => {
    const random = randomSource(12);
    const [source, target] = [randomMarginal(4, 2, random), randomMarginal(5, 2, random)];
    const rows = (m: typeof source): number[][] =>
      Array.from({ length: m.points.count }, (_, i) => [...m.points.data.subarray(2 * i, 2 * i + 2)]);
    const value = (x: number[][], a: ArrayLike<number>): number =>
      sinkhorn(entropicProblem({ source: discreteMarginal({ points: x, weights: Array.from(a) }), target, epsilon: 0.4 }), {
        tolerance: 1e-12,
      }).value.dual;
    const gradients = sinkhorn(entropicProblem({ source, target, epsilon: 0.4 }), { tolerance: 1e-12 }).gradients();
    const h = 1e-5;
    const moved = (i: number, k: number, by: number): number[][] =>
      rows(source).map((p, r) => p.map((v, c) => (r === i && c === k ? v + by : v)));
    for (const [i, k] of [
      [0, 0],
      [2, 1],
    ] as const) {
      const difference = (value(moved(i, k, h), source.weights) - value(moved(i, k, -h), source.weights)) / (2 * h);
      expect(gradients.x.data[2 * i + k]).toBeCloseTo(difference, 6);
    }
    const traded = (by: number): number[] => Array.from(source.weights, (w, i) => (i === 0 ? w + by : i === 1 ? w - by : w));
    const slope = (value(rows(source), traded(h)) - value(rows(source), traded(-h))) / (2 * h);
    expect(gradients.a[0]! - gradients.a[1]!).toBeCloseTo(slope, 6);
    expect(largestGap(gradients.cost, sinkhorn(entropicProblem({ source, target, epsilon: 0.4 })).plan())).toBeLessThan(1e-8);
  });
});

describe('starting and stopping', () => {
  const problem = randomProblem(9, 8, 5, 0.1);

  it('a warm start at the solution stops at the first check', () => {
    const first = sinkhorn(problem);
    for (const initial of [first, { f: first.potentials.f }, { g: first.potentials.g }]) {
      expect(sinkhorn(problem, { initial, tolerance: 2e-9 }).iterations).toBe(0);
    }
  });

  it('the asynchronous form gives the same bits, and stops when told', async () => {
    expect((await sinkhornAsync(problem)).plan().to1DArray()).toEqual(sinkhorn(problem).plan().to1DArray());
    const aborted = await sinkhornAsync(problem, { signal: AbortSignal.abort(), tolerance: 1e-14 });
    expect(aborted.status).toBe('aborted');
    expect(aborted.potentials.f.every(Number.isFinite)).toBe(true);
    expect(sinkhorn(problem, { initial: aborted }).status).toBe('converged');
  });

  it('says honestly when it did not converge, and throws only when asked', () => {
    const answer = sinkhorn(problem, { maxIterations: 2, method: 'log' });
    expect(answer.status).toBe('max-iterations');
    expect(answer.warnings.join()).toMatch(/max-iterations/);
    expect(() => sinkhorn(problem, { maxIterations: 2, method: 'log', onFailure: 'throw' })).toThrow(ConvergenceError);
    expect(sinkhorn(problem, { maxIterations: 3, method: 'log' }).errors).toHaveLength(4);
  });

  it('outliers at ε = 1e-4 of the mean cost: converged or honest, never NaN', () => {
    const random = randomSource(3);
    const cloud = Array.from({ length: 20 }, () => [random.normal(), random.normal()]);
    const source = discreteMarginal({ points: [...cloud, [1000, 0]] });
    const target = discreteMarginal({ points: [...cloud.map(([x, y]) => [x! + 1, y!]), [0, -1000]] });
    const answer = sinkhorn(entropicProblem({ source, target, epsilon: { ofMeanCost: 1e-4 } }), { maxIterations: 3000 });
    expect(Number.isFinite(answer.error)).toBe(true);
    expect(answer.status === 'converged').toBe(answer.error <= 1e-9);
    expect(answer.plan().to1DArray().every(Number.isFinite)).toBe(true);
  });

  it('prints a summary, never the plan', () => {
    expect(JSON.stringify(sinkhorn(problem)).length).toBeLessThan(600);
  });
});

describe('forbidden pairs', () => {
  const inf = Number.POSITIVE_INFINITY;

  it('carry no mass', () => {
    const answer = sinkhorn(
      entropicProblem({
        source: half,
        target: half,
        cost: costMatrix([
          [0, inf],
          [1, 0],
        ]),
        epsilon: 1,
      }),
      { maxIterations: 3000 },
    );
    expect(answer.plan().get(0, 1)).toBe(0);
    expect(answer.status === 'converged').toBe(answer.error <= 1e-9);
    expect(Number.isNaN(answer.value.primal)).toBe(false);
  });

  it('an infeasible problem is a named error', () => {
    const source = histogram([0.5, 0.5]);
    const cost = costMatrix([
      [0, inf],
      [0, inf],
    ]);
    expect(() => sinkhorn(entropicProblem({ source, target: half, cost, epsilon: 1 }))).toThrow(InfeasibleError);
    const blocked = costMatrix([
      [0, inf, inf],
      [0, inf, inf],
      [0, 0, 0],
    ]);
    const third = histogram([1 / 3, 1 / 3, 1 / 3]);
    expect(() => sinkhorn(entropicProblem({ source: third, target: third, cost: blocked, epsilon: 1 }))).toThrow(/stranded/);
  });
});

describe('bad input is refused by name', () => {
  const points = [[0], [1]];
  const source = discreteMarginal({ points });
  it.each([
    ['epsilon 0', () => entropicProblem({ source, target: source, epsilon: 0 }), DomainError, /epsilon/],
    ['epsilon NaN', () => entropicProblem({ source, target: source, epsilon: Number.NaN }), DomainError, /epsilon/],
    [
      'mass mismatch',
      () => entropicProblem({ source, target: discreteMarginal({ points, weights: [1, 1] }), epsilon: 1 }),
      InfeasibleError,
      /mass/,
    ],
    ['dimensions', () => entropicProblem({ source, target: discreteMarginal({ points: [[0, 1]] }), epsilon: 1 }), ShapeError, /dimension/],
    ['histogram with a cost of points', () => entropicProblem({ source: half, target: half, epsilon: 1 }), ShapeError, /histogram/],
    [
      'cost matrix of another shape',
      () => sinkhorn(entropicProblem({ source, target: source, cost: costMatrix([[1]]), epsilon: 1 })),
      ShapeError,
      /costMatrix/,
    ],
    ['NaN cost', () => costMatrix([[Number.NaN]]), DomainError, /\(0, 0\)/],
    [
      'throwing cost',
      () =>
        sinkhorn(
          entropicProblem({
            source,
            target: source,
            epsilon: 1,
            cost: costFunction(() => {
              throw new Error('no');
            }),
          }),
        ),
      DomainError,
      /costFunction/,
    ],
    [
      'cost function with NaN',
      () => sinkhorn(entropicProblem({ source, target: source, epsilon: 1, cost: costFunction(() => Number.NaN) })),
      DomainError,
      /cost of pair x = \[.*\], y = \[.*\] is NaN/,
    ],
    ['negative weight', () => discreteMarginal({ points, weights: [1, -1] }), DomainError, /weight 1/],
    ['no points', () => discreteMarginal({ points: [] }), ShapeError, /at least one/],
    ['unknown option', () => sinkhorn(entropicProblem({ source, target: source, epsilon: 1 }), { tol: 1 } as never), DomainError, /'tol'/],
    [
      'unknown method',
      () => sinkhorn(entropicProblem({ source, target: source, epsilon: 1 }), { method: 'anneal' as never }),
      DomainError,
      /anneal/,
    ],
    [
      'partial transport',
      () => entropicProblem({ source, target: source, epsilon: 1, marginals: { source: 'at-most', target: { kl: 1 } } }),
      DomainError,
      /at-most/,
    ],
    [
      'continuous marginal',
      () => sinkhorn(entropicProblem({ source: gaussianMarginal({ mean: [0], covariance: 1 }), target: source, epsilon: 1 })),
      DomainError,
      /dataMarginal/,
    ],
    ['epsilon too small for doubles', () => sinkhorn(entropicProblem({ source, target: source, epsilon: 1e-12 })), DomainError, /smallest/],
    [
      'negative tolerance',
      () => sinkhorn(entropicProblem({ source, target: source, epsilon: 1 }), { tolerance: -1 }),
      DomainError,
      /tolerance/,
    ],
    [
      'off the support of a matrix',
      () => sinkhorn(entropicProblem({ source: half, target: half, cost: costMatrix(flip), epsilon: 1 })).conditionalMean([[7]]),
      DomainError,
      /support/,
    ],
    [
      'gradient of a matrix in the points',
      () => sinkhorn(entropicProblem({ source: half, target: half, cost: costMatrix(flip), epsilon: 1 })).gradients().x,
      DomainError,
      /gradients/,
    ],
  ] as const)('%s', (_, call, type, words) => {
    expect(call).toThrow(type);
    expect(call).toThrow(words);
  });

  it('a mismatch of rounding size is mended and reported', () => {
    const nearly = discreteMarginal({ points, weights: [0.5, 0.5 + 1e-9] });
    const answer = sinkhorn(entropicProblem({ source, target: nearly, epsilon: 1 }));
    expect(answer.status).toBe('converged');
    expect(answer.warnings.join()).toMatch(/rescaled/);
  });
});
