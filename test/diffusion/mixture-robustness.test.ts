import { describe, expect, test } from 'vitest';
import { bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import { logLikelihood, type MixtureOptions, mixtureBridge } from '../../src/diffusion/index.ts';
import { DomainError, NotPositiveDefiniteError } from '../../src/errors.ts';
import { dataMarginal, gaussianMarginal, mixtureMarginal } from '../../src/marginals/index.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { brownian } from '../../src/references/index.ts';
import { expectVector } from '../laws/coupling-laws.ts';

describe('data and noise of any size', () => {
  const reference = brownian({ sigma: 1 });
  const cloud = (shift: number, scale: number) =>
    dataMarginal(Array.from({ length: 200 }, (_, i) => [shift + scale * Math.sin(3 * i), shift - scale * Math.cos(5 * i)]));

  test('far from the origin the bridge is the one at the origin, moved', async () => {
    const far = 1e5;
    const [here, there] = await Promise.all(
      [0, far].map((shift) =>
        mixtureBridge(bridgeProblem({ source: cloud(shift, 1), target: cloud(shift, 2), reference }), {
          components: 3,
          covariance: 'full',
        }),
      ),
    );
    expect(there!.status).toBe(here!.status);
    const [a, b] = [here!.conditionalMean([[0.3, -0.1]]).data, there!.conditionalMean([[far + 0.3, far - 0.1]]).data];
    expectVector(
      b.map((value) => value - far),
      a,
      1e-4,
    );
  });

  test('targets without spread are refused with what to do', async () => {
    const point = bridgeProblem({
      source: cloud(0, 1),
      target: dataMarginal([
        [0.1, 0.2],
        [0.1, 0.2],
      ]),
      reference,
    });
    for (const components of [1, 10]) {
      await expect(mixtureBridge(point, { components })).rejects.toThrow(NotPositiveDefiniteError);
      await expect(mixtureBridge(point, { components })).rejects.toThrow(/single point.*sinkhornBridge/);
    }
    const line = dataMarginal([
      [0, 0],
      [1, 0],
      [2, 0],
      [5, 0],
    ]);
    const flat = bridgeProblem({ source: cloud(0, 1), target: line, reference });
    for (const covariance of ['diagonal', 'full'] as const) {
      await expect(mixtureBridge(flat, { components: 1, covariance })).rejects.toThrow(/no variance in some direction; leave/);
      const bridge = await mixtureBridge(flat, { components: 2, covariance });
      expect(bridge.status).not.toBe('diverged');
      expect(Math.abs(bridge.conditionalMean([[1, 1]]).data[1]!)).toBeLessThan(1e-3);
    }
    // From a point there is no plan to learn, but to a cloud.
    const from = await mixtureBridge(bridgeProblem({ source: dataMarginal([[0, 0]]), target: cloud(0, 1), reference }), { components: 3 });
    expect(from.marginalError().target).toBeLessThan(0.1);
  });

  test('nearly a point: a cloud a billionth wide beside the origin', async () => {
    const bridge = await mixtureBridge(bridgeProblem({ source: cloud(0, 1), target: cloud(1, 1e-9), reference }), { components: 4 });
    expect(bridge.status).not.toBe('diverged');
    expectVector(bridge.conditionalMean([[3, -1]]).data, Float64Array.of(1, 1), 1e-8);
  });

  test.each([
    [1e100, 1],
    [1e160, 1],
    [1, 1e-100],
  ])('data of size %d with sigma %d is refused', async (size, sigma) => {
    const wide = bridgeProblem({ source: cloud(0, 1), target: cloud(0, size), reference: brownian({ sigma }) });
    await expect(mixtureBridge(wide)).rejects.toThrow(DomainError);
    await expect(mixtureBridge(wide)).rejects.toThrow(/sigma/);
  });

  test.each([1e-170, 1e165])('a reference of sigma %d is refused by that name', async (sigma) => {
    const made = bridgeProblem({ source: cloud(0, 1), target: cloud(0, 1), reference: brownian({ sigma }) });
    await expect(mixtureBridge(made)).rejects.toThrow(DomainError);
    await expect(mixtureBridge(made)).rejects.toThrow(/choose sigma between/);
  });
});

test('points beyond double precision are refused by every function of x, naming the row', async () => {
  const source = gaussianMarginal({ mean: [0, 0], covariance: 1 });
  const target = gaussianMarginal({ mean: [1, 0], covariance: 2 });
  const bridge = await mixtureBridge(bridgeProblem({ source, target, reference: brownian({ sigma: 1 }) }), { components: 2, samples: 400 });
  for (const call of ['drift', 'backwardDrift', 'score', 'velocity'] as const) {
    expect(bridge[call](0.5, [[1e100, -1e100]]).data.every(Number.isFinite)).toBe(true);
    expect(() =>
      bridge[call](0.5, [
        [0, 0],
        [0, 1e160],
      ]),
    ).toThrow(new RegExp(`mixtureBridge\\.${call}: row 1 .*leave it out`));
  }
  expect(() => bridge.conditionalMean([[1e160, 0]])).toThrow(DomainError);
  expect(() => bridge.sampleConditional([[1e160, 0]], randomSource(1))).toThrow(DomainError);
  expect(() => bridge.marginalAt(1).logDensity!([[1e160, 0]])).toThrow(DomainError);
});

describe('a run that cannot go on', () => {
  const quick: MixtureOptions = { components: 3, samples: 300, maxIterations: 10 };
  const target = mixtureMarginal({
    weights: [0.4, 0.6],
    components: [gaussianMarginal({ mean: [-1.5, 0.5], covariance: 0.3 }), gaussianMarginal({ mean: [1, -0.4], covariance: 0.5 })],
  });
  const problem = bridgeProblem({
    source: gaussianMarginal({ mean: [0, 0.3], covariance: 0.8 }),
    target,
    reference: brownian({ sigma: 1 }),
  });

  test('Adam that explodes says so and gives the last good answer', async () => {
    for (const covariance of ['diagonal', 'full'] as const) {
      const bridge = await mixtureBridge(problem, { ...quick, covariance, method: 'adam', learningRate: 1e9, maxIterations: 60 });
      expect(bridge.status).toBe('diverged');
      expect(bridge.warnings.at(-1)).toMatch(/last good answer: lower learningRate/);
      expect(Number.isFinite(bridge.loss)).toBe(true);
      expect(bridge.drift(0.5, [[0, 0]]).data.every(Number.isFinite)).toBe(true);
      expect(bridge.sampleConditional([[0, 0]], randomSource(1)).data.every(Number.isFinite)).toBe(true);
    }
    await expect(mixtureBridge(problem, { ...quick, method: 'adam', learningRate: 1e9, onFailure: 'throw' })).rejects.toThrow(
      /diverged .*lower learningRate/,
    );
  });

  test('a time limit holds for all stages together', async () => {
    const made = await mixtureBridge(problem, { components: 4, samples: 400_000, timeLimit: 1e-3, tolerance: 0 });
    expect(made.status).toBe('time-limit');
    expect(made.iterations).toBeLessThan(3);
  });
});

describe('the log-likelihood of a mixture bridge', () => {
  const source = gaussianMarginal({ mean: [0, 0.3], covariance: 0.8 });
  const target = mixtureMarginal({
    weights: [0.4, 0.6],
    components: [gaussianMarginal({ mean: [-1.5, 0.5], covariance: 0.3 }), gaussianMarginal({ mean: [1, -0.4], covariance: 0.5 })],
  });
  const made = mixtureBridge(bridgeProblem({ source, target, reference: brownian({ sigma: 1 }) }), { components: 2, samples: 2000 });

  test('by its marginals is the one by the divergence of its flow', async () => {
    const bridge = await made;
    const [x, y] = [source.sample(2, randomSource(2)), target.sample(2, randomSource(3))];
    expectVector(logLikelihood(bridge, x), logLikelihood(bridge, x, { divergence: 'exact', tolerance: 1e-4 }), 1e-4);
    expectVector(logLikelihood(bridge, y, { side: 'target' }), bridge.marginalAt(1).logDensity!(y), 1e-9);
    // The flow ends in the fitted law, not in the target: what is left is the error of the fit.
    expect(Math.abs(logLikelihood(bridge, x)[0]! - source.logDensity!(x)[0]!)).toBeGreaterThan(1e-4);
  });

  test.each([1e12, 1e150])('at %d is refused in no time, naming the row', async (far) => {
    const bridge = await made;
    expect(() =>
      logLikelihood(bridge, [
        [0, 0],
        [0, far],
      ]),
    ).toThrow(/row 1 .*leave it out/);
    expect(() => logLikelihood(bridge, [[far, 0]], { side: 'target' })).toThrow(DomainError);
  });
});
