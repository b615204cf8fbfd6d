import { Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { bwUvpOfMoments } from '../../src/closed-forms/bures-wasserstein.ts';
import { euclidean, halfSquaredEuclidean, squaredEuclidean } from '../../src/costs/index.ts';
import { entropicProblem, type MarginalConstraint } from '../../src/couplings/entropic-problem.ts';
import { DomainError, NotPositiveDefiniteError } from '../../src/errors.ts';
import { gaussianCoupling } from '../../src/gaussian/index.ts';
import { discreteMarginal } from '../../src/marginals/discrete-marginal.ts';
import { gaussianMarginal } from '../../src/marginals/gaussian-marginal.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { scalingPlan } from '../closed-forms/scaling-oracle.ts';
import { expectMatrix, expectVector } from '../laws/coupling-laws.ts';
import { randomGaussian } from '../laws/random-gaussians.ts';

const random = randomSource(31);
const [source, target] = [randomGaussian(3, random, 1.3), randomGaussian(3, random, 1.3)];

describe('gaussianCoupling', () => {
  it('is the golden ratio for N(0, 1), half cost, ε = 1', () => {
    const unit = gaussianMarginal({ mean: [0], covariance: 1 });
    const plan = gaussianCoupling(entropicProblem({ source: unit, target: unit, cost: halfSquaredEuclidean(), epsilon: 1 }));
    const golden = (Math.sqrt(5) - 1) / 2;
    expect(plan.moments().crossCovariance.get(0, 0)).toBeCloseTo(golden, 14);
    expect(plan.value.linear).toBeCloseTo(1 - golden, 14);
    // 1 − s² = s for s = (√5 − 1)/2.
    expect(plan.value.kl).toBeCloseTo(-0.5 * Math.log(golden), 14);
    expect(plan.value.primal).toBeCloseTo(plan.value.linear + plan.value.kl, 14);
  });

  const sides: readonly (readonly [string, number, (r: number) => { source?: MarginalConstraint; target?: MarginalConstraint }])[] = [
    ['exact sides', 1.3, () => ({})],
    ['equal penalties', 0.7, (r) => ({ source: { kl: r }, target: { kl: r } })],
    ['unequal penalties', 0.7, (r) => ({ source: { kl: r }, target: { kl: 3 * r } })],
    ['an exact source', 0.7, (r) => ({ target: { kl: r } })],
    ['an exact target', 0.7, (r) => ({ source: { kl: r } })],
  ];

  it.each(sides)('solves |x − y|² with ε and r as ½|x − y|² with ε/2 and r/2, values doubled: %s', (_, mass, marginals) => {
    const other = gaussianMarginal({ mean: target.mean(), covariance: target.covariance(), mass });
    const whole = gaussianCoupling(entropicProblem({ source, target: other, epsilon: 0.9, marginals: marginals(1.6) }));
    const half = gaussianCoupling(
      entropicProblem({ source, target: other, cost: halfSquaredEuclidean(), epsilon: 0.45, marginals: marginals(0.8) }),
    );
    expectMatrix(whole.moments().crossCovariance, half.moments().crossCovariance, 1e-13);
    expect(whole.mass).toBeCloseTo(half.mass, 13);
    expect(whole.value.linear).toBeCloseTo(2 * half.value.linear, 12);
    expect(whole.value.kl).toBeCloseTo(half.value.kl, 12);
    expect(whole.value.primal).toBeCloseTo(2 * half.value.primal, 12);
    expect(whole.transportCost()).toBeCloseTo(whole.value.linear, 12);
    expect(half.transportCost()).toBeCloseTo(half.value.linear, 12);
    expect(half.transportCost(squaredEuclidean())).toBeCloseTo(whole.value.linear, 12);
  });

  it('is worth what scaling iterations find under |x − y|², masses and penalties included', () => {
    const [a, b] = [
      { mass: 1.4, mean: -0.3, variance: 0.8 },
      { mass: 0.6, mean: 0.9, variance: 1.7 },
    ];
    const grid = scalingPlan({ ...a, penalty: 0.65 }, { ...b, penalty: 2 }, 0.25, 240, 11);
    const plan = gaussianCoupling(
      entropicProblem({
        source: gaussianMarginal({ mean: [a.mean], covariance: a.variance, mass: a.mass }),
        target: gaussianMarginal({ mean: [b.mean], covariance: b.variance, mass: b.mass }),
        epsilon: 0.5,
        marginals: { source: { kl: 1.3 }, target: { kl: 4 } },
      }),
    );
    expect(plan.mass).toBeCloseTo(grid.mass, 10);
    expect(plan.value.linear).toBeCloseTo(2 * grid.linear, 10);
    expect(plan.value.kl).toBeCloseTo(grid.kl, 10);
    expect(plan.value.primal).toBeCloseTo(2 * grid.value, 10);
  });

  it('measures mass: a plan of mass m between equal masses has m times the cost and KL(π | a ⊗ b) with its mass terms', () => {
    const [a, b] = [
      { mass: 1.3, mean: 0.2, variance: 0.7, penalty: Infinity },
      { mass: 1.3, mean: -0.4, variance: 1.2, penalty: Infinity },
    ];
    const grid = scalingPlan(a, b, 0.8);
    const [first, second] = [a, b].map(({ mass, mean, variance }) => gaussianMarginal({ mean: [mean], covariance: variance, mass }));
    const plan = gaussianCoupling(entropicProblem({ source: first!, target: second!, cost: halfSquaredEuclidean(), epsilon: 0.8 }));
    expect(plan.mass).toBe(1.3);
    expect(plan.value.linear).toBeCloseTo(grid.linear, 10);
    expect(plan.value.kl).toBeCloseTo(grid.kl, 10);
    expect(plan.value.primal).toBeCloseTo(grid.value, 10);
  });

  it('has descending canonical correlations, which a linear change of either side would not change', () => {
    const plan = gaussianCoupling(entropicProblem({ source, target, epsilon: 0.6 }));
    const found = [...plan.canonicalCorrelations];
    expect(found).toEqual([...found].sort((s, t) => t - s));
    const { sourceCovariance: A, targetCovariance: B, crossCovariance: C } = plan.moments();
    // Their squares are the eigenvalues of A⁻¹CB⁻¹Cᵀ: compare trace and trace of the square.
    const product = inverseOf(A).mmul(C).mmul(inverseOf(B)).mmul(C.transpose());
    expect(found.reduce((sum, s) => sum + s ** 2, 0)).toBeCloseTo(product.trace(), 11);
    expect(found.reduce((sum, s) => sum + s ** 4, 0)).toBeCloseTo(product.mmul(product).trace(), 11);
    const unbalanced = gaussianCoupling(
      entropicProblem({ source, target, epsilon: 0.6, marginals: { source: { kl: 1e9 }, target: { kl: 1e9 } } }),
    );
    expectVector(unbalanced.canonicalCorrelations, plan.canonicalCorrelations, 1e-7);
  });

  it('reports the marginals that a penalty moved', () => {
    const plan = gaussianCoupling(entropicProblem({ source, target, epsilon: 0.6, marginals: { target: { kl: 0.5 } } }));
    const { targetMean, targetCovariance } = plan.moments();
    const { metric, source: first, target: second } = plan.marginalError();
    expect(metric).toBe('bw2-uvp');
    expect(first).toBeLessThan(1e-9);
    expect(second).toBeCloseTo(
      bwUvpOfMoments({ mean: targetMean, covariance: targetCovariance }, { mean: target.mean(), covariance: target.covariance() }),
      12,
    );
    expect(second).toBeGreaterThan(1);
  });

  it('takes masses that differ by rounding as those of the source, and says so', () => {
    const other = gaussianMarginal({ mean: target.mean(), covariance: target.covariance(), mass: 1.3 * (1 + 5e-8) });
    const plan = gaussianCoupling(entropicProblem({ source, target: other, epsilon: 0.6 }));
    expect(plan.mass).toBe(1.3);
    expect(plan.warnings.length).toBe(1);
    expect(gaussianCoupling(entropicProblem({ source, target, epsilon: 0.6 })).warnings).toEqual([]);
  });

  it('joins a point to anything', () => {
    const point = gaussianMarginal({ mean: [1, 2], covariance: 0 });
    const other = gaussianMarginal({
      mean: [0, 0],
      covariance: [
        [1, 0.5],
        [0.5, 2],
      ],
    });
    const plan = gaussianCoupling(entropicProblem({ source: point, target: other, epsilon: 0.3 }));
    expect(plan.moments().crossCovariance.norm()).toBe(0);
    expect(plan.value.linear).toBeCloseTo(5 + 3, 13);
    expect(plan.value.kl).toBeCloseTo(0, 13);
    expect(plan.sample(2, randomSource(1)).x.data).toEqual(Float64Array.of(1, 2, 1, 2));
  });

  it('refuses other marginals, other costs and singular penalised sides, and says what to use', () => {
    const points = discreteMarginal({
      points: [
        [0, 0, 0],
        [1, 1, 1],
      ],
      weights: [0.65, 0.65],
    });
    expect(() => gaussianCoupling(entropicProblem({ source: points, target, epsilon: 1 }))).toThrow(DomainError);
    expect(() => gaussianCoupling(entropicProblem({ source: points, target, epsilon: 1 }))).toThrow(
      /source is a discrete marginal.*sinkhorn/,
    );
    expect(() => gaussianCoupling(entropicProblem({ source, target, epsilon: 1, cost: euclidean() }))).toThrow(/sinkhorn/);
    const flat = gaussianMarginal({ mean: [0], covariance: 0 });
    const unit = gaussianMarginal({ mean: [0], covariance: 1 });
    expect(() => gaussianCoupling(entropicProblem({ source: flat, target: unit, epsilon: 1, marginals: { target: { kl: 1 } } }))).toThrow(
      NotPositiveDefiniteError,
    );
    const plan = gaussianCoupling(entropicProblem({ source, target, epsilon: 1 }));
    expect(() => plan.transportCost(euclidean())).toThrow(/sample\(\)/);
  });
});

/** Cofactors would do; Gauss–Jordan on a 3 × 3 matrix is as independent. */
function inverseOf(m: Matrix): Matrix {
  const work = m.clone();
  const out = Matrix.eye(m.rows);
  for (let i = 0; i < m.rows; i++) {
    const pivot = work.get(i, i);
    for (const side of [work, out]) side.mulRow(i, 1 / pivot);
    for (let r = 0; r < m.rows; r++) {
      if (r === i) continue;
      const factor = work.get(r, i);
      for (const side of [work, out])
        side.setRow(
          r,
          side.getRow(r).map((x, k) => x - factor * side.get(i, k)),
        );
    }
  }
  return out;
}
