import { Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { jointFromKernel } from '../../src/closed-forms/gaussian-joint.ts';
import { gaussianKl } from '../../src/closed-forms/gaussian-kl.ts';
import { fitSource, fitTarget } from '../../src/closed-forms/ipf-step.ts';
import { reverseKernel } from '../../src/closed-forms/population-step.ts';
import { type BridgeProblem, bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import { DomainError } from '../../src/errors.ts';
import {
  type GaussianChain,
  gaussianBridge,
  gaussianChain,
  gaussianIpf,
  type PopulationDsbOptions,
  populationDsb,
} from '../../src/gaussian/index.ts';
import { gaussianMarginal } from '../../src/marginals/gaussian-marginal.ts';
import { momentsOf } from '../../src/marginals/marginal-moments.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { brownian, dsbReference, ornsteinUhlenbeck, timeGrid } from '../../src/references/index.ts';
import { expectMatrix, expectVector } from '../laws/coupling-laws.ts';
import { everyReference, randomGaussian } from '../laws/random-gaussians.ts';

const line = bridgeProblem({
  source: gaussianMarginal({ mean: [-0.1], covariance: 1 }),
  target: gaussianMarginal({ mean: [0.1], covariance: 1 }),
  reference: brownian({ sigma: 1 }),
});

const run = (steps: number, halfSteps: number, options: PopulationDsbOptions): GaussianChain =>
  populationDsb(line, timeGrid.uniform({ steps }), options).iterate(halfSteps);

const at = (m: Matrix | undefined): number => m!.get(0, 0);

/** Mean over the nodes of KL(iterate | bridge). */
function meanKl(chain: GaussianChain): number {
  const bridge = gaussianBridge(line);
  const each = Array.from(chain.grid.times, (t, k) => {
    const marginal = bridge.marginalAt(Math.min(t, 1));
    return gaussianKl(
      { mean: chain.means[k]!, covariance: chain.covariances[k]! },
      { mean: marginal.mean(), covariance: marginal.covariance() },
    );
  });
  return each.reduce((sum, kl) => sum + kl, 0) / each.length;
}

describe('limits for N(∓0.1, 1), σ = 1, after 60 outer iterations', () => {
  it.each([
    [5, -0.0678, 1.0532, 0.6133, 4.9e-4, 0.5724, 3.6e-4],
    [20, -0.0908, 1.0118, 0.6163, 2.7e-5, 0.5988, 4.1e-4],
    [50, -0.0962, 1.0046, 0.6172, 3.6e-6, 0.6048, 3.4e-4],
    [200, -0.099, 1.0011, 0.6177, 1.7e-7, 0.6126, 7.5e-5],
  ])('N = %i', (steps, mean, variance, cross, kl, simpleCross, simpleKl) => {
    const matched = run(steps, 119, { target: 'mean' });
    expect(matched.means[0]![0]).toBeCloseTo(mean, 4);
    expect(at(matched.covariances[0])).toBeCloseTo(variance, 4);
    expect(at(matched.crossCovariance)).toBeCloseTo(cross, 4);
    expect(meanKl(matched) / kl).toBeCloseTo(1, 1);
    const simple = run(steps, 119, { target: 'simple' });
    expect(simple.means[0]![0]).toBeCloseTo(-0.1, 4);
    expect(at(simple.covariances[0])).toBeCloseTo(1, 3);
    expect(at(simple.crossCovariance)).toBeCloseTo(simpleCross, 4);
    expect(meanKl(simple) / simpleKl).toBeCloseTo(1, 1);
    const moment = run(steps, 119, { target: 'moment' });
    expect(moment.means[0]![0]).toBeCloseTo(-0.1, 12);
    expect(at(moment.covariances[0])).toBeCloseTo(1, 12);
    expect(at(moment.crossCovariance)).toBeCloseTo((Math.sqrt(5) - 1) / 2, 12);
  });

  it('drift matching with perfect regression is mean matching', () => {
    const [drift, mean] = [run(20, 7, { target: 'drift' }), run(20, 7, { target: 'mean' })];
    drift.kernels.forEach((kernel, k) => {
      expectMatrix(kernel.matrix, mean.kernel(k).matrix, 0);
      expectVector(kernel.offset, mean.kernel(k).offset, 0);
    });
  });
});

describe('simple forgets the reference', () => {
  it.each([
    [10, 240, 0.59049],
    [20, 440, 0.59874],
    [50, 900, 0.60346],
  ])('N = %i slides to constant marginals with covariance (1 − 1/N)^{N/2}', (steps, halfSteps, expected) => {
    const limit = run(steps, halfSteps + 1, { target: 'simple' });
    expect(at(limit.crossCovariance)).toBeCloseTo(expected, 5);
    expect(at(limit.crossCovariance)).toBeCloseTo((1 - 1 / steps) ** (steps / 2), 5);
    for (const covariance of limit.covariances) expect(at(covariance)).toBeCloseTo(1, 3);
  });

  it('with a half-life of about 0.4·N outer iterations', () => {
    const distance = (outer: number): number => at(run(20, 2 * outer, { target: 'simple' }).crossCovariance) - (1 - 1 / 20) ** 10;
    const [early, late] = [distance(20), distance(36)];
    const halfLife = (16 * Math.LN2) / Math.log(early / late);
    expect(halfLife / 20).toBeGreaterThan(0.3);
    expect(halfLife / 20).toBeLessThan(0.5);
  });
});

describe('time labels are part of the scheme', () => {
  /** Scalar DSB written out; `both: 'same'` labels both evaluations of the target with the transition, `'own'` the second with its point. */
  function scalarDsb(steps: number, halfSteps: number, both: 'same' | 'own'): { mean: number; variance: number; cross: number } {
    const gamma = 1 / steps;
    let kernels = Array.from({ length: steps }, () => ({ l: 1, o: 0 }));
    let [mean, variance, cross] = [0, 0, 0];
    for (let half = 0; half <= halfSteps; half++) {
      // Kernels are listed in the order of their own direction.
      const [m, s] = [[half % 2 === 0 ? -0.1 : 0.1], [1]];
      cross = 1;
      kernels.forEach(({ l, o }, k) => {
        m.push(l * m[k]! + o);
        s.push(l * l * s[k]! + gamma);
        cross *= l;
      });
      [mean, variance] = [m[steps]!, s[steps]!];
      kernels = kernels
        .map(({ l, o }, k) => {
          const gain = (s[k]! * l) / s[k + 1]!;
          const second = kernels[both === 'same' ? k : Math.min(k + 1, steps - 1)]!;
          // E[y + F(x) − F₂(y) | y] with E[x | y] = m_k + gain·(y − m_{k+1})
          return { l: 1 + l * gain - second.l, o: l * (m[k]! - gain * m[k + 1]!) + o - second.o };
        })
        .reverse();
    }
    return { mean, variance, cross };
  }

  it.each([1, 2, 7, 40])('the scheme of the library is the one with equal labels, half-step %i', (halfSteps) => {
    const expected = scalarDsb(20, halfSteps, 'same');
    const chain = run(20, halfSteps, { target: 'mean' });
    const end = chain.direction === 'forward' ? 20 : 0;
    expect(chain.means[end]![0]).toBeCloseTo(expected.mean, 12);
    expect(at(chain.covariances[end])).toBeCloseTo(expected.variance, 12);
    expect(at(chain.crossCovariance)).toBeCloseTo(expected.cross, 12);
  });

  it('labelling the second evaluation with its own point destroys DSB: −.102, 1.169, .970', () => {
    const wrong = scalarDsb(20, 119, 'own');
    expect([wrong.mean, wrong.variance, wrong.cross].map((x) => x.toFixed(3))).toEqual(['-0.102', '1.169', '0.970']);
  });

  it("label 'next' has the limit (−.0998, 1.0017, .6115), and keeps the reference and the variances", () => {
    const late = run(20, 119, { target: 'mean', timeLabel: 'next' });
    expect([late.means[0]![0]!, at(late.covariances[0]), at(late.crossCovariance)].map((x) => x.toFixed(4))).toEqual([
      '-0.0998',
      '1.0017',
      '0.6115',
    ]);
    const [start, plain] = [run(20, 0, { target: 'mean', timeLabel: 'next' }), run(20, 0, { target: 'mean' })];
    expectMatrix(start.crossCovariance, plain.crossCovariance, 0);
    for (const kernel of late.kernels) expect(at(kernel.covariance)).toBeCloseTo(0.05, 14);
  });

  it("label 'next' moves means by one transition and clamps at the end", () => {
    const grid = timeGrid.fromSteps([0.1, 0.2, 0.3, 0.4]);
    const [point, next] = (['point', 'next'] as const).map((timeLabel) =>
      populationDsb(line, grid, { target: 'mean', timeLabel }).iterate(1),
    );
    [0, 0, 1, 2].forEach((from, k) => {
      expectMatrix(next!.kernel(k).matrix, point!.kernel(from).matrix, 0);
      expectVector(next!.kernel(k).offset, point!.kernel(from).offset, 0);
      expectMatrix(next!.kernel(k).covariance, point!.kernel(k).covariance, 0);
    });
  });
});

describe.each(everyReference)('over %s', (_, make) => {
  const random = randomSource(61);
  const reference = make(2, randomSource(8));
  const problem = bridgeProblem({ source: randomGaussian(2, random), target: randomGaussian(2, random), reference });
  const gridOf = (steps: number) => timeGrid.uniform({ steps, horizon: reference.horizon });

  it('moment matching is IPF of the chain at every half-step, and tends to gaussianChain', () => {
    const grid = gridOf(8);
    const dsb = populationDsb(problem, grid, { target: 'moment' });
    const [source, target] = [momentsOf(problem.source), momentsOf(problem.target)];
    let joint = jointFromKernel(source.mean, source.covariance, reference.discretise(grid).transition(0, 8, 2));
    for (let i = 0; i <= 10; i++) {
      const m = dsb.iterate(i).moments();
      expectVector(m.sourceMean, joint.sourceMean, 1e-10);
      expectVector(m.targetMean, joint.targetMean, 1e-10);
      expectMatrix(m.sourceCovariance, joint.sourceCovariance, 1e-10);
      expectMatrix(m.targetCovariance, joint.targetCovariance, 1e-10);
      expectMatrix(m.crossCovariance, joint.crossCovariance, 1e-10);
      joint = i % 2 === 0 ? fitTarget(joint, target) : fitSource(joint, source);
    }
    const limit = dsb.iterate(160);
    const exact = gaussianChain(problem, grid);
    expectMatrix(limit.crossCovariance, exact.crossCovariance, 1e-7);
    for (const [k, covariance] of limit.covariances.entries()) expectMatrix(covariance, exact.covariances[k]!, 1e-7);
  });

  it.each(['mean', 'endpoint'] as const)('%s: half-steps tend to those of IPF with the number of steps', (target) => {
    const ipf = gaussianIpf(problem);
    const error = (steps: number, half: number): number => {
      const [found, exact] = [populationDsb(problem, gridOf(steps), { target }).iterate(half).moments(), ipf.iterate(half).moments()];
      const shift = (side: 'sourceMean' | 'targetMean'): number => Math.hypot(...found[side].map((m, k) => m - exact[side][k]!));
      const spread = (['sourceCovariance', 'targetCovariance', 'crossCovariance'] as const).map(
        (part) => Matrix.sub(found[part], exact[part]).norm() / exact[part].norm(),
      );
      return shift('sourceMean') + shift('targetMean') + spread.reduce((sum, x) => sum + x, 0);
    };
    for (const half of [1, 2]) {
      expect(error(48, half)).toBeLessThan(0.7 * error(24, half));
    }
  });
});

describe('populationDsb', () => {
  it('works on coordinates one by one when everything is diagonal', () => {
    const { reference, grid } = dsbReference({ rate: 0.8, mean: 0.3 }, [0.05, 0.1, 0.2, 0.1, 0.05]);
    const make = (means: readonly [number, number][], variances: readonly [number, number][]): BridgeProblem =>
      bridgeProblem({
        source: gaussianMarginal({ mean: means.map(([m]) => m), covariance: Matrix.diag(variances.map(([v]) => v)) }),
        target: gaussianMarginal({ mean: means.map(([, m]) => m), covariance: Matrix.diag(variances.map(([, v]) => v)) }),
        reference,
      });
    const means = [
      [0.2, 1],
      [-1, 0.5],
    ] as const;
    const variances = [
      [1.2, 0.6],
      [0.7, 1.5],
    ] as const;
    for (const target of ['mean', 'simple', 'moment', 'endpoint'] as const) {
      const both = populationDsb(make([[...means[0]], [...means[1]]], [[...variances[0]], [...variances[1]]]), grid, { target }).iterate(5);
      [0, 1].forEach((i) => {
        const alone = populationDsb(make([[...means[i]!]], [[...variances[i]!]]), grid, { target }).iterate(5);
        alone.covariances.forEach((covariance, k) => {
          expect(both.covariances[k]!.get(i, i)).toBeCloseTo(at(covariance), 12);
          expect(both.means[k]![i]).toBeCloseTo(alone.means[k]![0]!, 12);
        });
        expect(both.crossCovariance.get(i, i)).toBeCloseTo(at(alone.crossCovariance), 12);
      });
      expect(both.crossCovariance.get(0, 1)).toBeCloseTo(0, 12);
    }
  });

  it('starts at the discretised reference, and alternates directions from the right side', () => {
    const dsb = populationDsb(line, timeGrid.uniform({ steps: 6 }), { target: 'mean' });
    expect(at(dsb.iterate(0).covariances[6])).toBeCloseTo(2, 13);
    expect([0, 1, 2, 3].map((i) => dsb.iterate(i).direction)).toEqual(['forward', 'backward', 'forward', 'backward']);
    expect(dsb.iterate(3).means[6]![0]).toBe(0.1);
    expect(dsb.iterate(4).means[0]![0]).toBe(-0.1);
  });

  it('keeps its iterates, so that walking through them is linear work', () => {
    const dsb = populationDsb(line, timeGrid.uniform({ steps: 6 }), { target: 'mean' });
    const late = dsb.iterate(9);
    expect(dsb.iterate(9)).toBe(late);
    expect(dsb.iterate(3)).toBe(dsb.iterate(3));
  });

  it('has the exact scheme: moment matching then is IPF of the process', () => {
    const reference = ornsteinUhlenbeck({ rate: 1.1, sigma: 0.9, mean: -0.3 });
    const problem = bridgeProblem({ source: line.source, target: line.target, reference });
    const dsb = populationDsb(problem, timeGrid.uniform({ steps: 5 }), { target: 'moment', scheme: 'exact' });
    const ipf = gaussianIpf(problem);
    for (const i of [0, 1, 2, 5]) {
      expectMatrix(dsb.iterate(i).moments().crossCovariance, ipf.iterate(i).moments().crossCovariance, 1e-11);
      expectVector(dsb.iterate(i).moments().targetMean, ipf.iterate(i).moments().targetMean, 1e-11);
    }
  });

  it('endpoint learns the first half-step from the ends of the process itself: the backward drift of the reference', () => {
    const reference = ornsteinUhlenbeck({ rate: 1.1, sigma: 0.9, mean: -0.3 });
    const problem = bridgeProblem({ source: line.source, target: line.target, reference });
    const grid = timeGrid.fromSteps([0.1, 0.2, 0.3, 0.4]);
    const first = populationDsb(problem, grid, { target: 'endpoint' }).iterate(1);
    const process = gaussianIpf(problem).iterate(0);
    first.kernels.forEach(({ matrix, offset, covariance }, k) => {
      const [gamma, t] = [grid.durations[k]!, Math.min(grid.times[k + 1]!, 1)];
      const [at0, at1] = process.backwardDrift(t, [[0], [1]]).data;
      expect(offset[0]).toBeCloseTo(gamma * at0!, 11);
      expect(matrix.get(0, 0)).toBeCloseTo(1 + gamma * (at1! - at0!), 11);
      expect(at(covariance)).toBeCloseTo(0.81 * gamma, 13);
    });
  });

  it('reverses exactly for moment, with the right mean for mean and simple', () => {
    const random = randomSource(77);
    const before = momentsOf(randomGaussian(3, random));
    const kernel = { matrix: Matrix.eye(3).mul(0.9), offset: Float64Array.of(0.1, 0.2, 0.3), covariance: Matrix.eye(3).mul(0.2) };
    const joint = jointFromKernel(before.mean, before.covariance, kernel);
    const after = { mean: joint.targetMean, covariance: joint.targetCovariance };
    const back = jointFromKernel(after.mean, after.covariance, reverseKernel(kernel, before, after, 'moment'));
    expectVector(back.targetMean, before.mean, 1e-13);
    expectMatrix(back.targetCovariance, before.covariance, 1e-13);
    expectMatrix(back.crossCovariance.transpose(), joint.crossCovariance, 1e-13);
    const simple = jointFromKernel(after.mean, after.covariance, reverseKernel(kernel, before, after, 'simple'));
    expectVector(simple.targetMean, before.mean, 1e-13);
    // E[y + F(x) − F(y)] = m' + F(m) − F(m'), F(m) = m'.
    const matched = jointFromKernel(after.mean, after.covariance, reverseKernel(kernel, before, after, 'mean'));
    expectVector(
      matched.targetMean,
      after.mean.map((m, i) => 2 * m - (0.9 * m + kernel.offset[i]!)),
      1e-13,
    );
  });

  it('refuses unknown combinations by name', () => {
    const grid = timeGrid.uniform({ steps: 4 });
    const make = (options: object) => () => populationDsb(line, grid, options as PopulationDsbOptions);
    expect(make({ target: 'means' })).toThrow(DomainError);
    expect(make({ target: 'means' })).toThrow(/'means'.*mean, drift, simple, moment, endpoint/);
    expect(make({ target: 'mean', timeLabel: 'late' })).toThrow(/timeLabel 'late'/);
    expect(make({ target: 'endpoint', scheme: 'exact' })).toThrow(/endpoint/);
    expect(make({ target: 'mean', labels: 'next' })).toThrow(/unknown option 'labels'/);
    expect(() => populationDsb(line, grid, { target: 'mean' }).iterate(-1)).toThrow(DomainError);
    expect(() => populationDsb(line, grid, { target: 'mean' }).iterate(1.5)).toThrow(DomainError);
  });
});
