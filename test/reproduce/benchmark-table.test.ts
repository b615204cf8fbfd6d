import { describe, expect, test } from 'vitest';
import { buresWasserstein } from '../../src/closed-forms/bures-wasserstein.ts';
import { entropicBenchmark } from '../../src/diagnostics/index.ts';
import { sampleByBridge, stepVariances } from '../../src/diffusion/bridge-sampler.ts';
import { DomainError } from '../../src/errors.ts';
import { gaussianMarginal } from '../../src/marginals/gaussian-marginal.ts';
import { mixtureMarginal } from '../../src/marginals/mixture-marginal.ts';
import { weightedMoments } from '../../src/numerics/moments.ts';
import { allocatePoints, wrapPoints } from '../../src/numerics/points.ts';
import { randomSource } from '../../src/numerics/random.ts';
import { timeGrid } from '../../src/references/time-grid.ts';
import { benchmarkDrift } from '../../src/reproduce/benchmark-drift.ts';
import { benchmarkTable } from '../../src/reproduce/benchmark-table.ts';

describe('reproduce benchmark', () => {
  const shares: number[] = [];
  const run = benchmarkTable({ quick: true, seeds: 1, onProgress: (_, share) => shares.push(share) });

  test('every ε has its floors, the independent coupling, every method and the published rows', async () => {
    const { rows, notes, columns } = await run;
    for (const epsilon of [0.1, 1, 10]) {
      const methods = rows.filter((row) => row['epsilon'] === epsilon).map(({ method }) => method);
      expect(methods.length).toBe(11);
      for (const part of ['floor: the truth', 'Euler', 'bridge steps', 'independent', 'mixture', 'diffusionBridge', 'bridgeMatching']) {
        expect(methods.some((method) => method.includes(part))).toBe(true);
      }
    }
    expect(rows.find((row) => row.method === 'LightSB (published)' && row['epsilon'] === 10)!['value']).toBe(0.07);
    for (const row of rows) expect(Number.isFinite(row['value'])).toBe(true);
    expect(notes.length).toBeGreaterThan(3);
    expect(columns.map(({ key }) => key)).toContain('floor');
    expect(shares.every((share, i) => share <= 1 && (i === 0 || share >= shares[i - 1]! - 1e-12))).toBe(true);
  });

  test('the mixture is as good as the truth drawn as often, but where ε is small', async () => {
    const { rows } = await run;
    for (const row of rows.filter((one) => one.method === 'mixtureBridge' && (one['epsilon'] as number) >= 1)) {
      expect(row['value']).toBeLessThan(1.5 * (row['floor'] as number));
      expect(row['reached']).toBe('yes');
    }
  });

  test('every row with something to reach is judged by it', async () => {
    const { rows, checks } = await run;
    const bounded = rows.filter((row) => row['bound'] !== undefined);
    expect(checks.map(({ value, goal }) => [value, goal])).toEqual(bounded.map((row) => [row['value'], row['bound']]));
    expect(checks.map(({ verdict }) => verdict)).toEqual(bounded.map((row) => (row['reached'] === 'yes' ? 'pass' : 'fail')));
    expect(checks[0]!.name).toBe('D = 2, ε = 0.1: mixtureBridge');
  });

  test('the independent coupling agrees with Monte Carlo', async () => {
    const { rows } = await run;
    for (const epsilon of [0.1, 1, 10]) {
      const benchmark = entropicBenchmark({ dimension: 2, components: 5, epsilon, seed: 0 });
      const target = weightedMoments(benchmark.target.sample(20_000, randomSource(11)));
      const x = benchmark.source.sample(400, randomSource(12));
      let sum = 0;
      for (let i = 0; i < x.count; i++) {
        const { weights, means, covariances } = benchmark.conditional(x.data.subarray(2 * i, 2 * i + 2));
        const law = mixtureMarginal({
          weights,
          components: means.map((mean, k) => gaussianMarginal({ mean, covariance: covariances[k]! })),
        });
        sum += buresWasserstein({ mean: law.mean(), covariance: law.covariance() }, target) / x.count;
      }
      const expected = (100 * sum) / (0.5 * (target.covariance.get(0, 0) + target.covariance.get(1, 1)));
      const row = rows.find((one) => one.method === 'independent coupling' && one['epsilon'] === epsilon)!;
      // 50 inputs in the quick form.
      expect(Math.abs((row['value'] as number) / expected - 1)).toBeLessThan(0.25);
    }
  });

  test('one ε and one method alone give the same row', async () => {
    const [{ rows: whole }, part] = [await run, await benchmarkTable({ quick: true, seeds: 1, epsilon: 10, methods: ['bridgeMatching'] })];
    expect(part.rows.every((row) => row['epsilon'] === 10)).toBe(true);
    const ours = part.rows.filter(({ seconds }) => seconds > 0);
    expect(ours.map(({ method }) => method)).toEqual(['bridgeMatching, bridge steps']);
    const same = whole.find((row) => row['epsilon'] === 10 && row.method === ours[0]!.method)!;
    for (const key of ['value', 'floor', 'bound', 'inputs']) expect(ours[0]![key]).toBe(same[key]);
  });

  test('what there is not is refused, with what there is', async () => {
    await expect(benchmarkTable({ methods: ['lightSB'] })).rejects.toThrow(/no method 'lightSB'; use mixtureBridge, diffusionBridge/);
    await expect(benchmarkTable({ methods: [] })).rejects.toThrow(DomainError);
    await expect(benchmarkTable({ epsilon: 0 })).rejects.toThrow(/epsilon is 0; pass a number > 0/);
  });

  test('dimensions are whole numbers', async () => {
    await expect(benchmarkTable({ dimension: 0 })).rejects.toThrow(DomainError);
  });
});

test('the drift with diagonalised covariances is the benchmark’s own', () => {
  for (const epsilon of [0.1, 10]) {
    const benchmark = entropicBenchmark({ dimension: 5, components: 3, epsilon, seed: 4 });
    const x = benchmark.source.sample(20, randomSource(1));
    for (const t of [0, 0.4, 0.95]) {
      const [made, own] = [benchmarkDrift(benchmark, epsilon)(t, x).data, benchmark.drift(t, x).data];
      made.forEach((value, i) => {
        expect(Math.abs(value - own[i]!)).toBeLessThan(1e-8 * (1 + Math.abs(own[i]!)));
      });
    }
  }
});

test('five steps with the bridge’s variances end as the exact Gaussian conditional; Euler’s are too wide', () => {
  // Potential N(m, s): X₁ | x₀ ~ N(r(x₀/ε + m/s), r), r = 1/(1/ε + 1/s), drift ε(m − x)/(s + (1 − t)ε).
  const [epsilon, s, m] = [10, 0.8, 1.5];
  const bridge = {
    drift: (t: number, x: { data: Float64Array; count: number; dimension: number }) => {
      const out = allocatePoints(x.count, x.dimension);
      for (let i = 0; i < x.data.length; i++) out.data[i] = (epsilon * (m - x.data[i]!)) / (s + (1 - t) * epsilon);
      return out;
    },
  };
  const grid = timeGrid.uniform({ steps: 5 });
  const starts = wrapPoints(new Float64Array(100_000).fill(0.7), 2);
  const random = randomSource(3);
  const variances = stepVariances(bridge, { epsilon, grid, starts: wrapPoints(starts.data.subarray(0, 400), 2), random });
  const variance = 1 / (1 / epsilon + 1 / s);
  const made = weightedMoments(sampleByBridge(bridge, starts, { grid, variances, random }));
  expect(made.mean[0]).toBeCloseTo(variance * (0.7 / epsilon + m / s), 1);
  expect(Math.abs(made.covariance.get(0, 0) / variance - 1)).toBeLessThan(0.03);
  const euler = grid.durations.map((gamma) => gamma * epsilon);
  const wide = weightedMoments(sampleByBridge(bridge, starts, { grid, variances: euler, random }));
  expect(wide.covariance.get(0, 0) / variance).toBeGreaterThan(1.5);
});
