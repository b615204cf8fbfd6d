import { describe, expect, test } from 'vitest';
import { bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import { DomainError } from '../../src/errors.ts';
import { gaussianBridge, gaussianMarginal, randomSource, wasserstein2 } from '../../src/index.ts';
import { takeRows } from '../../src/numerics/points.ts';
import { brownian } from '../../src/references/brownian.ts';
import { timeGrid } from '../../src/references/time-grid.ts';
import { generate, nearestDistance } from '../../src/reproduce/toy-figures.ts';
import { toySample, toySets } from '../../src/reproduce/toy-sets.ts';
import { twoDimensional } from '../../src/reproduce/two-d.ts';

const FIRST = Array.from({ length: 500 }, (_, i) => i);

describe('reproduce two-d', () => {
  const shares: number[] = [];
  const run = twoDimensional({ quick: true, seeds: 1, onProgress: (_, share) => shares.push(share) });

  test('every method is near the target where doing nothing is far', async () => {
    const { rows } = await run;
    expect(rows).toHaveLength(3);
    for (const row of rows) {
      const name = `${row['set']}, ${row.method}`;
      const { starts, fresh } = toySample(toySets()[0]!, 0, 1000);
      const idle = wasserstein2(takeRows(starts, FIRST), takeRows(fresh, FIRST)) / (row['floor'] as number);
      expect(row['paths'], name).toBeLessThan(idle / 2);
      expect(row['paths'], name).toBeGreaterThan(0.7);
      expect(row['flow'], name).toBeLessThan(idle / 2);
      expect(row['energyGap'], name).toBeLessThan(0.8);
      // Not a replay of the training points.
      expect(row['nearest'], name).toBeGreaterThan(0.9);
    }
  });

  test('the generators are printed, and progress rises to the end', async () => {
    const { notes } = await run;
    expect(notes).toContain(`moons: ${toySets()[0]!.generator}.`);
    expect(shares.every((share, i) => i === 0 || share >= shares[i - 1]! - 1e-12)).toBe(true);
    expect(shares.at(-1)).toBeGreaterThan(0.95);
  });

  test('the arrays of a seed are drawn apart, and the same each time', () => {
    const [set] = toySets();
    const [a, b] = [toySample(set!, 3, 50), toySample(set!, 3, 50)];
    expect(a.fresh).toEqual(b.fresh);
    expect(nearestDistance(a.fresh, a.problem.target.points)).toBeGreaterThan(0);
    expect(nearestDistance(a.problem.target.points, a.problem.target.points)).toBe(0);
  });

  test('a known bridge: the energy of its flow, and where both samplers arrive', () => {
    // N(0, I) to N((2, 0), I): the flow moves every point by the mean at least, E|v|² = 4 + what the spread does.
    const side = (mean: number) => gaussianMarginal({ mean: [mean, 0], covariance: 1 });
    const bridge = gaussianBridge(bridgeProblem({ source: side(0), target: side(2), reference: brownian({ sigma: 0.2 }) }));
    const starts = side(0).sample(4000, randomSource(1));
    const { paths, flow, energy } = generate(bridge, { starts, grid: timeGrid.uniform({ steps: 20 }) }, randomSource(2));
    expect(energy).toBeCloseTo(4, 1);
    for (const made of [paths, flow]) {
      const means = [0, 1].map((c) => made.data.filter((_, i) => i % 2 === c).reduce((sum, v) => sum + v, 0) / made.count);
      expect(means[0]).toBeCloseTo(2, 1);
      expect(means[1]).toBeCloseTo(0, 1);
    }
  });

  test('the signal stops it, and it has two dimensions', async () => {
    await expect(twoDimensional({ quick: true, signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
    await expect(twoDimensional({ dimension: 3 })).rejects.toThrow(DomainError);
  });
});
