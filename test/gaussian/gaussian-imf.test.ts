import { inverse, Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { gaussianKl } from '../../src/closed-forms/gaussian-kl.ts';
import { markovianProjection } from '../../src/closed-forms/imf-process.ts';
import { linearBridge } from '../../src/closed-forms/linear-bridge.ts';
import { type BridgeProblem, bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import { DomainError } from '../../src/errors.ts';
import { gaussianBridge, gaussianImf, gaussianIpf } from '../../src/gaussian/index.ts';
import { gaussianMarginal } from '../../src/marginals/gaussian-marginal.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { blockJoint } from '../../src/numerics/spd.ts';
import { brownian, ornsteinUhlenbeck } from '../../src/references/index.ts';
import { expectMatrix, expectVector } from '../laws/coupling-laws.ts';
import { randomGaussian } from '../laws/random-gaussians.ts';

function scalar(A: number, B: number, epsilon: number, horizon = 1): BridgeProblem {
  return bridgeProblem({
    source: gaussianMarginal({ mean: [-0.4], covariance: A }),
    target: gaussianMarginal({ mean: [0.7], covariance: B }),
    reference: brownian({ sigma: Math.sqrt(epsilon / horizon), horizon }),
  });
}

/** c' = h·exp(−(ε/2h)·arccos(x)/√(1−x²)), h = √(AB), x = (2c + ε)/(2h). */
function scalarMap(c: number, A: number, B: number, epsilon: number): number {
  const h = Math.sqrt(A * B);
  const x = (2 * c + epsilon) / (2 * h);
  const angle = x < 1 ? Math.acos(x) / Math.sqrt(1 - x * x) : Math.acosh(x) / Math.sqrt(x * x - 1);
  return h * Math.exp((-epsilon / (2 * h)) * angle);
}

const cross = (problem: BridgeProblem, n: number): number => gaussianImf(problem).iterate(n).moments().crossCovariance.get(0, 0);

describe('gaussianImf', () => {
  it.each([
    [1, 1, 1],
    [2, 0.5, 0.7],
    [1, 1, 3],
    [0.3, 2.5, 0.2],
    [1, 1, 10],
  ])('follows the closed form on the line: A = %d, B = %d, ε = %d', (A, B, epsilon) => {
    const imf = gaussianImf(scalar(A, B, epsilon));
    let expected = 0;
    for (let n = 0; n < 5; n++) {
      expect(imf.iterate(n).moments().crossCovariance.get(0, 0)).toBeCloseTo(expected, 11);
      expected = scalarMap(expected, A, B, epsilon);
    }
  });

  it('depends on horizon and σ through σ²T', () => {
    expect(cross(scalar(1.3, 0.6, 0.8, 2.5), 3)).toBeCloseTo(cross(scalar(1.3, 0.6, 0.8), 3), 12);
  });

  it('goes 0 → .54629 → .61114 → .61739 → .61797 for A = B = ε = 1', () => {
    const imf = gaussianImf(scalar(1, 1, 1));
    expect([0, 1, 2, 3, 4].map((n) => imf.iterate(n).moments().crossCovariance.get(0, 0).toFixed(5))).toEqual([
      '0.00000',
      '0.54629',
      '0.61114',
      '0.61739',
      '0.61797',
    ]);
  });

  it('contracts faster than IPF for small ε (.0158 against .819 at .1), slower for large (.0269 against .0001 at 10)', () => {
    const rate = (epsilon: number): number => {
      const problem = scalar(1, 1, epsilon);
      const limit = gaussianBridge(problem).moments().crossCovariance.get(0, 0);
      const imf = gaussianImf(problem);
      const error = (n: number): number => imf.iterate(n).moments().crossCovariance.get(0, 0) - limit;
      return error(4) / error(3);
    };
    // Derivatives of the scalar map at its fixed point, in 30 digits.
    expect(rate(0.1)).toBeCloseTo(0.0158383221, 6);
    expect(rate(10)).toBeCloseTo(0.026898327, 6);
    expect(gaussianIpf(scalar(1, 1, 0.1)).rate ** 2).toBeCloseTo(0.819, 3);
    expect(gaussianIpf(scalar(1, 1, 10)).rate ** 2).toBeCloseTo(0.0001, 5);
  });

  const random = randomSource(81);
  const problem = bridgeProblem({
    source: randomGaussian(3, random),
    target: randomGaussian(3, random),
    reference: brownian({ sigma: 0.9, horizon: 1.2 }),
  });

  it('keeps the bridge fixed in three dimensions with covariances that do not commute, and tends to it', () => {
    const [A, B] = [problem.source.covariance(), problem.target.covariance()];
    expect(Matrix.sub(A.mmul(B), B.mmul(A)).norm()).toBeGreaterThan(0.1);
    const exact = gaussianBridge(problem);
    const projected = markovianProjection(exact.moments(), 0.81 * 1.2, 1.2);
    expectMatrix(projected.joint.crossCovariance, exact.moments().crossCovariance, 1e-12);
    for (const t of [0, 0.5, 1.1]) {
      expectMatrix(projected.drift(t).matrix, exact.driftCoefficients(t).matrix, 1e-11);
      expectVector(projected.drift(t).offset, exact.driftCoefficients(t).offset, 1e-11);
      expectMatrix(projected.covariance(t), exact.marginalAt(t).covariance(), 1e-12);
    }
    expectMatrix(projected.crossCovariance(0.3, 0.9), linearBridge(problem.reference, exact.moments()).crossCovariance(0.3, 0.9), 1e-11);
    const imf = gaussianImf(problem);
    // The rotation between source and target is forgotten at about 0.83 an iteration.
    expectMatrix(imf.iterate(60).moments().crossCovariance, exact.moments().crossCovariance, 1e-6);
    expect(imf.iterate(60).pathKl()).toBeCloseTo(exact.pathKl(), 8);
  });

  it('has right marginals from the start, and those of mixed Brownian bridges in between', () => {
    const imf = gaussianImf(problem);
    for (const n of [0, 1, 2]) {
      const { source, target } = imf.iterate(n).marginalError();
      expect(Math.max(source, target)).toBeLessThan(1e-9);
    }
    // After one projection the marginals are those of the independent coupling: (1−u)²A + u²B + u(1−u)ε.
    const u = 0.3;
    const epsilon = 0.81 * 1.2;
    const expected = problem.source
      .covariance()
      .mul((1 - u) ** 2)
      .add(problem.target.covariance().mul(u * u))
      .add(Matrix.eye(3, 3, u * (1 - u) * epsilon));
    expectMatrix(imf.iterate(1).marginalAt(0.36).covariance(), expected, 1e-12);
  });

  it('projects: the drift is E[(X_T − x)/(T − t) | X_t = x] under the coupling before', () => {
    const imf = gaussianImf(problem);
    const T = 1.2;
    for (const n of [1, 2]) {
      const { sourceMean: a, targetMean: b, sourceCovariance: A, targetCovariance: B, crossCovariance: C } = imf.iterate(n - 1).moments();
      for (const t of [0, 0.4, 0.9]) {
        const u = t / T;
        const S = Matrix.mul(A, (1 - u) ** 2)
          .add(Matrix.mul(B, u * u))
          .add(Matrix.add(C, C.transpose()).mul(u * (1 - u)))
          .add(Matrix.eye(3, 3, u * (1 - u) * 0.81 * T));
        // Cov(X_T, X_t) = (1 − u)Cᵀ + uB.
        const gain = C.transpose()
          .mul(1 - u)
          .add(Matrix.mul(B, u))
          .mmul(inverse(S));
        const slope = Matrix.sub(gain, Matrix.eye(3)).div(T - t);
        const found = imf.iterate(n).driftCoefficients(t);
        expectMatrix(found.matrix, slope, 1e-10);
        const mean = Matrix.columnVector([...a].map((m, k) => (1 - u) * m + u * b[k]!));
        const offset = Matrix.columnVector([...b])
          .sub(gain.mmul(mean))
          .div(T - t);
        expectVector(found.offset, Float64Array.from(offset.to1DArray()), 1e-10);
      }
    }
  });

  it('has pathKl at least the KL of its ends against the reference, with equality in the limit', () => {
    const imf = gaussianImf(problem);
    const A = problem.source.covariance();
    const reference = {
      mean: Float64Array.of(...problem.source.mean(), ...problem.source.mean()),
      covariance: blockJoint(A, A, Matrix.add(A, Matrix.eye(3, 3, 0.81 * 1.2))),
    };
    const excess = (n: number): number => {
      const { sourceMean, targetMean, sourceCovariance, targetCovariance, crossCovariance } = imf.iterate(n).moments();
      const own = {
        mean: Float64Array.of(...sourceMean, ...targetMean),
        covariance: blockJoint(sourceCovariance, crossCovariance, targetCovariance),
      };
      return imf.iterate(n).pathKl() - gaussianKl(own, reference);
    };
    expect(excess(1)).toBeGreaterThan(1e-5);
    expect(excess(2)).toBeLessThan(excess(1));
    expect(Math.abs(excess(30))).toBeLessThan(1e-6);
  });

  it('refuses other references by name', () => {
    const reference = ornsteinUhlenbeck({ rate: 1, sigma: 1 });
    expect(() => gaussianImf(bridgeProblem({ source: problem.source, target: problem.target, reference }))).toThrow(DomainError);
    expect(() => gaussianImf(bridgeProblem({ source: problem.source, target: problem.target, reference }))).toThrow(
      /ornstein-uhlenbeck.*gaussianIpf/,
    );
  });
});
