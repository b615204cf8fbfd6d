import { describe, expect, test } from 'vitest';
import type { Bridge } from '../../src/couplings/bridge.ts';
import { bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import { logLikelihood } from '../../src/diffusion/flow-likelihood.ts';
import { DomainError, ShapeError } from '../../src/errors.ts';
import { gaussianBridge } from '../../src/gaussian/gaussian-bridge.ts';
import { dataMarginal } from '../../src/marginals/discrete-marginal.ts';
import { gaussianMarginal } from '../../src/marginals/gaussian-marginal.ts';
import { mixtureMarginal } from '../../src/marginals/mixture-marginal.ts';
import type { Points } from '../../src/numerics/points.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { timeGrid } from '../../src/references/time-grid.ts';
import { variancePreserving } from '../../src/references/variance-preserving.ts';

const source = gaussianMarginal({
  mean: [-0.4, 0.2, 0.1],
  covariance: [
    [1, 0.3, 0],
    [0.3, 0.6, 0.1],
    [0, 0.1, 0.4],
  ],
});
const target = gaussianMarginal({
  mean: [0.5, 0.1, -1],
  covariance: [
    [0.7, -0.2, 0.1],
    [-0.2, 1.2, 0],
    [0.1, 0, 2],
  ],
});
const problem = bridgeProblem({ source, target, reference: variancePreserving({ betaMin: 0.5, betaMax: 3 }) });
const bridge = gaussianBridge(problem);
const x = source.sample(40, randomSource(1));
const y = target.sample(40, randomSource(2));

describe('the log-likelihood by the probability flow', () => {
  test('of an exact bridge is the log-density of its marginals, at both ends', () => {
    const [near, far] = [logLikelihood(bridge, x), logLikelihood(bridge, y, { side: 'target' })];
    const [exact, exactFar] = [source.logDensity!(x), target.logDensity!(y)];
    near.forEach((value, i) => expect(value).toBeCloseTo(exact[i]!, 6));
    far.forEach((value, i) => expect(value).toBeCloseTo(exactFar[i]!, 6));
  });

  test('is the tolerance’s, not the grid’s', () => {
    const exact = source.logDensity!(x);
    const coarse = logLikelihood(bridge, x, { grid: timeGrid.fromSteps([0.5, 0.5]), tolerance: 1e-6 });
    const worst = (values: Float64Array) => Math.max(...values.map((value, i) => Math.abs(value - exact[i]!)));
    expect(worst(coarse)).toBeLessThan(1e-5);
    expect(worst(logLikelihood(bridge, x, { grid: timeGrid.fromSteps([0.5, 0.5]), tolerance: 10 }))).toBeGreaterThan(1e-5);
  });

  test('a value does not depend on the rows beside it', () => {
    const all = logLikelihood(bridge, x, { divergence: 'hutchinson', random: randomSource(3) });
    const few = logLikelihood(
      bridge,
      { data: x.data.slice(0, 6), count: 2, dimension: 3 },
      { divergence: 'hutchinson', random: randomSource(3) },
    );
    expect(Array.from(few)).toEqual(Array.from(all.slice(0, 2)));
  });

  test('Hutchinson’s estimate is unbiased for the logarithm', () => {
    const exact = source.logDensity!([[0.3, 0.1, -0.5]])[0]!;
    const same = Array.from({ length: 200 }, () => [0.3, 0.1, -0.5]);
    const values = Array.from(logLikelihood(bridge, same, { divergence: 'hutchinson', probes: 2, random: randomSource(4) }));
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const spread = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
    expect(spread).toBeGreaterThan(0.01);
    expect(Math.abs(mean - exact)).toBeLessThan((4.5 * spread) / Math.sqrt(values.length));
  });

  test('of a mixture under the reference is the log-density of the mixture', () => {
    const reference = variancePreserving({ betaMin: 0.5, betaMax: 6 });
    const weights = [0.3, 0.7];
    const parts = [gaussianMarginal({ mean: [-2, 0], covariance: 0.1 }), gaussianMarginal({ mean: [1, 1], covariance: 0.3 })];
    const law = (t: number) => {
      const { matrix, covariance } = reference.transition(0, t, 2);
      const tau = matrix.get(0, 0);
      const components = parts.map((part) =>
        gaussianMarginal({
          mean: part.mean().map((m) => tau * m),
          covariance: part
            .covariance()
            .mul(tau * tau)
            .add(covariance),
        }),
      );
      return { components, marginal: mixtureMarginal({ weights, components }) };
    };
    const velocity = (t: number, x: Points): Points => {
      const { components, marginal } = law(t);
      const out = reference.drift(t, x).data.slice();
      const total = marginal.logDensity!(x);
      const noise = reference.diffusionCovariance(t, 2).get(0, 0);
      components.forEach((part, j) => {
        const own = part.logDensity!(x);
        const [mean, variance] = [part.mean(), part.covariance().get(0, 0)];
        x.data.forEach((value, p) => {
          const share = weights[j]! * Math.exp(own[Math.floor(p / 2)]! - total[Math.floor(p / 2)]!);
          out[p]! += (0.5 * noise * share * (value - mean[p % 2]!)) / variance;
        });
      });
      return { data: out, count: x.count, dimension: 2 };
    };
    const noising = { source: law(0).marginal, target: law(1).marginal, reference, velocity } as unknown as Bridge;
    const at = law(0).marginal.sample(50, randomSource(5));
    const exact = law(0).marginal.logDensity!(at);
    logLikelihood(noising, at).forEach((value, i) => expect(value).toBeCloseTo(exact[i]!, 4));
  });

  test('refuses what has no density and what it does not know', () => {
    const data = gaussianBridge(problem);
    const without = { ...data, target: dataMarginal([[0, 0, 0]]) };
    expect(() => logLikelihood(without, x)).toThrow(DomainError);
    expect(() => logLikelihood(without, x)).toThrow(/^logLikelihood: the target is a discrete marginal.*pass side: 'target'/);
    expect(() => logLikelihood(data, [[0]])).toThrow(ShapeError);
    for (const [options, message] of [
      [{ side: 'left' }, /unknown side 'left'/],
      [{ divergence: 'trace' }, /unknown divergence 'trace'/],
      [{ probes: 0, divergence: 'hutchinson' }, /probes must be a whole number/],
      [{ tolerance: 0 }, /tolerance must be > 0/],
      [{ tol: 1 }, /unknown option 'tol'/],
    ] as const) {
      expect(() => logLikelihood(data, x, options as object)).toThrow(message);
    }
  });
});
