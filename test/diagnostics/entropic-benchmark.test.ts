import { Matrix } from 'ml-matrix';
import { describe, expect, test } from 'vitest';
import { type EntropicBenchmark, entropicBenchmark } from '../../src/diagnostics/entropic-benchmark.ts';
import { DomainError, ShapeError } from '../../src/errors.ts';
import { gaussianBridge } from '../../src/gaussian/gaussian-bridge.ts';
import { gaussianMarginal } from '../../src/marginals/gaussian-marginal.ts';
import { mixtureMarginal } from '../../src/marginals/mixture-marginal.ts';
import { weightedMoments } from '../../src/numerics/moments.ts';
import { points } from '../../src/numerics/points.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { eigenSymmetric, inverseSpd } from '../../src/numerics/spd.ts';
import { multiplyVector } from '../../src/numerics/vectors.ts';

const parts = {
  source: gaussianMarginal({ mean: [0.3], covariance: 0.8 }),
  weights: [0.5, 0.3, 0.2],
  means: [[-2], [1], [2.5]],
  covariances: [[[0.3]], [[0.5]], [[0.2]]],
};

/** Σ_k ω_k m_k(x₀). */
function conditionalMean(benchmark: EntropicBenchmark, x0: readonly number[]): number[] {
  const { weights, means } = benchmark.conditional(x0);
  return x0.map((_, c) => means.reduce((sum, mean, k) => sum + weights[k]! * mean[c]!, 0));
}

const density = (x: number, mean: number, variance: number): number =>
  Math.exp(-((x - mean) ** 2) / (2 * variance)) / Math.sqrt(2 * Math.PI * variance);

/** ∫∫ of π* over a grid: rows x₀, columns x₁. */
function gridPlan(benchmark: EntropicBenchmark, xs: readonly number[], ys: readonly number[]): number[][] {
  const [dx, dy] = [xs[1]! - xs[0]!, ys[1]! - ys[0]!];
  return xs.map((x) => {
    const { weights, means, covariances } = benchmark.conditional([x]);
    const start = dx * density(x, 0.3, 0.8);
    return ys.map((y) => start * dy * means.reduce((sum, m, k) => sum + weights[k]! * density(y, m[0]!, covariances[k]!.get(0, 0)), 0));
  });
}

const range = (from: number, to: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => from + ((to - from) * i) / (count - 1));

describe('the constructed plan', () => {
  const epsilon = 0.7;
  const benchmark = entropicBenchmark({ epsilon, ...parts });
  const xs = range(-4.5, 5, 100);
  const ys = range(-6, 6.5, 130);
  const plan = gridPlan(benchmark, xs, ys);

  test('has mass 1 and the source as first marginal', () => {
    const rows = plan.map((r) => r.reduce((sum, p) => sum + p, 0));
    expect(rows.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 6);
    rows.forEach((p, i) => {
      expect(p).toBeCloseTo((xs[1]! - xs[0]!) * density(xs[i]!, 0.3, 0.8), 10);
    });
  });

  test('is what Sinkhorn on a grid finds between its marginals', () => {
    const kernel = xs.map((x) => ys.map((y) => Math.exp(-((x - y) ** 2) / (2 * epsilon))));
    const a = plan.map((r) => r.reduce((sum, p) => sum + p, 0));
    const b = ys.map((_, j) => plan.reduce((sum, r) => sum + r[j]!, 0));
    const u = new Float64Array(xs.length).fill(1);
    const v = new Float64Array(ys.length).fill(1);
    for (let round = 0; round < 400; round++) {
      kernel.forEach((row, i) => {
        u[i] = a[i]! / row.reduce((sum, k, j) => sum + k * v[j]!, 0);
      });
      ys.forEach((_, j) => {
        v[j] = b[j]! / kernel.reduce((sum, row, i) => sum + row[j]! * u[i]!, 0);
      });
    }
    let distance = 0;
    kernel.forEach((row, i) => {
      row.forEach((k, j) => {
        distance += 0.5 * Math.abs(u[i]! * k * v[j]! - plan[i]![j]!);
      });
    });
    expect(distance).toBeLessThan(1e-10);
  });

  test('the target has the moments of the second marginal, within sampling error', () => {
    const p1 = ys.map((_, j) => plan.reduce((sum, r) => sum + r[j]!, 0));
    const mean = ys.reduce((sum, y, j) => sum + p1[j]! * y, 0);
    const variance = ys.reduce((sum, y, j) => sum + p1[j]! * (y - mean) ** 2, 0);
    const estimate = benchmark.target.mean()[0]!;
    expect(Math.abs(estimate - mean)).toBeLessThan(5 * Math.sqrt(variance / 100_000));
    expect(Math.abs(benchmark.target.covariance().get(0, 0) / variance - 1)).toBeLessThan(5 * Math.sqrt(2 / 100_000));
  });

  test('draws follow the conditional law', () => {
    const n = 20_000;
    const drawn = benchmark.sampleConditional(points(Array.from({ length: n }, () => [0.4])), randomSource(3));
    const { mean, covariance } = weightedMoments(drawn);
    const { weights, means, covariances } = benchmark.conditional([0.4]);
    const truth = mixtureMarginal({ weights, components: means.map((m, k) => gaussianMarginal({ mean: m, covariance: covariances[k]! })) });
    const variance = truth.covariance().get(0, 0);
    expect(Math.abs(mean[0]! - truth.mean()[0]!)).toBeLessThan(5 * Math.sqrt(variance / n));
    // The fourth moment of a mixture is at most a few squares of its variance.
    expect(Math.abs(covariance.get(0, 0) / variance - 1)).toBeLessThan(5 * Math.sqrt(4 / n));
  });
});

describe('the drift', () => {
  test('pulls towards the expected end: (E[X₁ | X_t = x] − x)/(1 − t)', () => {
    const seeded = entropicBenchmark({ dimension: 3, components: 4, epsilon: 1.3, seed: 5 });
    const { weights, means, covariances } = recovered(seeded, 1.3, 3);
    for (const t of [0, 0.25, 0.9]) {
      // From X_t = x the end is again such a plan, with what is left of ε.
      const rest = entropicBenchmark({ epsilon: (1 - t) * 1.3, source: seeded.source, weights, means, covariances });
      for (const x of [
        [0.2, -0.4, 1],
        [2, 2, -1],
      ]) {
        const expected = conditionalMean(rest, x).map((m, c) => (m - x[c]!) / (1 - t));
        seeded.drift(t, [x]).data.forEach((value, c) => {
          expect(value).toBeCloseTo(expected[c]!, 8);
        });
      }
    }
    expect(() => seeded.drift(1.1, [[0, 0, 0]])).toThrow(DomainError);
  });

  test('one component is the Gaussian bridge', () => {
    const source = gaussianMarginal({
      mean: [0.5, -0.2],
      covariance: [
        [1, 0.3],
        [0.3, 0.6],
      ],
    });
    const benchmark = entropicBenchmark({
      epsilon: 0.9,
      source,
      weights: [1],
      means: [[2, 1]],
      covariances: [
        [
          [0.8, -0.2],
          [-0.2, 0.5],
        ],
      ],
    });
    expect(benchmark.target.kind).toBe('gaussian');
    const bridge = gaussianBridge(benchmark.problem);
    const x = [
      [0, 0],
      [1.5, -2],
    ];
    for (const t of [0, 0.5, 1]) {
      const expected = bridge.drift(t, x).data;
      benchmark.drift(t, x).data.forEach((value, i) => {
        expect(value).toBeCloseTo(expected[i]!, 9);
      });
    }
    const mean = bridge.conditionalMean(x).data;
    x.forEach((row, i) => {
      conditionalMean(benchmark, row).forEach((value, c) => {
        expect(value).toBeCloseTo(mean[2 * i + c]!, 9);
      });
    });
  });
});

/** Weights, centres and covariances read off the conditional law at two points. */
function recovered(benchmark: EntropicBenchmark, epsilon: number, dimension: number) {
  const zero = new Array<number>(dimension).fill(0);
  const { weights, means, covariances } = benchmark.conditional(zero);
  const made = covariances.map((s, k) => {
    const precision = Matrix.sub(inverseSpd(s), Matrix.eye(dimension).mul(1 / epsilon));
    const covariance = inverseSpd(precision);
    return { covariance, mean: multiplyVector(covariance.mmul(inverseSpd(s)), means[k]!) };
  });
  const raw = made.map(({ covariance, mean }, k) => {
    const wide = gaussianMarginal({ mean, covariance: Matrix.add(covariance, Matrix.eye(dimension).mul(epsilon)) });
    return weights[k]! / Math.exp(wide.logDensity([zero])[0]!);
  });
  const sum = raw.reduce((a, b) => a + b, 0);
  return {
    weights: raw.map((w) => w / sum),
    means: made.map(({ mean }) => Array.from(mean)),
    covariances: made.map(({ covariance }) => covariance),
  };
}

describe('a benchmark from a seed', () => {
  test('has centres on the sphere of radius 5, eigenvalues in [½, 2], and is reproducible', () => {
    const make = (seed: number): EntropicBenchmark => entropicBenchmark({ dimension: 4, components: 6, epsilon: 1, seed });
    const { means, covariances, weights } = recovered(make(3), 1, 4);
    expect(new Set(weights.map((w) => w.toFixed(6))).size).toBe(6);
    for (const mean of means) expect(Math.hypot(...mean)).toBeCloseTo(5, 8);
    const values = covariances.flatMap((s) => [...eigenSymmetric(s).values]);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0.5 - 1e-9);
    expect(Math.max(...values)).toBeLessThanOrEqual(2 + 1e-9);
    expect(Math.max(...values) - Math.min(...values)).toBeGreaterThan(0.5);
    const at = [0.1, 0.2, 0.3, 0.4];
    expect(make(3).conditional(at).weights).toEqual(make(3).conditional(at).weights);
    expect(make(4).conditional(at).weights).not.toEqual(make(3).conditional(at).weights);
    expect(make(3).problem.reference.effectiveEpsilon).toBeCloseTo(1, 12);
  });

  test('is quick in high dimension', () => {
    const benchmark = entropicBenchmark({ dimension: 64, components: 5, epsilon: 1, seed: 1 });
    const start = performance.now();
    benchmark.target.sample(500, randomSource(1));
    expect(performance.now() - start).toBeLessThan(4000);
  });

  test('refuses bad input', () => {
    expect(() => entropicBenchmark({ dimension: 2, components: 2, epsilon: 0, seed: 1 })).toThrow(/epsilon must be > 0/);
    expect(() => entropicBenchmark({ epsilon: 1, ...parts, weights: [1] })).toThrow(ShapeError);
    expect(() => entropicBenchmark({ dimension: 2, components: 2, epsilon: 1, seed: 1, k: 2 } as never)).toThrow(/unknown option 'k'/);
    expect(() => entropicBenchmark({ epsilon: 1, ...parts }).conditional([1, 2])).toThrow(ShapeError);
  });
});
