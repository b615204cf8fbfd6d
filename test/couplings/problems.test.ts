import * as fc from 'fast-check';
import { Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { costFunction, costMatrix, euclidean, halfSquaredEuclidean, squaredEuclidean } from '../../src/costs/index.ts';
import { bridgeProblem, entropicProblem, staticProblem, transportProblem } from '../../src/couplings/index.ts';
import { DomainError, InfeasibleError, ShapeError } from '../../src/errors.ts';
import {
  type DiscreteMarginal,
  discreteMarginal,
  gaussianMarginal,
  histogram,
  mixtureMarginal,
  shapes,
} from '../../src/marginals/index.ts';
import { type PointsLike, toPoints } from '../../src/numerics/points.ts';
import { brownian, linearReference, ornsteinUhlenbeck } from '../../src/references/index.ts';

const source = discreteMarginal({ points: [[0], [2]], weights: [0.25, 0.75] });
const target = discreteMarginal({ points: [[1], [5]], weights: [0.5, 0.5] });
const gaussian = (mean: number[], covariance: number[][]) => gaussianMarginal({ mean, covariance });

describe('epsilon', () => {
  it('relative to the mean of a cost of points asks for one row at a time, and none without weight', () => {
    const asked: number[] = [];
    const given = euclidean();
    const between: typeof given.between = (x, y) => {
      asked.push(x.count);
      return given.between(x, y);
    };
    const three = discreteMarginal({ points: [[0], [7], [2]], weights: [0.25, 0, 0.75] });
    const problem = entropicProblem({ source: three, target, cost: { ...given, between }, epsilon: { ofMeanCost: 1 } });
    expect(problem.epsilon).toBeCloseTo(0.125 * (1 + 5) + 0.375 * (1 + 3), 14);
    expect(asked).toEqual([1, 1]);
  });

  it('is kept as given, or resolved to a number in units of cost', () => {
    expect(entropicProblem({ source, target, epsilon: 0.3 }).epsilon).toBe(0.3);
    // |x − y|²: 1, 25, 1, 9 with weights 1/8, 1/8, 3/8, 3/8.
    const mean = (1 + 25 + 3 * 1 + 3 * 9) / 8;
    expect(entropicProblem({ source, target, epsilon: { ofMeanCost: 0.1 } }).epsilon).toBeCloseTo(0.1 * mean, 14);
    expect(entropicProblem({ source, target, cost: halfSquaredEuclidean(), epsilon: { ofMeanCost: 1 } }).epsilon).toBeCloseTo(mean / 2, 14);
  });

  it('counts only finite pairs, and ignores points of weight zero', () => {
    const cost = costMatrix([
      [1, Number.POSITIVE_INFINITY],
      [3, 4],
    ]);
    const resolved = (a: number[], b: number[]) =>
      entropicProblem({ source: histogram(a), target: histogram(b), cost, epsilon: { ofMeanCost: 1 } }).epsilon;
    expect(resolved([0.25, 0.75], [0.5, 0.5])).toBeCloseTo((1 + 3 * 3 + 3 * 4) / 7, 14);
    expect(resolved([0, 1], [1, 0])).toBe(3);
  });

  it('does not depend on the masses', () => {
    const triple = (m: DiscreteMarginal) => discreteMarginal({ points: m.points, weights: m.weights.map((w) => 3 * w) });
    const once = entropicProblem({ source, target, epsilon: { ofMeanCost: 1 } }).epsilon;
    expect(entropicProblem({ source: triple(source), target: triple(target), epsilon: { ofMeanCost: 1 } }).epsilon).toBeCloseTo(once, 13);
  });

  it('in 2000 dimensions is the mean over all pairs, without a covariance', () => {
    const cloud = (shift: number) =>
      Array.from({ length: 12 }, (_, i) => Array.from({ length: 2000 }, (_, k) => Math.sin(i * k + i) + shift));
    const [x, y] = [cloud(0), cloud(0.5)];
    const weights = x.map((_, i) => (i + 1) / 78);
    const marginal = discreteMarginal({ points: x, weights });
    const unasked = { ...marginal, covariance: () => expect.unreachable() };
    const problem = entropicProblem({ source: unasked, target: discreteMarginal({ points: y }), epsilon: { ofMeanCost: 1 } });
    let mean = 0;
    x.forEach((p, i) => {
      for (const q of y) mean += (weights[i]! / 12) * p.reduce((sum, v, k) => sum + (v - q[k]!) ** 2, 0);
    });
    expect(problem.epsilon).toBeCloseTo(mean, 8);
  });

  it('between Gaussians is the closed form |m − m′|² + tr S + tr S′', () => {
    const a = gaussian(
      [1, 0],
      [
        [2, 0.5],
        [0.5, 1],
      ],
    );
    const b = gaussian(
      [0, 2],
      [
        [1, 0],
        [0, 3],
      ],
    );
    expect(entropicProblem({ source: a, target: b, epsilon: { ofMeanCost: 1 } }).epsilon).toBeCloseTo(1 + 4 + 3 + 4, 13);
    // One side points: the same formula holds.
    const moments = discreteMarginal({
      points: [
        [1, 1],
        [-1, 1],
      ],
    });
    expect(entropicProblem({ source: a, target: moments, epsilon: { ofMeanCost: 1 } }).epsilon).toBeCloseTo(1 + 1 + 3 + 1, 13);
  });
});

describe('masses', () => {
  const heavy = (factor: number) => discreteMarginal({ points: [[1], [5]], weights: [0.5 * factor, 0.5 * factor] });

  it('equal to rounding: no rescaling, no warning', () => {
    const problem = entropicProblem({ source, target, epsilon: 1 });
    expect(problem).toMatchObject({ targetRescaling: 1, warnings: [] });
  });

  it('within 1e-7 are rescaled with a warning', () => {
    for (const problem of [
      entropicProblem({ source, target: heavy(1 + 5e-8), epsilon: 1 }),
      transportProblem({ source, target: heavy(1 + 5e-8) }),
    ]) {
      expect(problem.targetRescaling * (1 + 5e-8)).toBeCloseTo(1, 15);
      expect(problem.warnings).toHaveLength(1);
      expect(problem.warnings[0]).toMatch(/5\.0e-8.*rescaled/);
    }
  });

  it('beyond are infeasible, unless a side is relaxed', () => {
    expect(() => entropicProblem({ source, target: heavy(1 + 2e-7), epsilon: 1 })).toThrow(InfeasibleError);
    expect(() => transportProblem({ source, target: heavy(2) })).toThrow(/mass 1, target 2/);
    const relaxed = entropicProblem({ source, target: heavy(2), epsilon: 1, marginals: { target: { kl: 3 } } });
    expect(relaxed).toMatchObject({ targetRescaling: 1, warnings: [], marginals: { source: 'exact', target: { kl: 3 } } });
  });
});

describe('defaults', () => {
  it('are |x − y|² and exact marginals; everything is frozen', () => {
    const problem = entropicProblem({ source, target, epsilon: 1 });
    expect(problem).toMatchObject({
      kind: 'entropic',
      cost: { kind: 'squared-euclidean' },
      marginals: { source: 'exact', target: 'exact' },
    });
    expect(transportProblem({ source, target })).toMatchObject({ kind: 'transport', cost: { kind: 'squared-euclidean' } });
    for (const part of [problem, problem.marginals, problem.warnings, transportProblem({ source, target })]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });

  it('a matrix joins sides of any dimension', () => {
    const flat = discreteMarginal({
      points: [
        [0, 0],
        [1, 1],
      ],
    });
    expect(
      entropicProblem({
        source,
        target: flat,
        cost: costMatrix([
          [0, 1],
          [1, 0],
        ]),
        epsilon: 1,
      }).epsilon,
    ).toBe(1);
  });
});

describe('staticProblem', () => {
  it('of a scalar reference has the half squared cost and its effective ε', () => {
    const reference = ornsteinUhlenbeck({ rate: 0.7, sigma: 1.2, mean: 0.4, horizon: 1.5 });
    const problem = staticProblem(bridgeProblem({ source, target, reference }));
    expect(problem).toMatchObject({ source, target, cost: { kind: 'half-squared-euclidean' } });
    expect(problem.epsilon).toBeCloseTo((1.44 / 0.7) * Math.sinh(0.7 * 1.5), 13);
  });

  /** log p(y | x) of a transition and −c/ε of the static problem may differ only by functions of x alone and of y alone. */
  const mixedDifferences = (value: (i: number, j: number) => number): number[] => {
    const out: number[] = [];
    for (let i = 1; i < 3; i++) for (let j = 1; j < 3; j++) out.push(value(i, j) - value(0, j) - value(i, 0) + value(0, 0));
    return out;
  };

  it('has the plan of the bridge: the same mixed differences of the log kernel, scalar and matrix-valued references', () => {
    const x = [
      [0, 1],
      [2, -1],
      [0.5, 0.3],
    ];
    const y = [
      [1, 1],
      [-1, 0],
      [0.2, 2],
    ];
    const references = [
      ornsteinUhlenbeck({ rate: 0.7, sigma: 1.2, mean: [0.4, -1], horizon: 1.5 }),
      linearReference({
        drift: [
          [-0.5, 1],
          [-0.8, 0.2],
        ],
        bias: [0.3, -0.1],
        diffusion: [
          [1, 0],
          [0.4, 0.6],
        ],
        horizon: 1.2,
      }),
    ];
    for (const reference of references) {
      const { matrix, offset, covariance } = reference.transition(0, reference.horizon, 2);
      const precision = new Matrix(covariance.to2DArray());
      const determinant = precision.get(0, 0) * precision.get(1, 1) - precision.get(0, 1) ** 2;
      const logKernel = (i: number, j: number): number => {
        const r = [0, 1].map((k) => y[j]![k]! - matrix.get(k, 0) * x[i]![0]! - matrix.get(k, 1) * x[i]![1]! - offset[k]!);
        const square = covariance.get(1, 1) * r[0]! ** 2 - 2 * covariance.get(0, 1) * r[0]! * r[1]! + covariance.get(0, 0) * r[1]! ** 2;
        return -0.5 * (square / determinant);
      };
      const problem = staticProblem(
        bridgeProblem({ source: discreteMarginal({ points: x }), target: discreteMarginal({ points: y }), reference }),
      );
      const support = (side: unknown) => (side as DiscreteMarginal).points;
      const costs = problem.cost.between(support(problem.source), support(problem.target));
      const expected = mixedDifferences(logKernel);
      mixedDifferences((i, j) => -costs[3 * i + j]! / problem.epsilon).forEach((v, k) => expect(v).toBeCloseTo(expected[k]!, 11));
    }
  });

  it('of a matrix-valued reference costs nothing where the reference goes without noise', () => {
    const reference = linearReference({
      drift: [
        [-0.5, 1],
        [-0.8, 0.2],
      ],
      bias: [0.3, -0.1],
      diffusion: [
        [1, 0],
        [0.4, 0.6],
      ],
    });
    const { matrix, offset } = reference.transition(0, 1);
    const end = [0, 1].map((k) => matrix.get(k, 0) * 2 - matrix.get(k, 1) + offset[k]!);
    const sides = { source: discreteMarginal({ points: [[2, -1]] }), target: discreteMarginal({ points: [end] }) };
    const problem = staticProblem(bridgeProblem({ ...sides, reference }));
    const [x, y] = [problem.source, problem.target].map((side) => toPoints('', [Array.from(side.mean())]));
    expect(problem.cost.between(x!, y!)[0]).toBeCloseTo(0, 20);
  });

  it('whitens Gaussians and mixtures as it whitens their draws', () => {
    const reference = linearReference({
      drift: [
        [-0.5, 1],
        [-0.8, 0.2],
      ],
      bias: [0.3, -0.1],
      diffusion: [
        [1, 0],
        [0.4, 0.6],
      ],
    });
    const one = gaussian(
      [1, -1],
      [
        [2, 0.5],
        [0.5, 1],
      ],
    );
    const two = gaussian(
      [0, 3],
      [
        [1, 0],
        [0, 0.5],
      ],
    );
    const mixture = mixtureMarginal({ weights: [0.4, 0.6], components: [one, two] });
    const problem = staticProblem(bridgeProblem({ source: mixture, target: one, reference }));
    expect(problem).toMatchObject({ epsilon: 1, source: { kind: 'mixture', mass: 1 }, target: { kind: 'gaussian' } });
    const { matrix, covariance } = reference.transition(0, 1);
    // Undoing the whitening by moments: K^{1/2} Cov(x′) K^{1/2} = Φ Cov(x) Φᵀ, and tr(K Cov(y′)) = tr Cov(y).
    const inner = problem.source.covariance().mmul(covariance);
    const trace = (m: Matrix): number => m.get(0, 0) + m.get(1, 1);
    expect(trace(inner)).toBeCloseTo(trace(matrix.mmul(mixture.covariance()).mmul(matrix.transpose())), 11);
    expect(trace(problem.target.covariance().mmul(covariance))).toBeCloseTo(3, 11);
    expect(() => staticProblem(bridgeProblem({ source: shapes.moons(), target: one, reference }))).toThrow(
      /sampled marginal cannot be whitened/,
    );
  });

  it('ε of Brownian motion is σ²T', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.05, max: 5, noNaN: true }), fc.double({ min: 0.1, max: 4, noNaN: true }), (sigma, horizon) => {
        const { epsilon } = staticProblem(bridgeProblem({ source, target, reference: brownian({ sigma, horizon }) }));
        expect(epsilon / (sigma * sigma * horizon)).toBeCloseTo(1, 14);
      }),
      { seed: 4 },
    );
  });
});

describe('bad input is refused by name', () => {
  const flat = discreteMarginal({ points: [[0, 0]] });
  const bins = histogram([0.5, 0.5]);
  const same = discreteMarginal({ points: [[1]] });
  const g = gaussian([0], [[1]]);
  const plane = linearReference({
    drift: [
      [0, 0],
      [0, 0],
    ],
    diffusion: [
      [1, 0],
      [0, 1],
    ],
  });
  const entropic = (options: object) => () => entropicProblem({ source, target, epsilon: 1, ...options } as never);
  it.each([
    ['ε = 0', entropic({ epsilon: 0 }), DomainError, /epsilon must be > 0/],
    ['ε < 0', entropic({ epsilon: -1 }), DomainError, /got -1/],
    ['ε NaN', entropic({ epsilon: Number.NaN }), DomainError, /got NaN/],
    ['ε ∞', entropic({ epsilon: Number.POSITIVE_INFINITY }), DomainError, /epsilon/],
    ['ε missing', entropic({ epsilon: undefined }), DomainError, /epsilon must be a number or/],
    ['ε null', entropic({ epsilon: null }), DomainError, /got null/],
    ['ε text', entropic({ epsilon: '1' }), DomainError, /epsilon/],
    ['ofMeanCost 0', entropic({ epsilon: { ofMeanCost: 0 } }), DomainError, /ofMeanCost must be > 0/],
    ['misspelt ofMeanCost', entropic({ epsilon: { ofMean: 1 } }), DomainError, /unknown option 'ofMean'/],
    ['mean cost 0', entropic({ source: same, target: same, epsilon: { ofMeanCost: 1 } }), DomainError, /mean cost of 0/],
    ['mean cost < 0', entropic({ cost: costFunction(() => -1), epsilon: { ofMeanCost: 1 } }), DomainError, /mean cost of -1/],
    [
      'no finite pair',
      entropic({ cost: costFunction(() => Number.POSITIVE_INFINITY), epsilon: { ofMeanCost: 1 } }),
      InfeasibleError,
      /every pair that carries weight is forbidden/,
    ],
    ['no closed mean', entropic({ source: g, cost: euclidean(), epsilon: { ofMeanCost: 1 } }), DomainError, /no closed form/],
    [
      'at-most',
      entropic({ marginals: { source: 'at-most', target: 'at-most' } }),
      DomainError,
      /leave the mass open; pass marginals: \{ source, target, mass \}/,
    ],
    ['rho 0', entropic({ marginals: { target: { kl: 0 } } }), DomainError, /marginals\.target\.kl must be > 0/],
    ['rho ∞', entropic({ marginals: { target: { kl: Number.POSITIVE_INFINITY } } }), DomainError, /use 'exact'/],
    ['other penalty', entropic({ marginals: { source: { tv: 1 } } }), DomainError, /'exact', 'at-most' or \{ kl: rho \}/],
    ['third side', entropic({ marginals: { middle: 'exact' } }), DomainError, /'middle'/],
    ['misspelt option', entropic({ eps: 1 }), DomainError, /unknown option 'eps'/],
    ['dimensions', entropic({ target: flat }), ShapeError, /dimension 1, target 2/],
    ['histogram without a matrix', entropic({ source: bins }), ShapeError, /costMatrix\(C\)/],
    ['transport of a histogram', () => transportProblem({ source: bins, target: bins, cost: squaredEuclidean() }), ShapeError, /indices/],
    ['bare points', entropic({ source: [[0], [1]] }), DomainError, /entropicProblem: source is no marginal/],
    ['target missing', () => transportProblem({ source } as never), DomainError, /transportProblem: target is no marginal \(undefined\)/],
    ['cost not called', entropic({ cost: squaredEuclidean }), DomainError, /cost is no cost \(function\); pass the result of a call/],
    [
      'bridge from bare points',
      () => bridgeProblem({ source: toPoints('', [[0]] as PointsLike), target, reference: brownian({ sigma: 1 }) } as never),
      DomainError,
      /bridgeProblem: source/,
    ],
    [
      'reference not called',
      () => bridgeProblem({ source, target, reference: brownian as never }),
      DomainError,
      /reference is no reference/,
    ],
    [
      'bridge of two dimensions',
      () => bridgeProblem({ source, target: flat, reference: brownian({ sigma: 1 }) }),
      ShapeError,
      /same space/,
    ],
    ['reference of another dimension', () => bridgeProblem({ source, target, reference: plane }), ShapeError, /reference has dimension 2/],
    [
      'bridge with mass 2',
      () => bridgeProblem({ source: discreteMarginal({ points: [[0], [1]], weights: [1, 1] }), target, reference: brownian({ sigma: 1 }) }),
      DomainError,
      /mass 2/,
    ],
  ] as const)('%s', (_, call, type, words) => {
    expect(call).toThrow(type);
    expect(call).toThrow(words);
  });
});
