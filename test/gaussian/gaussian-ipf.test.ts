import fc from 'fast-check';
import { Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { gaussianKl } from '../../src/closed-forms/gaussian-kl.ts';
import { bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import type { Coupling } from '../../src/couplings/coupling.ts';
import { gaussianBridge, gaussianIpf } from '../../src/gaussian/index.ts';
import { gaussianMarginal } from '../../src/marginals/gaussian-marginal.ts';
import type { Moments } from '../../src/numerics/moments.ts';
import { integrate } from '../../src/numerics/quadrature.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { blockJoint } from '../../src/numerics/spd.ts';
import { brownian, ornsteinUhlenbeck } from '../../src/references/index.ts';
import { expectMatrix, expectVector } from '../laws/coupling-laws.ts';
import { everyReference, randomGaussian } from '../laws/random-gaussians.ts';

function ends(coupling: Coupling): Moments {
  const m = coupling.moments();
  return {
    mean: Float64Array.of(...m.sourceMean, ...m.targetMean),
    covariance: blockJoint(m.sourceCovariance, m.crossCovariance, m.targetCovariance),
  };
}

describe('gaussianIpf', () => {
  it('starts at the reference, fixes the target at odd and the source at even half-steps', () => {
    const random = randomSource(71);
    for (const [, make] of everyReference) {
      const reference = make(3, random);
      const problem = bridgeProblem({ source: randomGaussian(3, random), target: randomGaussian(3, random), reference });
      const ipf = gaussianIpf(problem);
      const start = ipf.iterate(0);
      const x = [[0.3, 0.1, -2]];
      const t = 0.3 * reference.horizon;
      expectVector(start.drift(t, x).data, reference.drift(t, x).data, 1e-7);
      expect(Math.abs(start.pathKl())).toBeLessThan(1e-10);
      for (const i of [1, 3]) expectMatrix(ipf.iterate(i).moments().targetCovariance, problem.target.covariance(), 1e-12);
      for (const i of [2, 4]) expectMatrix(ipf.iterate(i).moments().sourceCovariance, problem.source.covariance(), 1e-12);
    }
  });

  it('obeys Pythagoras: KL(bridge | iterate) = KL(bridge | next) + KL(next | iterate)', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 1e6 }),
        fc.integer({ min: 1, max: 4 }),
        fc.nat({ max: everyReference.length - 1 }),
        (seed, d, which) => {
          const random = randomSource(seed);
          const problem = bridgeProblem({
            source: randomGaussian(d, random),
            target: randomGaussian(d, random),
            reference: everyReference[which]![1](d, random),
          });
          const [ipf, limit] = [gaussianIpf(problem), ends(gaussianBridge(problem))];
          for (let i = 0; i < 6; i++) {
            const [now, next] = [ends(ipf.iterate(i)), ends(ipf.iterate(i + 1))];
            const whole = gaussianKl(limit, now);
            expect(Math.abs(whole - gaussianKl(limit, next) - gaussianKl(next, now))).toBeLessThan(1e-7 * (1 + whole));
          }
        },
      ),
      { seed: 4, numRuns: 12 },
    );
  });

  it('has pathKl = KL(start | source) + E∫|f − f_ref|²/(2σ²)', () => {
    const reference = ornsteinUhlenbeck({ rate: 0.7, mean: 0.4, sigma: 1.1, horizon: 1.3 });
    const random = randomSource(72);
    const problem = bridgeProblem({ source: randomGaussian(2, random), target: randomGaussian(2, random), reference });
    const ipf = gaussianIpf(problem);
    for (const i of [1, 2, 3]) {
      const iterate = ipf.iterate(i);
      const { sourceMean, sourceCovariance } = iterate.moments();
      const start = gaussianKl(
        { mean: sourceMean, covariance: sourceCovariance },
        { mean: problem.source.mean(), covariance: problem.source.covariance() },
      );
      const energy = integrate(
        (t) => {
          const [f, own, law] = [iterate.driftCoefficients(t), reference.driftCoefficients(t, 2), iterate.marginalAt(t)];
          const matrix = Matrix.sub(f.matrix, own.matrix);
          const mean = matrix
            .mmul(Matrix.columnVector([...law.mean()]))
            .to1DArray()
            .map((x, k) => x + f.offset[k]! - own.offset[k]!);
          const spread = matrix.mmul(law.covariance()).mmul(matrix.transpose()).trace();
          return (mean.reduce((sum, x) => sum + x * x, 0) + spread) / (2 * 1.21);
        },
        0,
        1.3,
        30,
      );
      expect(iterate.pathKl()).toBeCloseTo(start + energy, 8);
    }
  });

  it('contracts in three dimensions by ρ² (means) and ρ⁴ (covariances), KL by ρ⁴ with wrong means, ρ⁸ with right ones', () => {
    const random = randomSource(73);
    const [first, second] = [randomGaussian(3, random), randomGaussian(3, random)];
    const reference = brownian({ sigma: Math.sqrt(0.5) });
    const problem = bridgeProblem({ source: first, target: second, reference });
    const { canonicalCorrelations } = gaussianBridge(problem);
    const rho2 = canonicalCorrelations[0]! ** 2;
    const ipf = gaussianIpf(problem);
    expect(ipf.rate).toBeCloseTo(rho2, 10);
    const limit = ends(gaussianBridge(problem));
    const ratio = (half: number, solver: typeof ipf, to: Moments): number =>
      gaussianKl(to, ends(solver.iterate(half))) / gaussianKl(to, ends(solver.iterate(half - 2)));
    const shift = (half: number): number =>
      Math.hypot(
        ...ipf
          .iterate(half)
          .moments()
          .sourceMean.map((m, k) => m - first.mean()[k]!),
      );
    const half = Math.min(61, 2 * Math.round(Math.log(1e-5) / Math.log(rho2) / 2) + 1);
    expect(shift(half) / shift(half - 2) / rho2).toBeCloseTo(1, 2);
    expect(ratio(half, ipf, limit) / rho2 ** 2).toBeCloseTo(1, 2);
    const { matrix, offset } = reference.transition(0, 1, 3);
    const right = gaussianMarginal({
      mean: matrix
        .mmul(Matrix.columnVector([...first.mean()]))
        .to1DArray()
        .map((x, k) => x + offset[k]!),
      covariance: second.covariance(),
    });
    const centred = bridgeProblem({ source: first, target: right, reference });
    const late = Math.min(half, 2 * Math.round(Math.log(1e-3) / Math.log(rho2) / 2) + 1);
    expect(ratio(late, gaussianIpf(centred), ends(gaussianBridge(centred))) / rho2 ** 4).toBeCloseTo(1, 1);
  });
});
