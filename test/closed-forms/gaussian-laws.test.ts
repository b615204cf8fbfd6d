import { inverse, Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { buresWasserstein, bwUvpOfMoments } from '../../src/closed-forms/bures-wasserstein.ts';
import { propagateBackward, propagateChain } from '../../src/closed-forms/gaussian-chain.ts';
import { conditionalGaussian, jointFromKernel, jointRoot, reverseJoint, targetGivenSource } from '../../src/closed-forms/gaussian-joint.ts';
import { expectedKernelKl, gaussianKl } from '../../src/closed-forms/gaussian-kl.ts';
import { NotPositiveDefiniteError } from '../../src/errors.ts';
import { composeKernels, type GaussianKernel } from '../../src/numerics/affine.ts';
import { integrate } from '../../src/numerics/quadrature.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { blockJoint } from '../../src/numerics/spd.ts';
import { expectMatrix, expectVector } from '../laws/coupling-laws.ts';
import { randomCovariance, randomMatrix } from '../laws/random-gaussians.ts';

const line = (mean: number, variance: number) => ({ mean: Float64Array.of(mean), covariance: new Matrix([[variance]]) });
const density = (x: number, mean: number, variance: number): number =>
  Math.exp(-((x - mean) ** 2) / (2 * variance)) / Math.sqrt(2 * Math.PI * variance);
const random = randomSource(12);

describe('Bures–Wasserstein', () => {
  it('is half of (m₁ − m₂)² + (σ₁ − σ₂)² on the line', () => {
    expect(buresWasserstein(line(1, 4), line(-2, 0.25))).toBeCloseTo(0.5 * (9 + 1.5 ** 2), 14);
    expect(buresWasserstein(line(0, 0), line(3, 4))).toBeCloseTo(0.5 * (9 + 4), 14);
  });

  it('is zero on the diagonal and symmetric', () => {
    const [s, t] = [randomCovariance(4, random), randomCovariance(4, random)];
    const mean = new Float64Array(4);
    expect(buresWasserstein({ mean, covariance: s }, { mean, covariance: s })).toBeLessThan(1e-12);
    const there = buresWasserstein({ mean, covariance: s }, { mean, covariance: t });
    expect(buresWasserstein({ mean, covariance: t }, { mean, covariance: s })).toBeCloseTo(there, 11);
  });

  it('is the cost of the optimal map: ½E|x − Mx|² for the target M·N(0, S)·M with M symmetric positive definite', () => {
    const [s, map] = [randomCovariance(3, random), randomCovariance(3, random)];
    const target = map.mmul(s).mmul(map);
    const move = Matrix.sub(Matrix.eye(3), map);
    const zero = new Float64Array(3);
    const expected = 0.5 * move.mmul(s).mmul(move.transpose()).trace();
    expect(buresWasserstein({ mean: zero, covariance: s }, { mean: zero, covariance: target }) / expected).toBeCloseTo(1, 11);
  });

  it('is in percent of half the true variance as UVP', () => {
    expect(bwUvpOfMoments(line(1, 4), line(1, 1))).toBeCloseTo(100, 12);
    expect(bwUvpOfMoments(line(1, 0), line(1, 0))).toBe(0);
    expect(bwUvpOfMoments(line(2, 0), line(1, 0))).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('Kullback–Leibler', () => {
  it('is the integral of p log(p/q)', () => {
    const expected = integrate((x) => density(x, 0.3, 0.7) * Math.log(density(x, 0.3, 0.7) / density(x, -0.5, 1.9)), -9, 9, 40);
    expect(gaussianKl(line(0.3, 0.7), line(-0.5, 1.9))).toBeCloseTo(expected, 12);
  });

  it('adds up over a joint law: KL(start) + E KL(kernel) = KL(joint)', () => {
    const d = 3;
    const make = () => ({
      start: { mean: random.fillNormal(new Float64Array(d)), covariance: randomCovariance(d, random) },
      kernel: { matrix: randomMatrix(d, random), offset: random.fillNormal(new Float64Array(d)), covariance: randomCovariance(d, random) },
    });
    const [p, q] = [make(), make()];
    const joint = ({ start, kernel }: ReturnType<typeof make>) => {
      const made = jointFromKernel(start.mean, start.covariance, kernel);
      return {
        mean: Float64Array.of(...made.sourceMean, ...made.targetMean),
        covariance: blockJoint(made.sourceCovariance, made.crossCovariance, made.targetCovariance),
      };
    };
    const whole = gaussianKl(joint(p), joint(q));
    expect((gaussianKl(p.start, q.start) + expectedKernelKl(p.start, p.kernel, q.kernel)) / whole).toBeCloseTo(1, 10);
  });

  it('refuses singular laws', () => {
    expect(() => gaussianKl(line(0, 0), line(0, 1))).toThrow(NotPositiveDefiniteError);
    expect(() => gaussianKl(line(0, 1), line(0, 0))).toThrow(NotPositiveDefiniteError);
  });
});

describe('joint Gaussian laws', () => {
  const d = 3;
  const kernel = { matrix: randomMatrix(d, random), offset: Float64Array.of(1, 2, 3), covariance: randomCovariance(d, random) };
  const joint = jointFromKernel(Float64Array.of(0.1, -0.2, 0.3), randomCovariance(d, random), kernel);

  it('give back the kernel they were made from', () => {
    const { targetGivenSource: known, ...blocks } = joint;
    expect(known).toBe(kernel.covariance);
    const found = targetGivenSource(blocks);
    expectMatrix(found.matrix, kernel.matrix, 1e-11);
    expectVector(found.offset, kernel.offset, 1e-11);
    expectMatrix(found.covariance, kernel.covariance, 1e-11);
  });

  it('condition by the inverse of the joint covariance: Cov(x₁ | x₂) = (precision₁₁)⁻¹', () => {
    const precision = inverse(blockJoint(joint.sourceCovariance, joint.crossCovariance, joint.targetCovariance));
    const backward = conditionalGaussian(
      joint.sourceMean,
      joint.targetMean,
      joint.sourceCovariance,
      joint.crossCovariance,
      joint.targetCovariance,
    );
    const block = inverse(precision.subMatrix(0, d - 1, 0, d - 1));
    expectMatrix(backward.covariance, block, 1e-11);
    expectMatrix(backward.matrix, block.mmul(precision.subMatrix(0, d - 1, d, 2 * d - 1)).mul(-1), 1e-11);
  });

  it('turn round, and have roots whose squares are the blocks', () => {
    const back = reverseJoint(reverseJoint(joint));
    expectMatrix(back.crossCovariance, joint.crossCovariance, 0);
    const { source, noise, kernel: given } = jointRoot(joint);
    expectMatrix(source.mmul(source.transpose()), joint.sourceCovariance, 1e-12);
    expectMatrix(noise.mmul(noise.transpose()), given.covariance, 1e-12);
  });
});

describe('propagation through a chain', () => {
  const d = 2;
  const kernels: GaussianKernel[] = Array.from({ length: 5 }, () => ({
    matrix: randomMatrix(d, random),
    offset: random.fillNormal(new Float64Array(d)),
    covariance: randomCovariance(d, random),
  }));
  const [mean, covariance] = [Float64Array.of(1, -1), randomCovariance(d, random)];

  it('ends where the composed kernel ends', () => {
    const law = propagateChain(kernels, mean, covariance);
    const whole = jointFromKernel(mean, covariance, kernels.reduce(composeKernels));
    expect([law.means.length, law.covariances.length]).toEqual([6, 6]);
    expectVector(law.means.at(-1)!, whole.targetMean, 1e-11);
    expectMatrix(law.covariances.at(-1)!, whole.targetCovariance, 1e-11);
    expectMatrix(law.crossCovariance, whole.crossCovariance, 1e-11);
  });

  it('runs backward with results in forward order', () => {
    const law = propagateBackward(kernels, mean, covariance);
    const turned = propagateChain([...kernels].reverse(), mean, covariance);
    expect(law.means.at(-1)).toBe(mean);
    expectVector(law.means[0]!, turned.means.at(-1)!, 0);
    expectMatrix(law.covariances[2]!, turned.covariances[3]!, 0);
    expectMatrix(law.crossCovariance, turned.crossCovariance.transpose(), 0);
  });
});
