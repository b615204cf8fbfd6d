import { Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { gaussianKl } from '../../src/closed-forms/gaussian-kl.ts';
import { type BridgeProblem, bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import { staticProblem } from '../../src/couplings/static-problem.ts';
import { DomainError, NotPositiveDefiniteError } from '../../src/errors.ts';
import { gaussianBridge, gaussianCoupling } from '../../src/gaussian/index.ts';
import { discreteMarginal } from '../../src/marginals/discrete-marginal.ts';
import { gaussianMarginal } from '../../src/marginals/gaussian-marginal.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { blockJoint } from '../../src/numerics/spd.ts';
import { brownian, linearReference, ornsteinUhlenbeck, timeGrid } from '../../src/references/index.ts';
import { expectMatrix, expectVector } from '../laws/coupling-laws.ts';
import { everyReference, randomGaussian } from '../laws/random-gaussians.ts';

const random = randomSource(41);
const [source, target] = [randomGaussian(3, random), randomGaussian(3, random)];

function jointMoments({ moments }: { moments: ReturnType<typeof gaussianBridge>['moments'] }) {
  const m = moments();
  return {
    mean: Float64Array.of(...m.sourceMean, ...m.targetMean),
    covariance: blockJoint(m.sourceCovariance, m.crossCovariance, m.targetCovariance),
  };
}

describe.each(everyReference)('gaussianBridge over %s', (_, make) => {
  const problem = bridgeProblem({ source, target, reference: make(3, randomSource(8)) });
  const bridge = gaussianBridge(problem);
  const T = problem.reference.horizon;

  it('joins its ends as the static problem does', () => {
    const plan = gaussianCoupling(staticProblem(problem));
    expectVector(bridge.canonicalCorrelations, plan.canonicalCorrelations, 1e-11);
    if (problem.reference.effectiveEpsilon !== undefined) {
      expectMatrix(bridge.moments().crossCovariance, plan.moments().crossCovariance, 1e-11);
    }
  });

  it('has pathKl = KL of the end points, bridge against reference', () => {
    const { matrix, offset, covariance } = problem.reference.transition(0, T, 3);
    const [a, A] = [source.mean(), source.covariance()];
    const moved = matrix.mmul(A);
    const reference = {
      mean: Float64Array.of(
        ...a,
        ...matrix
          .mmul(Matrix.columnVector([...a]))
          .to1DArray()
          .map((x, i) => x + offset[i]!),
      ),
      covariance: blockJoint(A, moved.transpose(), moved.mmul(matrix.transpose()).add(covariance)),
    };
    expect(bridge.pathKl() / gaussianKl(jointMoments(bridge), reference)).toBeCloseTo(1, 9);
  });

  it('has drift = driftCoefficients, and is the same read at T as just before', () => {
    const x = [[0.4, -0.2, 1]];
    const { matrix, offset } = bridge.driftCoefficients(0.4 * T);
    const expected = matrix
      .mmul(Matrix.columnVector(x[0]!))
      .to1DArray()
      .map((value, i) => value + offset[i]!);
    expectVector(bridge.drift(0.4 * T, x).data, Float64Array.from(expected), 1e-13);
    expectVector(bridge.drift(T, x).data, bridge.drift(T * (1 - 1e-9), x).data, 1e-5);
  });
});

describe('gaussianBridge', () => {
  it('depends on the matrix form only through the process: θI, σI is Ornstein–Uhlenbeck', () => {
    const scalar = ornsteinUhlenbeck({ rate: 0.7, mean: 0.5, sigma: 1.3, horizon: 1.2 });
    const matrix = linearReference({
      drift: [
        [-0.7, 0, 0],
        [0, -0.7, 0],
        [0, 0, -0.7],
      ],
      bias: [0.35, 0.35, 0.35],
      diffusion: [
        [1.3, 0, 0],
        [0, 1.3, 0],
        [0, 0, 1.3],
      ],
      horizon: 1.2,
    });
    const [one, other] = [scalar, matrix].map((reference) => gaussianBridge(bridgeProblem({ source, target, reference })));
    expectMatrix(other!.moments().crossCovariance, one!.moments().crossCovariance, 1e-11);
    for (const t of [0, 0.5, 1.2]) {
      expectMatrix(other!.driftCoefficients(t).matrix, one!.driftCoefficients(t).matrix, 1e-9);
      expectVector(other!.driftCoefficients(t).offset, one!.driftCoefficients(t).offset, 1e-9);
      expectMatrix(other!.marginalAt(t).covariance(), one!.marginalAt(t).covariance(), 1e-11);
    }
    expect(other!.pathKl()).toBeCloseTo(one!.pathKl(), 9);
  });

  it('moves with a rotation of space', () => {
    const [c, s] = [Math.cos(0.7), Math.sin(0.7)];
    const turn = new Matrix([
      [c, -s, 0],
      [s, c, 0],
      [0, 0, 1],
    ]);
    const turned = (m: typeof source) =>
      gaussianMarginal({
        mean: turn.mmul(Matrix.columnVector([...m.mean()])).to1DArray(),
        covariance: turn.mmul(m.covariance()).mmul(turn.transpose()),
      });
    const reference = brownian({ sigma: 0.8 });
    const bridge = gaussianBridge(bridgeProblem({ source, target, reference }));
    const rotated = gaussianBridge(bridgeProblem({ source: turned(source), target: turned(target), reference }));
    expectMatrix(rotated.driftCoefficients(0.3).matrix, turn.mmul(bridge.driftCoefficients(0.3).matrix).mmul(turn.transpose()), 1e-10);
    expect(rotated.pathKl()).toBeCloseTo(bridge.pathKl(), 10);
  });

  it('does nothing when the target is where the reference goes: drift of the reference, pathKl 0', () => {
    const reference = ornsteinUhlenbeck({ rate: 0.7, mean: 0.5, sigma: 1.3, horizon: 1.2 });
    const { matrix, offset, covariance } = reference.transition(0, 1.2, 3);
    const reached = gaussianMarginal({
      mean: matrix
        .mmul(Matrix.columnVector([...source.mean()]))
        .to1DArray()
        .map((x, i) => x + offset[i]!),
      covariance: matrix.mmul(source.covariance()).mmul(matrix.transpose()).add(covariance),
    });
    const bridge = gaussianBridge(bridgeProblem({ source, target: reached, reference }));
    expect(Math.abs(bridge.pathKl())).toBeLessThan(1e-12);
    const x = [[1, 2, 3]];
    expectVector(bridge.drift(0.6, x).data, reference.drift(0.6, x).data, 1e-10);
  });

  it.each([1e-2, 1e-5])('keeps what is left of y given x where B − CᵀA⁻¹C cancels, σ = %d', (sigma) => {
    const unit = gaussianMarginal({ mean: [0], covariance: 1 });
    const bridge = gaussianBridge(bridgeProblem({ source: unit, target: unit, reference: brownian({ sigma }) }));
    const epsilon = sigma * sigma;
    // At T the slope is 1 − ε/(1 − s²), and 1 − s² = 2ε/(ε + √(ε² + 4)).
    const excess = (epsilon + epsilon ** 2 / (Math.sqrt(epsilon ** 2 + 4) + 2)) / 2;
    expect(bridge.driftCoefficients(1).matrix.get(0, 0)).toBeCloseTo(-excess, 13);
  });

  it('starts at a point', () => {
    const point = gaussianMarginal({ mean: [0.5, -1], covariance: 0 });
    const end = gaussianMarginal({
      mean: [1, 1],
      covariance: [
        [0.5, 0.1],
        [0.1, 0.8],
      ],
    });
    const bridge = gaussianBridge(bridgeProblem({ source: point, target: end, reference: brownian({ sigma: 1 }) }));
    // From a point every law of the end is reached: KL(N(1, B) | N(x₀, I)).
    expect(bridge.pathKl()).toBeCloseTo(
      gaussianKl({ mean: end.mean(), covariance: end.covariance() }, { mean: point.mean(), covariance: Matrix.eye(2) }),
      11,
    );
    const paths = bridge.simulate({ count: 3, grid: timeGrid.uniform({ steps: 4 }), random: randomSource(1) });
    expect([...paths.points[0]!.data]).toEqual([0.5, -1, 0.5, -1, 0.5, -1]);
    expect(bridge.driftCoefficients(0).offset.every(Number.isFinite)).toBe(true);
    expect([...bridge.canonicalCorrelations]).toEqual([0, 0]);
  });

  it('takes grids whose last node misses the horizon by rounding', () => {
    const bridge = gaussianBridge(bridgeProblem({ source, target, reference: brownian({ sigma: 1, horizon: 0.8 }) }));
    const late = timeGrid.fromSteps([1, 2, 4, 5, 3, 1].map((k) => k * 0.05));
    expect(late.horizon).toBeGreaterThan(0.8);
    for (const direction of ['forward', 'backward'] as const) {
      expect(bridge.simulate({ count: 2, grid: late, random: randomSource(2), direction }).points.length).toBe(7);
    }
  });

  it('simulates a part of the time as well', () => {
    const bridge = gaussianBridge(bridgeProblem({ source, target, reference: brownian({ sigma: 1, horizon: 2 }) }));
    const paths = bridge.simulate({ count: 4000, grid: timeGrid.uniform({ steps: 3, horizon: 1 }), random: randomSource(5) });
    const expected = bridge.marginalAt(1);
    const last = paths.points.at(-1)!;
    const mean = last.data.reduce((sum, x, i) => (i % 3 === 0 ? sum + x : sum), 0) / 4000;
    const deviation = Math.sqrt(expected.covariance().get(0, 0) / 4000);
    expect(Math.abs(mean - expected.mean()[0]!)).toBeLessThan(5 * deviation);
  });

  it('refuses other marginals, a singular target and times outside', () => {
    const reference = brownian({ sigma: 1 });
    const make = (problem: Partial<BridgeProblem>) => () => gaussianBridge(bridgeProblem({ source, target, reference, ...problem }));
    const points = discreteMarginal({
      points: [
        [0, 0, 0],
        [1, 2, 3],
      ],
    });
    expect(make({ source: points })).toThrow(DomainError);
    expect(make({ target: points })).toThrow(/gaussianBridge: target is a discrete marginal/);
    expect(
      make({
        target: gaussianMarginal({
          mean: [0, 0, 0],
          covariance: [
            [1, 0, 0],
            [0, 1, 0],
            [0, 0, 0],
          ],
        }),
      }),
    ).toThrow(NotPositiveDefiniteError);
    const bridge = gaussianBridge(bridgeProblem({ source, target, reference }));
    for (const t of [-0.1, 1.1, Number.NaN]) {
      expect(() => bridge.marginalAt(t)).toThrow(DomainError);
      expect(() => bridge.driftCoefficients(t)).toThrow(DomainError);
    }
  });
});
