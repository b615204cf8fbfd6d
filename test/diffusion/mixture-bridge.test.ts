import { describe, expect, test } from 'vitest';
import { bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import { staticProblem } from '../../src/couplings/static-problem.ts';
import { conditionalBwUvp, entropicBenchmark } from '../../src/diagnostics/index.ts';
import { type MixtureOptions, type MixtureProgress, mixtureBridge } from '../../src/diffusion/index.ts';
import { ConvergenceError, DomainError, ShapeError } from '../../src/errors.ts';
import { gaussianBridge } from '../../src/gaussian/index.ts';
import { dataMarginal, gaussianMarginal, mixtureMarginal, sampledMarginal } from '../../src/marginals/index.ts';
import { toRows } from '../../src/numerics/points.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { brownian, timeGrid } from '../../src/references/index.ts';
import { expectMatrix, expectVector } from '../laws/coupling-laws.ts';
import { everyReference, randomGaussian } from '../laws/random-gaussians.ts';

const target = mixtureMarginal({
  weights: [0.4, 0.6],
  components: [gaussianMarginal({ mean: [-1.5, 0.5], covariance: 0.3 }), gaussianMarginal({ mean: [1, -0.4], covariance: 0.5 })],
});
const source = gaussianMarginal({ mean: [0, 0.3], covariance: 0.8 });
const problem = bridgeProblem({ source, target, reference: brownian({ sigma: 1 }) });

describe.each(everyReference)('one component over %s', (_, makeReference) => {
  test('is the Gaussian bridge: moments, drifts, score, density', async () => {
    const random = randomSource(4);
    const gaussian = bridgeProblem({
      source: randomGaussian(3, random),
      target: randomGaussian(3, random),
      reference: makeReference(3, random),
    });
    const [made, exact] = [await mixtureBridge(gaussian, { components: 1, covariance: 'full', samples: 500 }), gaussianBridge(gaussian)];
    expect(made.status).toBe('converged');
    const [a, b] = [made.moments(), exact.moments()];
    expect(a.standardErrors).toBeUndefined();
    expectVector(a.targetMean, b.targetMean, 1e-10);
    expectMatrix(a.targetCovariance, b.targetCovariance, 1e-10);
    expectMatrix(a.crossCovariance, b.crossCovariance, 1e-10);
    for (const share of [0, 0.2, 0.9, 1]) {
      const t = share * gaussian.reference.horizon;
      const x = exact.marginalAt(t).sample(3, random);
      for (const field of ['drift', 'backwardDrift', 'score', 'velocity'] as const) {
        expectVector(made[field](t, x).data, exact[field](t, x).data, 1e-7);
      }
      expectVector(made.marginalAt(t).logDensity!(x), exact.marginalAt(t).logDensity!(x), 1e-8);
    }
  });
});

test('one component on samples is the Gaussian bridge to sampling error', async () => {
  const [a, b] = [randomGaussian(2, randomSource(1)), randomGaussian(2, randomSource(2))];
  const reference = brownian({ sigma: 1 });
  const n = 20_000;
  const made = await mixtureBridge(
    bridgeProblem({ source: dataMarginal(a.sample(n, randomSource(3))), target: dataMarginal(b.sample(n, randomSource(4))), reference }),
    { components: 1, covariance: 'full' },
  );
  const exact = gaussianBridge(bridgeProblem({ source: a, target: b, reference })).moments();
  // Five standard errors of an entry.
  expectMatrix(made.moments().crossCovariance, exact.crossCovariance, (5 * Math.SQRT2) / Math.sqrt(n));
});

describe('EM', () => {
  test.each(['diagonal', 'full'] as const)('the loss never rises, and ends stationary (%s)', async (covariance) => {
    const losses: number[] = [];
    const bridge = await mixtureBridge(problem, {
      components: 4,
      covariance,
      samples: 1000,
      ridge: 0,
      maxIterations: 3000,
      onProgress: ({ loss }) => losses.push(loss),
    });
    expect(losses.length).toBe(bridge.iterations + 1);
    for (let i = 1; i < losses.length; i++) expect(losses[i]! - losses[i - 1]!).toBeLessThanOrEqual(1e-12);
    expect(losses.at(-1)).toBe(bridge.loss);
    expect(bridge.status).toBe('converged');
    expect(bridge.error).toBeLessThanOrEqual(1e-6);
  });

  test('marginals come out right, and conditionals are those of the truth on the benchmark', async () => {
    const benchmark = entropicBenchmark({ dimension: 2, components: 3, epsilon: 1, seed: 2 });
    const bridge = await mixtureBridge(benchmark.problem, { components: 3, covariance: 'full', samples: 20_000 });
    expect(bridge.marginalError().target).toBeLessThan(0.05);
    // The truth estimated from 1000 draws a point is about 0.06 % away from itself.
    expect(conditionalBwUvp(bridge, benchmark)).toBeLessThan(0.06);
    const x = benchmark.source.sample(200, randomSource(6));
    for (const t of [0, 0.5, 0.9]) {
      const [f, g] = [bridge.drift(t, x).data, benchmark.drift(t, x).data];
      const error = f.reduce((sum, value, i) => sum + (value - g[i]!) ** 2, 0);
      expect(error / g.reduce((sum, value) => sum + value * value, 0)).toBeLessThan(0.01);
    }
  });

  test('points that coincide, more components than points, one point', async () => {
    const reference = brownian({ sigma: 1 });
    const few = dataMarginal([[0], [0], [1]]);
    const bridge = await mixtureBridge(bridgeProblem({ source: few, target: few, reference }), { components: 5 });
    expect(bridge.warnings[0]).toContain('2 components instead of 5');
    expect(bridge.conditionalMean([[0.5]]).data.every(Number.isFinite)).toBe(true);
  });
});

test('Adam goes to the same loss as EM', async () => {
  const shared: MixtureOptions = { components: 3, covariance: 'full', samples: 2000 };
  const [em, adam] = [
    await mixtureBridge(problem, shared),
    await mixtureBridge(problem, { ...shared, method: 'adam', maxIterations: 2000 }),
  ];
  expect(adam.iterations).toBe(2000);
  expect(adam.loss).toBeGreaterThan(em.loss - 1e-3);
  expect(adam.loss).toBeLessThan(em.loss + 0.02);
  expect(adam.status).toBe('max-iterations');
});

test.each([0.1, 10])('dimension 128 with ε = %d: finite everywhere, the target in place', async (epsilon) => {
  const centre = new Float64Array(128).fill(5 / Math.sqrt(128));
  const wide = bridgeProblem({
    source: gaussianMarginal({ mean: new Float64Array(128), covariance: 1 }),
    target: mixtureMarginal({
      weights: [0.3, 0.7],
      components: [gaussianMarginal({ mean: centre, covariance: 0.7 }), gaussianMarginal({ mean: centre.map((m) => -m), covariance: 0.4 })],
    }),
    reference: brownian({ sigma: Math.sqrt(epsilon) }),
  });
  const bridge = await mixtureBridge(wide, { components: 2, samples: 3000, maxIterations: 60 });
  const x = wide.source.sample(2, randomSource(8));
  for (const t of [0, 0.5, 1]) expect(bridge.drift(t, x).data.every(Number.isFinite)).toBe(true);
  expect(bridge.backwardDrift(0.4, x).data.every(Number.isFinite)).toBe(true);
  expect(bridge.marginalError().target).toBeLessThan(1);
});

describe('the law', () => {
  test('potential, conditional laws and end-point problem fit together', async () => {
    const bridge = await mixtureBridge(problem, { components: 3, samples: 800, maxIterations: 20 });
    const x0 = [0.4, -0.2];
    const { weights, means, covariances } = bridge.conditional(x0);
    const { epsilon } = staticProblem(problem);
    const logs = bridge.potential.weights.map((w, k) => {
      const [r, v] = [bridge.potential.means[k]!, bridge.potential.covariances[k]!];
      const u = x0.map((x) => x / epsilon);
      return Math.log(w) + r[0]! * u[0]! + r[1]! * u[1]! + 0.5 * (v.get(0, 0) * u[0]! ** 2 + v.get(1, 1) * u[1]! ** 2);
    });
    const top = Math.max(...logs);
    const sum = logs.reduce((total, log) => total + Math.exp(log - top), 0);
    logs.forEach((log, k) => {
      expect(weights[k]).toBeCloseTo(Math.exp(log - top) / sum, 12);
    });
    const mean = [0, 1].map((c) => means.reduce((total, m, k) => total + weights[k]! * m[c]!, 0));
    expectVector(bridge.conditionalMean([x0]).data, Float64Array.from(mean), 1e-12);
    expect(covariances.length).toBe(3);
  });

  test('densities of marginals integrate to one', async () => {
    const line = (made: Parameters<typeof bridgeProblem>[0]['source']) =>
      bridgeProblem({
        source: made,
        target: mixtureMarginal({
          weights: [1 / 3, 2 / 3],
          components: [-2, 1].map((m) => gaussianMarginal({ mean: [m], covariance: 0.2 })),
        }),
        reference: brownian({ sigma: 0.8 }),
      });
    for (const made of [dataMarginal([[-1], [0.3], [0.4]]), gaussianMarginal({ mean: [0.2], covariance: 0.7 })]) {
      const bridge = await mixtureBridge(line(made), { components: 3, samples: 2000, maxIterations: 50 });
      const grid = Array.from({ length: 1601 }, (_, i) => [-8 + i / 100]);
      for (const t of [0.3, 1]) {
        const density = bridge.marginalAt(t).logDensity!(grid).map(Math.exp);
        expect(density.reduce((sum, p) => sum + p / 100, 0)).toBeCloseTo(1, made.kind === 'discrete' ? 10 : 4);
      }
    }
  });

  test('looking back needs a density: sources known by sampling refuse by name, everything else works', async () => {
    const sampled = sampledMarginal({ dimension: 2, draw: (count, random) => source.sample(count, random) });
    const bridge = await mixtureBridge(bridgeProblem({ source: sampled, target, reference: brownian({ sigma: 1 }) }), {
      components: 2,
      samples: 500,
      maxIterations: 5,
    });
    expect(() => bridge.backwardDrift(0.5, [[0, 0]])).toThrow(/dataMarginal/);
    expect(() => bridge.score(0.5, [[0, 0]])).toThrow(DomainError);
    expect(() => bridge.reverse().sampleConditional([[0, 0]], randomSource(1))).toThrow(DomainError);
    expect(bridge.drift(0.5, [[0, 0]]).data.every(Number.isFinite)).toBe(true);
    expect(bridge.simulate({ count: 3, grid: timeGrid.uniform({ steps: 4 }), random: randomSource(1) }).points.length).toBe(5);
    expect(bridge.marginalAt(0.5).logDensity).toBeUndefined();
  });
});

describe('the run', () => {
  const quick: MixtureOptions = { components: 3, samples: 300, maxIterations: 10 };

  test('the same seed gives the same bits, another seed others', async () => {
    for (const method of ['em', 'adam'] as const) {
      const rows = await Promise.all(
        [1, 1, 2].map(async (seed) => toRows((await mixtureBridge(problem, { ...quick, method, seed })).drift(0.3, [[1, 1]]))),
      );
      expect(rows[1]).toEqual(rows[0]);
      expect(rows[2]).not.toEqual(rows[0]);
    }
  });

  test('says honestly how it ended', async () => {
    expect((await mixtureBridge(problem, { ...quick, maxIterations: 1 })).status).toBe('max-iterations');
    const controller = new AbortController();
    const stopped = await mixtureBridge(problem, {
      ...quick,
      signal: controller.signal,
      onProgress: ({ iteration }: MixtureProgress) => iteration === 3 && controller.abort(),
    });
    expect([stopped.status, stopped.iterations]).toEqual(['aborted', 3]);
    expect(stopped.drift(0.5, [[0, 0]]).data.every(Number.isFinite)).toBe(true);
    await expect(mixtureBridge(problem, { ...quick, maxIterations: 1, onFailure: 'throw' })).rejects.toThrow(ConvergenceError);
    const { halfSteps } = stopped;
    expect(halfSteps).toEqual([]);
    expect(JSON.stringify(stopped).length).toBeLessThan(300);
  });

  test('bad input is refused by name', async () => {
    const refused: readonly (readonly [object, RegExp])[] = [
      [{ components: 0 }, /components must be a whole number/],
      [{ covariance: 'spherical' }, /unknown covariance 'spherical'/],
      [{ method: 'sgd' }, /unknown method 'sgd'/],
      [{ ridge: -1 }, /ridge must be ≥ 0/],
      [{ tolerance: Number.NaN }, /tolerance must be ≥ 0/],
      [{ seed: 0.5 }, /seed must be a whole number/],
      [{ learningRate: 0 }, /learningRate must be > 0/],
      [{ centres: 3 }, /unknown option 'centres'/],
    ];
    for (const [options, message] of refused) await expect(mixtureBridge(problem, options as MixtureOptions)).rejects.toThrow(message);
    await expect(mixtureBridge(staticProblem(problem) as never)).rejects.toThrow(/bridgeProblem/);
    const bridge = await mixtureBridge(problem, quick);
    expect(() => bridge.conditional([1])).toThrow(ShapeError);
  });
});
