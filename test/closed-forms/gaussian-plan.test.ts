import fc from 'fast-check';
import { inverse, Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { buresWasserstein } from '../../src/closed-forms/bures-wasserstein.ts';
import { bridgePlan, gaussianPlan, gaussianPlanValue } from '../../src/closed-forms/gaussian-plan.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { blockJoint, eigenSymmetric, logDeterminant, spectralFunction, squareRoot, trace } from '../../src/numerics/spd.ts';
import { expectMatrix, expectVector } from '../laws/coupling-laws.ts';
import { randomCovariance, randomMatrix } from '../laws/random-gaussians.ts';
import { scalingPlan } from './scaling-oracle.ts';

const cases = fc.record({
  seed: fc.integer({ min: 0, max: 1e6 }),
  dimension: fc.integer({ min: 1, max: 4 }),
  epsilon: fc.double({ min: 0.2, max: 3, noNaN: true }),
});

function forRandomPairs(check: (a: Matrix, b: Matrix, epsilon: number) => void, numRuns = 25): void {
  fc.assert(
    fc.property(cases, ({ seed, dimension, epsilon }) => {
      const random = randomSource(seed);
      check(randomCovariance(dimension, random), randomCovariance(dimension, random), epsilon);
    }),
    { seed: 5, numRuns },
  );
}

describe('the entropic plan between Gaussians', () => {
  it.each([0.3, 1, 4])('is that of scaling iterations on a grid, ε = %d', (epsilon) => {
    const [a, A, b, B] = [-0.7, 1.3, 0.9, 0.6];
    const grid = scalingPlan(
      { mass: 1, mean: a, variance: A, penalty: Infinity },
      { mass: 1, mean: b, variance: B, penalty: Infinity },
      epsilon,
    );
    const [matrixA, matrixB] = [new Matrix([[A]]), new Matrix([[B]])];
    const plan = gaussianPlan(matrixA, matrixB, epsilon);
    expect(plan.cross.get(0, 0)).toBeCloseTo(grid.cross, 10);
    const { linear, kl } = gaussianPlanValue(Float64Array.of(a), matrixA, Float64Array.of(b), matrixB, plan);
    expect(linear).toBeCloseTo(grid.linear, 10);
    expect(kl).toBeCloseTo(grid.kl, 10);
  });

  it('has the off-diagonal precision −I/ε', () => {
    forRandomPairs((a, b, epsilon) => {
      const d = a.rows;
      const precision = inverse(blockJoint(a, gaussianPlan(a, b, epsilon).cross, b));
      expectMatrix(precision.subMatrix(0, d - 1, d, 2 * d - 1), Matrix.eye(d, d, -1 / epsilon), 1e-10);
    });
  });

  it('agrees with A^{1/2}(A^{1/2}BA^{1/2} + ε²/4)^{1/2}A^{-1/2} − ε/2', () => {
    forRandomPairs((a, b, epsilon) => {
      const root = squareRoot(a);
      const middle = spectralFunction(root.mmul(b).mmul(root), (x) => Math.sqrt(x + (epsilon * epsilon) / 4));
      const expected = root
        .mmul(middle)
        .mmul(inverse(root))
        .sub(Matrix.eye(a.rows, a.rows, epsilon / 2));
      expectMatrix(gaussianPlan(a, b, epsilon).cross, expected, 1e-11);
    });
  });

  it('has descending correlations below 1 whose residuals and conditional covariance fit', () => {
    forRandomPairs((a, b, epsilon) => {
      const plan = gaussianPlan(a, b, epsilon);
      expect([...plan.correlations].sort((s, t) => t - s)).toEqual([...plan.correlations]);
      plan.correlations.forEach((s, i) => {
        expect(s).toBeLessThan(1);
        expect(plan.residuals[i]! - (1 - s * s)).toBeCloseTo(0, 13);
      });
      const conditional = Matrix.sub(b, plan.cross.transpose().mmul(inverse(a)).mmul(plan.cross));
      expectMatrix(plan.targetGivenSource, conditional, 1e-11);
    });
  });

  it('is worth ½|a−b|² + ½tr(A + B − D) + ε/2·[d(1 − log 2ε) + log det(D + εI)], D = (4A^{1/2}BA^{1/2} + ε²)^{1/2}', () => {
    forRandomPairs((a, b, epsilon) => {
      const d = a.rows;
      const shift = Float64Array.from({ length: d }, (_, i) => i - 0.7);
      const { linear, kl } = gaussianPlanValue(new Float64Array(d), a, shift, b, gaussianPlan(a, b, epsilon));
      const root = squareRoot(a);
      const D = spectralFunction(root.mmul(b).mmul(root), (x) => Math.sqrt(4 * x + epsilon * epsilon));
      const determinant = logDeterminant(Matrix.add(D, Matrix.eye(d, d, epsilon)));
      const squares = shift.reduce((sum, x) => sum + x * x, 0);
      const expected = 0.5 * (squares + trace(a) + trace(b) - trace(D)) + (epsilon / 2) * (d * (1 - Math.log(2 * epsilon)) + determinant);
      expect(Math.abs(linear + epsilon * kl - expected)).toBeLessThan(1e-11 * (1 + Math.abs(expected)));
    });
  });

  it('tends to Bures–Wasserstein for small ε and to independence for large ε', () => {
    forRandomPairs((a, b) => {
      const zero = new Float64Array(a.rows);
      const small = gaussianPlanValue(zero, a, zero, b, gaussianPlan(a, b, 1e-9));
      expect(small.linear).toBeCloseTo(buresWasserstein({ mean: zero, covariance: a }, { mean: zero, covariance: b }), 7);
      expect(gaussianPlan(a, b, 1e9).cross.norm()).toBeLessThan(1e-6);
    });
  });

  it('keeps its residuals where 1 − s² would cancel', () => {
    const plan = gaussianPlan(new Matrix([[1]]), new Matrix([[1]]), 1e-12);
    // s = 1 − ε/2 + …, so 1 − s² = ε to first order, and KL = −½ log ε.
    expect(plan.residuals[0]! / 1e-12).toBeCloseTo(1, 10);
    expect(gaussianPlanValue(new Float64Array(1), new Matrix([[1]]), new Float64Array(1), new Matrix([[1]]), plan).kl).toBeCloseTo(
      -0.5 * Math.log(1e-12),
      9,
    );
  });

  it('is the same for a marginal of rank one as on its line', () => {
    const line = [0.6, 0.8];
    const a = new Matrix(line.map((x) => line.map((y) => 2 * x * y)));
    const b = new Matrix([
      [1, 0.2],
      [0.2, 0.5],
    ]);
    const along = line[0]! ** 2 * 1 + 2 * line[0]! * line[1]! * 0.2 + line[1]! ** 2 * 0.5;
    const plan = gaussianPlan(a, b, 0.7);
    const scalar = gaussianPlan(new Matrix([[2]]), new Matrix([[along]]), 0.7);
    const projected = new Matrix([line]).mmul(plan.cross).mmul(Matrix.columnVector(line)).get(0, 0);
    expect(projected).toBeCloseTo(scalar.cross.get(0, 0), 12);
    // The square root of a rounding error of 1e-16.
    expect(plan.correlations[1]).toBeLessThan(1e-7);
  });
});

describe('the plan of a bridge over X_T = ΦX_0 + m + noise(K)', () => {
  it('has the off-diagonal precision −ΦᵀK⁻¹ and both marginals', () => {
    forRandomPairs((a, b, epsilon) => {
      const d = a.rows;
      const random = randomSource(d + Math.round(1000 * epsilon));
      const [phi, noise] = [randomMatrix(d, random).add(Matrix.eye(d, d, 2)), randomCovariance(d, random)];
      const mean = Float64Array.from({ length: d }, () => random.normal());
      const { joint } = bridgePlan({ mean, covariance: a }, { mean, covariance: b }, { matrix: phi, offset: mean, covariance: noise });
      expect(joint.sourceCovariance).toBe(a);
      expectVector(joint.targetMean, mean, 0);
      const precision = inverse(blockJoint(a, joint.crossCovariance, b));
      expectMatrix(precision.subMatrix(0, d - 1, d, 2 * d - 1), phi.transpose().mmul(inverse(noise)).mul(-1), 1e-8);
      const { cross } = { cross: joint.crossCovariance };
      expectMatrix(joint.targetGivenSource!, Matrix.sub(b, cross.transpose().mmul(inverse(a)).mmul(cross)), 1e-9);
      expect(Math.min(...eigenSymmetric(joint.targetGivenSource!).values)).toBeGreaterThan(0);
    });
  });
});
