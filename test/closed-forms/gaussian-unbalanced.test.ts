import fc from 'fast-check';
import { inverse, Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { gaussianPlan, gaussianPlanValue } from '../../src/closed-forms/gaussian-plan.ts';
import { type PenalisedGaussian, unbalancedPlan } from '../../src/closed-forms/gaussian-unbalanced.ts';
import { NotPositiveDefiniteError } from '../../src/errors.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { blockJoint, logDeterminant, spectralFunction, squareRoot } from '../../src/numerics/spd.ts';
import { combine, dot, multiplyVector } from '../../src/numerics/vectors.ts';
import { expectMatrix, expectVector } from '../laws/coupling-laws.ts';
import { randomCovariance } from '../laws/random-gaussians.ts';
import { type LineSide, scalingPlan } from './scaling-oracle.ts';

const onLine = ({ mass, mean, variance, penalty }: LineSide): PenalisedGaussian => ({
  mass,
  penalty,
  mean: Float64Array.of(mean),
  covariance: new Matrix([[variance]]),
});

function compareWithGrid(source: LineSide, target: LineSide, epsilon: number): void {
  const grid = scalingPlan(source, target, epsilon);
  const { joint, mass, linear, kl, primal } = unbalancedPlan(onLine(source), onLine(target), epsilon);
  const pairs: [number, number][] = [
    [mass, grid.mass],
    [joint.sourceMean[0]!, grid.means[0]],
    [joint.targetMean[0]!, grid.means[1]],
    [joint.sourceCovariance.get(0, 0), grid.variances[0]],
    [joint.targetCovariance.get(0, 0), grid.variances[1]],
    [joint.crossCovariance.get(0, 0), grid.cross],
    [linear, grid.linear],
    [kl, grid.kl],
    [primal, grid.value],
  ];
  for (const [actual, expected] of pairs) expect(Math.abs(actual - expected)).toBeLessThan(1e-11 * (1 + Math.abs(expected)));
}

describe('the unbalanced plan between Gaussians', () => {
  const [source, target] = [
    { mean: -0.7, variance: 1.3 },
    { mean: 0.9, variance: 0.6 },
  ];

  it.each([
    [1, 1, 1, 2],
    [2, 0.7, 0.5, 1],
    [1, 3, 0.3, 5],
  ])('is that of scaling iterations: masses %d and %d, ε = %d, r = %d', (massA, massB, epsilon, penalty) => {
    compareWithGrid({ ...source, mass: massA, penalty }, { ...target, mass: massB, penalty }, epsilon);
  });

  it.each([
    [0.4, 6],
    [Infinity, 2],
    [0.9, Infinity],
  ])('is that of scaling iterations with unequal penalties %d and %d', (first, second) => {
    compareWithGrid({ ...source, mass: 1.2, penalty: first }, { ...target, mass: 0.8, penalty: second }, 0.6);
  });

  it('has the recorded values for r = (1.3, 4), ε = ½', () => {
    const { joint, mass, primal } = unbalancedPlan(
      onLine({ mass: 1.4, mean: -0.3, variance: 0.8, penalty: 1.3 }),
      onLine({ mass: 0.6, mean: 0.9, variance: 1.7, penalty: 4 }),
      0.5,
    );
    expect(mass).toBeCloseTo(0.6350862536, 10);
    expect(joint.sourceMean[0]).toBeCloseTo(-0.0073170732, 10);
    expect(joint.targetMean[0]).toBeCloseTo(0.6512195122, 10);
    expect(joint.sourceCovariance.get(0, 0)).toBeCloseTo(0.8250124965, 10);
    expect(joint.targetCovariance.get(0, 0)).toBeCloseTo(1.4755151683, 10);
    expect(primal).toBeCloseTo(0.956499729, 10);
  });

  it('has value r₁m_a + r₂m_b + ε·m_a·m_b − (ε + r₁ + r₂)·m_π', () => {
    forRandomSides((a, b, epsilon) => {
      const { mass, primal } = unbalancedPlan(a, b, epsilon);
      const expected = a.penalty * a.mass + b.penalty * b.mass + epsilon * a.mass * b.mass - (epsilon + a.penalty + b.penalty) * mass;
      expect(Math.abs(primal - expected)).toBeLessThan(1e-10 * (1 + Math.abs(expected)));
    });
  });

  it('agrees with the formulas of Janati et al. for equal penalties', () => {
    forRandomSides((a, b, epsilon) => {
      const equal = { ...b, penalty: a.penalty };
      const { joint, mass } = unbalancedPlan(a, equal, epsilon);
      const expected = janati(a, equal, epsilon, a.penalty);
      expectVector(Float64Array.of(...joint.sourceMean, ...joint.targetMean), expected.mean, 1e-10);
      expectMatrix(blockJoint(joint.sourceCovariance, joint.crossCovariance, joint.targetCovariance), expected.covariance, 1e-10);
      expect(mass / expected.mass).toBeCloseTo(1, 9);
    });
  });

  it('tends to the balanced plan when penalties grow', () => {
    forRandomSides((a, b, epsilon) => {
      const [hardA, hardB] = [
        { ...a, mass: 1, penalty: 1e8 },
        { ...b, mass: 1, penalty: 1e8 },
      ];
      const { joint, mass, primal } = unbalancedPlan(hardA, hardB, epsilon);
      const plan = gaussianPlan(a.covariance, b.covariance, epsilon);
      const { linear, kl } = gaussianPlanValue(a.mean, a.covariance, b.mean, b.covariance, plan);
      expectMatrix(joint.crossCovariance, plan.cross, 1e-6);
      expect(mass).toBeCloseTo(1, 6);
      expect(Math.abs(primal - linear - epsilon * kl)).toBeLessThan(1e-5 * (1 + primal));
    });
  });

  it('tends to the kernel a⊗b·exp(−c/ε), not to nothing, when penalties vanish', () => {
    const [a, b] = [onLine({ mass: 2, mean: 0, variance: 1, penalty: 1e-9 }), onLine({ mass: 3, mean: 0, variance: 1, penalty: 1e-9 })];
    // E exp(−(x − y)²/2) = 1/√3 for x − y ~ N(0, 2).
    expect(unbalancedPlan(a, b, 1).mass).toBeCloseTo(6 / Math.sqrt(3), 7);
  });

  it('keeps the mass and the law of an exact side', () => {
    forRandomSides((a, b, epsilon) => {
      const { joint, mass } = unbalancedPlan({ ...a, penalty: Infinity }, b, epsilon);
      expect(mass).toBe(a.mass);
      expectVector(joint.sourceMean, a.mean, 1e-12);
      expectMatrix(joint.sourceCovariance, a.covariance, 1e-9);
    });
  });

  it('refuses a singular covariance', () => {
    const singular = onLine({ mass: 1, mean: 0, variance: 0, penalty: 1 });
    const fine = onLine({ mass: 1, mean: 0, variance: 1, penalty: 1 });
    expect(() => unbalancedPlan(singular, fine, 1)).toThrow(NotPositiveDefiniteError);
    expect(() => unbalancedPlan(fine, singular, 1)).toThrow(NotPositiveDefiniteError);
  });
});

function forRandomSides(check: (a: PenalisedGaussian, b: PenalisedGaussian, epsilon: number) => void): void {
  const positive = fc.double({ min: 0.3, max: 3, noNaN: true });
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 1e6 }),
      fc.integer({ min: 1, max: 4 }),
      fc.record({ epsilon: positive, first: positive, second: positive, massA: positive, massB: positive }),
      (seed, dimension, { epsilon, first, second, massA, massB }) => {
        const random = randomSource(seed);
        const side = (mass: number, penalty: number): PenalisedGaussian => ({
          mass,
          penalty,
          mean: random.fillNormal(new Float64Array(dimension)),
          covariance: randomCovariance(dimension, random),
        });
        check(side(massA, first), side(massB, second), epsilon);
      },
    ),
    { seed: 6, numRuns: 20 },
  );
}

/** Equal penalties by the published route: determinants and completed squares instead of divergences between Gaussians. */
function janati(
  a: PenalisedGaussian,
  b: PenalisedGaussian,
  epsilon: number,
  r: number,
): { mean: Float64Array; covariance: Matrix; mass: number } {
  const d = a.mean.length;
  const [tau, lambda, identity] = [r / (r + epsilon), r + epsilon, Matrix.eye(d)];
  const shrink = (s: Matrix): Matrix => Matrix.sub(identity, inverse(Matrix.add(s, Matrix.mul(identity, lambda))).mul(lambda)).mul(lambda);
  const precision = (s: Matrix, other: Matrix): Matrix => {
    const root = squareRoot(shrink(s));
    const middle = spectralFunction(root.mmul(shrink(other)).mmul(root), (x) => 0.5 + Math.sqrt(0.25 + (tau / (epsilon * epsilon)) * x));
    return inverse(root).mmul(middle).mmul(inverse(root));
  };
  const [p, q] = [precision(a.covariance, b.covariance), precision(b.covariance, a.covariance)];
  const covariance = inverse(blockJoint(p, Matrix.mul(identity, -1 / epsilon), q));
  const x = inverse(Matrix.add(a.covariance, b.covariance).add(Matrix.mul(identity, lambda)));
  const gap = multiplyVector(x, combine([1, b.mean], [-1, a.mean]));
  const mean = Float64Array.of(
    ...combine([1, a.mean], [1, multiplyVector(a.covariance, gap)]),
    ...combine([1, b.mean], [-1, multiplyVector(b.covariance, gap)]),
  );
  const h = multiplyVector(inverse(covariance), mean);
  const kappa = (side: PenalisedGaussian, block: Matrix, part: Float64Array): number =>
    -0.5 * logDeterminant(side.covariance) -
    0.5 * dot(side.mean, multiplyVector(inverse(side.covariance), side.mean)) -
    0.5 * logDeterminant(block) +
    0.5 * dot(part, multiplyVector(inverse(block), part));
  const logs = Math.log(a.mass) + Math.log(b.mass);
  const s = (-tau / (1 + tau)) * (logs + kappa(a, p, h.slice(0, d)) + kappa(b, q, h.slice(d)));
  const own = (side: PenalisedGaussian): number =>
    -0.5 * logDeterminant(side.covariance) - 0.5 * dot(side.mean, multiplyVector(inverse(side.covariance), side.mean));
  const mass = Math.exp(logs + s + own(a) + own(b) + 0.5 * logDeterminant(covariance) + 0.5 * dot(h, multiplyVector(covariance, h)));
  return { mean, covariance, mass };
}
