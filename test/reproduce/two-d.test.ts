import { describe, expect, test } from 'vitest';
import { bridgeProblem } from '../../src/couplings/bridge-problem.ts';
import { sinkhornBridge } from '../../src/discrete/sinkhorn-bridge.ts';
import { DomainError } from '../../src/errors.ts';
import { type Bridge, gaussianBridge, gaussianMarginal, randomSource, wasserstein2 } from '../../src/index.ts';
import { type PointsLike, takeRows } from '../../src/numerics/points.ts';
import { brownian } from '../../src/references/brownian.ts';
import { timeGrid } from '../../src/references/time-grid.ts';
import { RECORDED } from '../../src/reproduce/recorded-flow-matching.ts';
import { generate, nearestDistance, type ToyFigures, toyFigures, toyScale } from '../../src/reproduce/toy-figures.ts';
import { toySample, toySets } from '../../src/reproduce/toy-sets.ts';
import { meansAndSpreads, twoDimensional } from '../../src/reproduce/two-d.ts';

const mean = (values: ArrayLike<number>): number => Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
const FIRST = Array.from({ length: 500 }, (_, i) => i);

describe('reproduce two-d', () => {
  const shares: number[] = [];
  const run = twoDimensional({ quick: true, seeds: 1, onProgress: (_, share) => shares.push(share) });

  test('every method is near the target where doing nothing is far', async () => {
    const { rows } = await run;
    expect(rows).toHaveLength(4);
    expect(rows[0]).toMatchObject({ method: 'independent coupling', paths: 1 });
    for (const row of rows.slice(1)) {
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

  test('four figures of every method are judged by what is recorded, up to a tenth more', async () => {
    const { checks, rows } = await run;
    expect(checks).toHaveLength(12);
    const check = checks.find(({ name }) => name === 'moons, bridgeMatching: energy gap')!;
    const { energyGap } = RECORDED['moons']!;
    expect(check).toMatchObject({ value: rows.find(({ method }) => method === 'bridgeMatching')!['energyGap'], goal: energyGap });
    expect(check.limit).toBeCloseTo(1.1 * energyGap, 12);
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
    const noise = Array.from({ length: 19 }, (_, k) => side(0).sample(4000, randomSource(2).split(k)));
    const { paths, flow, energies } = generate(bridge, { starts, grid: timeGrid.uniform({ steps: 20 }), noise });
    expect(energies).toHaveLength(4000);
    expect(mean(energies)).toBeCloseTo(4, 1);
    for (const made of [paths, flow]) {
      const means = [0, 1].map((c) => mean(made.data.filter((_, i) => i % 2 === c)));
      expect(means[0]).toBeCloseTo(2, 1);
      expect(means[1]).toBeCloseTo(0, 1);
    }
  });

  test('the exact bridge has no energy gap, and one that moves farther has that of its energy', () => {
    const sample = toySample(toySets()[2]!, 0, 300);
    const exact = sinkhornBridge(sample.problem);
    const scale = toyScale(sample, exact, { exactPoints: 50, energyPaths: 100 });
    // A velocity at t = 0 is asked for by the flow, where the exact bridge has none.
    const bridge = (factor: number): Bridge => ({
      ...exact,
      backwardDrift: (t, x) => scaled(exact, t, x, factor),
      velocity: (_, x) => ({ ...exact.drift(0, x) }),
    });
    expect(scale.energies).toHaveLength(100);
    expect(toyFigures(sample, generate(bridge(1), sample), scale).energyGap).toBe(0);
    // v = ½(f − b) doubled along the same paths: four times the energy.
    expect(toyFigures(sample, generate(bridge(2), sample), scale).energyGap).toBeCloseTo(3, 9);
  });

  test('a part of the table: the sets and methods asked for, in its own order', async () => {
    const { rows } = await twoDimensional({ quick: true, seeds: 1, sets: ['8-gaussians', 's-curve'], methods: ['bridgeMatching'] });
    expect(rows.map((row) => [row['set'], row.method])).toEqual([
      ['S-curve', 'independent coupling'],
      ['S-curve', 'bridgeMatching'],
      ['8 Gaussians', 'independent coupling'],
      ['8 Gaussians', 'bridgeMatching'],
    ]);
    await expect(twoDimensional({ sets: ['moon'] })).rejects.toThrow(/reproduce two-d: there is no set 'moon'; use moons, s-curve/);
    await expect(twoDimensional({ methods: [] })).rejects.toThrow(/there is no method ''; use diffusionBridge, bridgeMatching/);
  });

  test('every figure has its mean and standard deviation over seeds', () => {
    const figures = (value: number): ToyFigures => ({ paths: value, flow: 2 * value, energyGap: 0, nearest: 1 });
    expect(meansAndSpreads([figures(1), figures(2), figures(3)])).toEqual({
      paths: 2,
      pathsSpread: 1,
      flow: 4,
      flowSpread: 2,
      energyGap: 0,
      energyGapSpread: 0,
      nearest: 1,
      nearestSpread: 0,
    });
  });

  test('every set has figures recorded from the peer, over several seeds', () => {
    for (const { name } of toySets()) {
      const { seeds, ...figures } = RECORDED[name]!;
      expect(seeds, name).toBeGreaterThanOrEqual(3);
      for (const value of Object.values(figures)) expect(value, name).toBeGreaterThan(0);
    }
  });

  test('the signal stops it, and it has two dimensions', async () => {
    await expect(twoDimensional({ quick: true, signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
    await expect(twoDimensional({ dimension: 3 })).rejects.toThrow(DomainError);
  });
});

/** b with ½(f − b) times a factor. */
function scaled(bridge: Bridge, t: number, x: PointsLike, factor: number): ReturnType<Bridge['drift']> {
  const [f, b] = [bridge.drift(t, x), bridge.backwardDrift(t, x)];
  return { ...b, data: f.data.map((value, i) => value - factor * (value - b.data[i]!)) };
}
